// Memory for parts, used again: each is as large as a part, and taking and giving 8 MiB to the system for every part
// would cost more than the parts.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace lifeboat::store {

class BufferPool;

// Bytes of one part. Goes back to its pool when it is destroyed. Movable, so that a part has one owner at a time.
class Buffer {
public:
    Buffer() = default;
    Buffer(std::unique_ptr<std::byte[]> bytes, std::size_t capacity, BufferPool* pool)  // NOLINT(*-avoid-c-arrays)
        : bytes_(std::move(bytes)), capacity_(capacity), pool_(pool) {}
    Buffer(Buffer&&) noexcept = default;
    Buffer& operator=(Buffer&& other) noexcept;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { give_back(); }

    explicit operator bool() const noexcept { return bytes_ != nullptr; }
    [[nodiscard]] std::span<const std::byte> content() const noexcept { return {bytes_.get(), size_}; }
    [[nodiscard]] bool full() const noexcept { return size_ == capacity_; }

    // Takes as much of `chunk` as there is room for, and tells how much that was.
    std::size_t append(std::span<const std::byte> chunk);

private:
    friend class BufferPool;
    void give_back() noexcept;

    std::unique_ptr<std::byte[]> bytes_;  // NOLINT(*-avoid-c-arrays): must not be zeroed, 8 MiB at a time
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
    BufferPool* pool_ = nullptr;
};

// Keeps `kept` buffers for the next taker. Must outlive its buffers. Safe for use by several threads.
class BufferPool {
public:
    BufferPool(std::size_t capacity, std::size_t kept) : capacity_(capacity), kept_(kept) { free_.reserve(kept); }

    Buffer take();

private:
    friend class Buffer;
    void give_back(Buffer&& buffer) noexcept;

    const std::size_t capacity_;
    const std::size_t kept_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<std::byte[]>> free_;  // NOLINT(*-avoid-c-arrays)
};

}  // namespace lifeboat::store
