#include "stream/relay.hpp"

#include <algorithm>

namespace lifeboat::stream {
namespace {

constexpr std::size_t block_size = std::size_t{128} * 1024;

}  // namespace

Relay::Relay(Sink& next, std::size_t capacity) : next_(next) {
    const std::size_t blocks = std::max<std::size_t>(2, capacity / block_size);
    free_.resize(blocks);
    thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
    {
        const std::lock_guard lock(mutex_);
        abandoned_ = !ended_;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

Status Relay::write(Bytes chunk) {
    while (!chunk.empty()) {
        if (filling_.capacity() == 0) {
            auto block = free_block();
            if (!block) {
                return *outcome_;
            }
            filling_ = std::move(*block);
        }
        const std::size_t room = block_size - filling_.size();
        const Bytes part = chunk.first(std::min(room, chunk.size()));
        filling_.insert(filling_.end(), part.begin(), part.end());
        chunk = chunk.subspan(part.size());
        if (filling_.size() == block_size && !push(std::exchange(filling_, {}))) {
            return *outcome_;
        }
    }
    return done();
}

Status Relay::finish() {
    if (!filling_.empty()) {
        push(std::exchange(filling_, {}));
    }
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
    return outcome_ ? *outcome_ : Status(failed("a stage ended without an outcome"));
}

std::optional<Relay::Block> Relay::free_block() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return outcome_ || !free_.empty(); });
    if (outcome_) {
        return std::nullopt;
    }
    Block block = std::move(free_.back());
    free_.pop_back();
    block.clear();
    block.reserve(block_size);
    return block;
}

bool Relay::push(Block block) {
    {
        const std::lock_guard lock(mutex_);
        if (outcome_) {
            return false;
        }
        full_.push_back(std::move(block));
    }
    changed_.notify_all();
    return true;
}

std::optional<Relay::Block> Relay::next_block() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return abandoned_ || ended_ || !full_.empty(); });
    if (abandoned_ || full_.empty()) {
        return std::nullopt;
    }
    Block block = std::move(full_.front());
    full_.pop_front();
    return block;
}

Status Relay::pump() {
    while (auto block = next_block()) {
        if (auto passed = next_.write(*block); !passed) {
            return passed;
        }
        {
            const std::lock_guard lock(mutex_);
            free_.push_back(std::move(*block));
        }
        changed_.notify_all();
    }
    if (abandoned_) {
        return Error{ErrorKind::interrupted, "the stream was given up", {}};
    }
    return next_.finish();
}

void Relay::run() {
    Status outcome = pump();
    {
        const std::lock_guard lock(mutex_);
        outcome_ = std::move(outcome);
    }
    changed_.notify_all();
}

}  // namespace lifeboat::stream
