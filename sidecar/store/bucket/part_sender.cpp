#include "bucket/part_sender.hpp"

#include <system_error>

namespace lifeboat::store {

PartSender::PartSender(Bucket& bucket, std::string key, std::string upload_id, const std::stop_token& stop)
    : bucket_(bucket),
      key_(std::move(key)),
      upload_id_(std::move(upload_id)),
      outer_stop_(stop, [this] { stop_.request_stop(); }) {}

PartSender::~PartSender() {
    stop_.request_stop();
    const std::lock_guard lock(mutex_);
    ended_ = true;
    waiting_.clear();
    changed_.notify_all();
}

Status PartSender::send(Buffer part) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return under_way_ < bucket_.options.uploads || failure_; });
    if (failure_) {
        return *failure_;
    }
    if (senders_.size() <= under_way_ && !add_sender()) {
        return failed(
            "no thread can be started to send part " + std::to_string(sent_.size() + 1) + " of '" + key_ + "'",
            "raise the limit of processes (pids) for this container");
    }
    waiting_.push_back({sent_.size(), std::move(part)});
    sent_.emplace_back();
    ++under_way_;
    changed_.notify_all();
    return done();
}

// Fewer threads than wanted are enough, as long as there is one.
bool PartSender::add_sender() {
    try {
        senders_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
        return !senders_.empty();
    }
    return true;
}

Result<std::vector<SentPart>> PartSender::finish() {
    std::unique_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return under_way_ == 0 || failure_; });
    if (failure_) {
        return *failure_;
    }
    return std::move(sent_);
}

std::optional<PartSender::Task> PartSender::next_task() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty() || ended_ || failure_; });
    if (failure_ || waiting_.empty()) {
        return std::nullopt;
    }
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    return task;
}

void PartSender::work() {
    while (auto task = next_task()) {
        send_one(*task);
        task->part = Buffer();  // back to the pool before anyone is told that there is room
        const std::lock_guard lock(mutex_);
        --under_way_;
        changed_.notify_all();
    }
}

void PartSender::send_one(const Task& task) {
    s3::Call call{s3::upload_part,
                  "PUT",
                  key_,
                  {{"partNumber", std::to_string(task.index + 1)}, {"uploadId", upload_id_}},
                  {},
                  s3::Payload(task.part.content())};
    auto answer = bucket_.client.send(call, stop_.get_token());
    if (!answer.ok()) {
        fail(in_context("part " + std::to_string(task.index + 1), std::move(answer.failure->error)));
        return;
    }
    const std::string etag = header(answer.reply, "etag");
    if (etag.empty()) {
        fail(failed("the store took part " + std::to_string(task.index + 1) + " of '" + key_ +
                        "' and gave no ETag for it, without which it cannot be put together",
                    "check that store.endpoint is an S3 server, without a cache in front of it"));
        return;
    }
    const std::lock_guard lock(mutex_);
    sent_[task.index] = {etag, call.body.md5};
}

// What went wrong is noted before the other parts are stopped: else one of them could be first to say that it was.
void PartSender::fail(const Error& error) {
    {
        const std::lock_guard lock(mutex_);
        if (!failure_) {
            failure_ = error;
        }
        changed_.notify_all();
    }
    stop_.request_stop();
}

}  // namespace lifeboat::store
