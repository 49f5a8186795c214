// One stream on its way into the store: compressed, encrypted, stored, each beside the other.
#pragma once

#include "age/keys.hpp"
#include "store/segments.hpp"
#include "stream/counter.hpp"
#include "stream/relay.hpp"
#include "stream/sink.hpp"

#include <atomic>
#include <memory>
#include <stop_token>
#include <vector>

namespace lifeboat::backup {

// caller -> queue -> zstd -> age -> queue -> segments -> store, on three threads: the caller's, one that
// compresses and encrypts, one that stores. Holds two queues of 1 MiB and what zstd needs for `level`.
//
// Nothing is visible in the store before commit(); destroying the stream before that takes everything back.
class OutgoingStream final : public stream::Sink {
public:
    // No recipients: stored without encryption. From a stop on, write() does not wait for a store that can be left.
    static Result<std::unique_ptr<OutgoingStream>> open(store::ObjectStore& store, const store::ObjectKey& key,
                                                        int level, const std::vector<age::Recipient>& recipients,
                                                        const std::stop_token& stop = {});

    Status write(stream::Bytes chunk) override;

    // Everything is with the store, and nothing visible yet.
    Status finish() override { return entry_->finish(); }

    // Only after finish(), and once it is known that every byte was the right one.
    Result<std::vector<store::StoredObject>> commit() { return segments_.commit(); }

    [[nodiscard]] std::uint64_t bytes_in() const noexcept {
        return bytes_in_.load(std::memory_order_relaxed);
    }                                                                                // any thread
    [[nodiscard]] std::uint64_t bytes_out() const noexcept { return out_.bytes(); }  // any thread

private:
    OutgoingStream(store::ObjectStore& store, const store::ObjectKey& key, const std::stop_token& stop);

    // Each stage refers to the one above it, so they are destroyed from the last line to the first.
    store::SegmentWriter segments_;
    stream::Counter out_;
    stream::Relay storing_;
    std::unique_ptr<stream::Sink> encrypting_;
    std::unique_ptr<stream::Sink> compressing_;
    std::unique_ptr<stream::Relay> entry_;

    std::atomic<std::uint64_t> bytes_in_{0};
};

}  // namespace lifeboat::backup
