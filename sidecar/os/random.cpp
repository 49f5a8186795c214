#include "os/random.hpp"

#include <sys/random.h>
#include <algorithm>
#include <array>

namespace lifeboat::os {

std::string random_hex(std::size_t bytes) {
    static constexpr char digits[] = "0123456789abcdef";  // NOLINT(*-avoid-c-arrays)
    std::string text;
    text.reserve(bytes * 2);
    while (bytes > 0) {
        // Up to 256 bytes come whole and without an error once the kernel's source is seeded (getrandom(2)).
        std::array<unsigned char, 32> chunk{};
        const std::size_t wanted = std::min(bytes, chunk.size());
        if (::getrandom(chunk.data(), wanted, 0) != static_cast<ssize_t>(wanted)) {
            continue;  // interrupted while the source was being seeded
        }
        for (std::size_t i = 0; i < wanted; ++i) {
            text += digits[chunk.at(i) >> 4U];
            text += digits[chunk.at(i) & 15U];
        }
        bytes -= wanted;
    }
    return text;
}

}  // namespace lifeboat::os
