// The primitive values of pg_dump's custom format, collected from pieces of any size.
#pragma once

#include "stream/sink.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lifeboat::archive {

// Reads one value at a time: say what comes next with one expect_…(), feed() until whole(), take the value.
//   Byte    1 byte
//   Int     1 sign byte (0 plus, 1 minus), then the magnitude, little-endian, in as many bytes as the header says
//   Str     Int length, then that many bytes; length -1 is NULL
//   Offset  1 state byte, then as many bytes as the header says
class Primitive {
public:
    enum class Fault { none, malformed, too_long, too_much_to_keep };

    void expect_bytes(std::size_t count);  // at most `capacity`
    void expect_integer(std::size_t magnitude_size);
    void expect_offset(std::size_t offset_size);
    // Fails when the text is longer than `longest`, whether kept or not, or than `keep`. Text that is not
    // kept is passed over.
    void expect_text(std::size_t magnitude_size, std::size_t longest, std::size_t keep);
    void expect_text_to_skip(std::size_t magnitude_size, std::size_t longest);

    // Returns how many bytes it took: all, or those up to the end of the value or to a fault.
    std::size_t feed(stream::Bytes piece);

    [[nodiscard]] bool begun() const { return fixed_have_ > 0; }
    [[nodiscard]] bool whole() const { return whole_; }
    [[nodiscard]] Fault fault() const { return fault_; }

    // Only when whole(), and only for what was expected.
    [[nodiscard]] std::uint8_t byte(std::size_t index = 0) const { return fixed_[index]; }
    [[nodiscard]] std::int64_t integer() const { return integer_; }
    [[nodiscard]] bool null_text() const { return integer_ < 0; }
    [[nodiscard]] std::string& text() { return text_; }  // empty when NULL or not kept

    static constexpr std::size_t largest_integer = 8;
    static constexpr std::size_t capacity = 1 + largest_integer;

private:
    enum class Kind { bytes, integer, offset, text };

    void expect(Kind kind, std::size_t fixed_size);
    std::size_t feed_fixed(stream::Bytes piece);
    std::size_t feed_text(stream::Bytes piece);
    void end_fixed();
    bool decode_integer();
    void begin_text();

    Kind kind_ = Kind::bytes;
    std::array<std::uint8_t, capacity> fixed_{};
    std::size_t fixed_size_ = 0;
    std::size_t fixed_have_ = 0;
    std::int64_t integer_ = 0;
    std::string text_;
    std::uint64_t text_left_ = 0;
    std::size_t longest_ = 0;
    std::size_t keep_ = 0;
    bool skip_ = false;
    bool whole_ = false;
    Fault fault_ = Fault::none;
};

}  // namespace lifeboat::archive
