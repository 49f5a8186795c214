#pragma once

#include "stream/sink.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace lifeboat::stream {

// A bounded queue between two stages: everything after it runs on a thread of its own, so that reading,
// compressing and storing overlap. Holds at most `capacity` bytes (256 KiB at least), those that the next stage
// is working on among them; write() waits while it is full.
//
// An error of a later stage comes back from the next write() or finish(). finish() returns when the later
// stages have finished. Destroying an unfinished Relay drops what is queued and waits until the stage that
// is working returns; the later stages are not finished. One writing thread.
class Relay final : public Sink {
public:
    Relay(Sink& next, std::size_t capacity);
    ~Relay() override;
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    Status write(Bytes chunk) override;
    Status finish() override;

private:
    using Block = std::vector<std::byte>;

    std::optional<Block> free_block();  // waits; empty when a later stage failed
    bool push(Block block);             // false when a later stage failed
    std::optional<Block> next_block();  // waits; empty at the end
    Status pump();                      // the thread: passes blocks on, then finishes
    void run();

    Sink& next_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Block> full_;
    std::vector<Block> free_;
    Block filling_;
    bool ended_ = false;      // finish() was called: what is queued is all there is
    bool abandoned_ = false;  // the destructor was called first
    std::optional<Status> outcome_;
    std::thread thread_;
};

}  // namespace lifeboat::stream
