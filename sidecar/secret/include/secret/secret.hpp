// A text that must not be seen: a password, a key, a URL that carries one.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace lifeboat {

// Cannot be printed, logged or compared by accident: there is no stream operator and no formatter, so
// logging one does not compile. reveal() is the one way out; search for this word to audit every use.
// The memory is overwritten when the Secret goes (best effort: copies made by others are theirs).
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret& operator=(const Secret& other) {
        if (this != &other) {
            wipe();
            value_ = other.value_;
        }
        return *this;
    }
    Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            wipe();
            value_ = std::move(other.value_);
            other.wipe();
        }
        return *this;
    }
    ~Secret() { wipe(); }

    [[nodiscard]] std::string_view reveal() const noexcept { return value_; }
    [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

private:
    void wipe() noexcept {
        // volatile keeps the compiler from dropping stores to memory that is about to be freed.
        volatile char* bytes = value_.data();
        for (std::size_t i = 0; i < value_.capacity(); ++i) {
            bytes[i] = 0;
        }
        value_.clear();
    }

    std::string value_;
};

}  // namespace lifeboat
