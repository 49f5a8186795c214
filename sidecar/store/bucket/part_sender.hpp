// Sends the parts of one multipart upload, several at a time.
#pragma once

#include "bucket/bucket.hpp"
#include "result/result.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace lifeboat::store {

struct SentPart {
    std::string etag;  // as the server gave it
    s3::Md5 md5{};     // of its bytes
};

// Each part stays in memory until the store has it. The first failure of any part is the failure of all; destroying
// the sender ends what is under way. One caller at a time; the bucket must outlive it.
class PartSender {
public:
    PartSender(Bucket& bucket, std::string key, std::string upload_id, const std::stop_token& stop);
    PartSender(const PartSender&) = delete;
    PartSender& operator=(const PartSender&) = delete;
    ~PartSender();

    // Takes the next part; waits while as many are under way as may be.
    Status send(Buffer part);

    // All parts in order, once the store has them. Call once, last.
    Result<std::vector<SentPart>> finish();

private:
    struct Task {
        std::size_t index;
        Buffer part;
    };

    bool add_sender();
    void work();
    std::optional<Task> next_task();
    void send_one(const Task& task);
    void fail(const Error& error);

    Bucket& bucket_;
    const std::string key_;
    const std::string upload_id_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> waiting_;
    std::size_t under_way_ = 0;  // waiting ones included
    bool ended_ = false;         // nothing comes any more
    std::vector<SentPart> sent_;
    std::optional<Error> failure_;
    std::stop_source stop_;
    std::stop_callback<std::function<void()>> outer_stop_;
    std::vector<std::jthread> senders_;  // last: they end before anything that they use
};

}  // namespace lifeboat::store
