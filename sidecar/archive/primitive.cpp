#include "primitive.hpp"

#include <algorithm>
#include <limits>

namespace lifeboat::archive {

void Primitive::expect(Kind kind, std::size_t fixed_size) {
    kind_ = kind;
    fixed_size_ = fixed_size;
    fixed_have_ = 0;
    integer_ = 0;
    text_.clear();
    text_left_ = 0;
    whole_ = false;
}

void Primitive::expect_bytes(std::size_t count) {
    expect(Kind::bytes, count);
}

void Primitive::expect_integer(std::size_t magnitude_size) {
    expect(Kind::integer, 1 + magnitude_size);
}

void Primitive::expect_offset(std::size_t offset_size) {
    expect(Kind::offset, 1 + offset_size);
}

void Primitive::expect_text(std::size_t magnitude_size, std::size_t longest, std::size_t keep) {
    expect(Kind::text, 1 + magnitude_size);
    longest_ = longest;
    keep_ = keep;
    skip_ = false;
}

void Primitive::expect_text_to_skip(std::size_t magnitude_size, std::size_t longest) {
    expect_text(magnitude_size, longest, 0);
    skip_ = true;
}

std::size_t Primitive::feed(stream::Bytes piece) {
    std::size_t taken = 0;
    while (taken < piece.size() && !whole_ && fault_ == Fault::none) {
        const auto rest = piece.subspan(taken);
        taken += fixed_have_ < fixed_size_ ? feed_fixed(rest) : feed_text(rest);
    }
    return taken;
}

std::size_t Primitive::feed_fixed(stream::Bytes piece) {
    const auto count = std::min(piece.size(), fixed_size_ - fixed_have_);
    for (const auto byte : piece.first(count)) {
        fixed_[fixed_have_++] = std::to_integer<std::uint8_t>(byte);
    }
    if (fixed_have_ == fixed_size_) {
        end_fixed();
    }
    return count;
}

void Primitive::end_fixed() {
    const bool has_integer = kind_ == Kind::integer || kind_ == Kind::text;
    if (has_integer && !decode_integer()) {
        fault_ = Fault::malformed;
    } else if (kind_ == Kind::text) {
        begin_text();
    } else {
        whole_ = true;
    }
}

bool Primitive::decode_integer() {
    std::uint64_t magnitude = 0;
    for (auto i = fixed_size_ - 1; i > 0; --i) {
        magnitude = (magnitude << 8U) | fixed_[i];
    }
    const auto sign = fixed_[0];
    if (sign > 1 || magnitude > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return false;
    }
    integer_ = static_cast<std::int64_t>(magnitude);
    if (sign == 1) {
        integer_ = -integer_;
    }
    return true;
}

void Primitive::begin_text() {
    if (integer_ < -1) {
        fault_ = Fault::malformed;
        return;
    }
    text_left_ = integer_ > 0 ? static_cast<std::uint64_t>(integer_) : 0;
    if (text_left_ > longest_) {
        fault_ = Fault::too_long;
    } else if (!skip_ && text_left_ > keep_) {
        fault_ = Fault::too_much_to_keep;
    }
    whole_ = fault_ == Fault::none && text_left_ == 0;
    if (fault_ == Fault::none && !skip_) {
        text_.reserve(static_cast<std::size_t>(text_left_));  // growing by doubling would take three times as much
    }
}

std::size_t Primitive::feed_text(stream::Bytes piece) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), text_left_));
    const auto text = stream::as_text(piece.first(count));
    if (text.find('\0') != std::string_view::npos) {
        fault_ = Fault::malformed;  // pg_dump writes C strings: there is no such byte in any of them
        return count;
    }
    if (!skip_) {
        text_.append(text);
    }
    text_left_ -= count;
    whole_ = text_left_ == 0;
    return count;
}

}  // namespace lifeboat::archive
