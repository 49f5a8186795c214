#include "data_blocks.hpp"

#include <algorithm>
#include <limits>

namespace lifeboat::archive {
namespace {

constexpr std::int64_t largest_int = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t smallest_int = std::numeric_limits<std::int32_t>::min();

constexpr std::size_t usual_integer_size = 4;

std::uint32_t little_endian(stream::Bytes bytes) {
    return std::to_integer<std::uint32_t>(bytes[0]) | std::to_integer<std::uint32_t>(bytes[1]) << 8U |
           std::to_integer<std::uint32_t>(bytes[2]) << 16U | std::to_integer<std::uint32_t>(bytes[3]) << 24U;
}

}  // namespace

DataBlocks::Step DataBlocks::next(stream::Bytes& rest) noexcept {
    while (!rest.empty()) {
        if (left_ > 0) {
            return take_data(rest);
        }
        if (field_ == Field::nothing) {
            return Step::malformed;
        }
        if (take_length_at_once(rest)) {
            continue;
        }
        rest = rest.subspan(value_.feed(rest));
        if (value_.fault() != Primitive::Fault::none) {
            return malformed();
        }
        if (value_.whole()) {
            if (const auto step = accept()) {
                return *step;
            }
        }
    }
    return Step::more;
}

DataBlocks::Step DataBlocks::take_data(stream::Bytes& rest) noexcept {
    piece_ = rest.first(std::min<std::size_t>(rest.size(), left_));
    rest = rest.subspan(piece_.size());
    left_ -= static_cast<std::uint32_t>(piece_.size());
    return Step::data;
}

// With a chunk for each row, most of the work is reading lengths: this is the short way for those that lie in one
// piece. Whatever is special about one is left to the long way.
bool DataBlocks::take_length_at_once(stream::Bytes& rest) noexcept {
    const bool whole = field_ == Field::length && !value_.begun() && integer_size_ == usual_integer_size &&
                       rest.size() > usual_integer_size && rest[0] == std::byte{0};
    if (!whole) {
        return false;
    }
    const auto length = little_endian(rest.subspan(1, usual_integer_size));
    if (length == 0 || length > largest_int) {
        return false;
    }
    left_ = length;
    rest = rest.subspan(1 + usual_integer_size);
    return true;
}

void DataBlocks::expect(Field field) noexcept {
    field_ = field;
    if (field == Field::type) {
        value_.expect_bytes(1);
    } else {
        value_.expect_integer(integer_size_);
    }
}

std::optional<DataBlocks::Step> DataBlocks::accept() noexcept {
    switch (field_) {
        case Field::type: return accept_type();
        case Field::dump_id: return accept_dump_id();
        case Field::object: return accept_object();
        case Field::length: return accept_length();
        case Field::nothing: break;
    }
    return malformed();
}

std::optional<DataBlocks::Step> DataBlocks::accept_type() noexcept {
    switch (value_.byte()) {
        case static_cast<std::uint8_t>(Type::table): type_ = Type::table; break;
        case static_cast<std::uint8_t>(Type::large_objects): type_ = Type::large_objects; break;
        default: return malformed();
    }
    expect(Field::dump_id);
    return std::nullopt;
}

DataBlocks::Step DataBlocks::accept_dump_id() noexcept {
    if (value_.integer() <= 0 || value_.integer() > largest_int) {
        return malformed();
    }
    dump_id_ = static_cast<std::int32_t>(value_.integer());
    expect(type_ == Type::table ? Field::length : Field::object);
    return Step::block_begins;
}

// pg_dump writes the unsigned oid as an int: those above 2^31 come out negative.
DataBlocks::Step DataBlocks::accept_object() noexcept {
    if (value_.integer() < smallest_int || value_.integer() > largest_int) {
        return malformed();
    }
    object_ = static_cast<std::uint32_t>(value_.integer());
    if (object_ == 0) {
        expect(Field::type);
        return Step::block_ends;
    }
    expect(Field::length);
    return Step::object_begins;
}

std::optional<DataBlocks::Step> DataBlocks::accept_length() noexcept {
    if (value_.integer() < 0 || value_.integer() > largest_int) {
        return malformed();
    }
    left_ = static_cast<std::uint32_t>(value_.integer());
    if (left_ > 0) {
        expect(Field::length);  // the next one, behind the bytes
        return std::nullopt;
    }
    expect(type_ == Type::table ? Field::type : Field::object);
    return type_ == Type::table ? Step::block_ends : Step::object_ends;
}

DataBlocks::Step DataBlocks::malformed() noexcept {
    field_ = Field::nothing;
    return Step::malformed;
}

}  // namespace lifeboat::archive
