#include "bucket/buffer_pool.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lifeboat::store {

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    if (this != &other) {
        give_back();
        bytes_ = std::move(other.bytes_);
        capacity_ = other.capacity_;
        size_ = other.size_;
        pool_ = other.pool_;
    }
    return *this;
}

std::size_t Buffer::append(std::span<const std::byte> chunk) {
    const auto count = std::min(chunk.size(), capacity_ - size_);
    if (count != 0) {
        std::memcpy(bytes_.get() + size_, chunk.data(), count);
    }
    size_ += count;
    return count;
}

void Buffer::give_back() noexcept {
    if (bytes_) {
        pool_->give_back(std::move(*this));
    }
}

Buffer BufferPool::take() {
    {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            Buffer buffer(std::move(free_.back()), capacity_, this);
            free_.pop_back();
            return buffer;
        }
    }
    return {std::make_unique_for_overwrite<std::byte[]>(capacity_), capacity_, this};  // NOLINT(*-avoid-c-arrays)
}

void BufferPool::give_back(Buffer&& buffer) noexcept {
    auto bytes = std::move(buffer.bytes_);
    const std::lock_guard lock(mutex_);
    if (free_.size() < kept_) {
        free_.push_back(std::move(bytes));
    }
}

}  // namespace lifeboat::store
