#include "os/random.hpp"

#include <random>

namespace lifeboat::os {

std::string random_hex(std::size_t bytes) {
    static constexpr char digits[] = "0123456789abcdef";  // NOLINT(*-avoid-c-arrays)
    std::random_device source("/dev/urandom");
    std::string text;
    text.reserve(bytes * 2);
    for (std::size_t i = 0; i < bytes; ++i) {
        const unsigned value = source();
        text += digits[value & 15U];
        text += digits[(value >> 4U) & 15U];
    }
    return text;
}

}  // namespace lifeboat::os
