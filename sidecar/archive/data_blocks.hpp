// The data area of an archive, behind the table of contents: blocks, cut into chunks.
//
//   block = 0x01 Int dumpId { Int length>0, bytes }* Int 0                          the data of a table
//         | 0x03 Int dumpId { Int oid≠0 { Int length>0, bytes }* Int 0 }* Int 0     large objects
// Sources: pg_backup_custom.c, _StartData to _EndLOs, and _CustomWriteFunc. Nothing follows the last block, nor does
// anything say which one it is. Chunks say nothing about rows: up to 18 each is one row, from 19 on it is not.
#pragma once

#include "primitive.hpp"

#include <cstdint>
#include <optional>

namespace lifeboat::archive {

// Says what comes, piece by piece, and keeps none of it.
class DataBlocks {
public:
    enum class Step {
        more,          // no bytes are left
        block_begins,  // type() and dump_id() are known
        object_begins,
        data,  // piece() holds bytes of the block, or of the object
        object_ends,
        block_ends,
        malformed,  // and so for ever
    };
    enum class Type : std::uint8_t { table = 1, large_objects = 3 };

    explicit DataBlocks(std::size_t integer_size) : integer_size_(integer_size) { expect(Field::type); }

    // Takes what it needs from the front of `rest`.
    Step next(stream::Bytes& rest) noexcept;

    [[nodiscard]] Type type() const noexcept { return type_; }
    [[nodiscard]] std::int32_t dump_id() const noexcept { return dump_id_; }
    [[nodiscard]] std::uint32_t object() const noexcept { return object_; }
    [[nodiscard]] stream::Bytes piece() const noexcept { return piece_; }

    // Whether the archive may end here: not a byte of a further block has come.
    [[nodiscard]] bool between_blocks() const noexcept { return field_ == Field::type; }

private:
    enum class Field { type, dump_id, object, length, nothing };

    void expect(Field field) noexcept;
    Step take_data(stream::Bytes& rest) noexcept;
    bool take_length_at_once(stream::Bytes& rest) noexcept;
    std::optional<Step> accept() noexcept;
    std::optional<Step> accept_type() noexcept;
    Step accept_dump_id() noexcept;
    Step accept_object() noexcept;
    std::optional<Step> accept_length() noexcept;
    Step malformed() noexcept;

    std::size_t integer_size_;
    Primitive value_;
    Field field_ = Field::type;
    Type type_ = Type::table;
    std::int32_t dump_id_ = 0;
    std::uint32_t object_ = 0;
    std::uint32_t left_ = 0;  // of the chunk
    stream::Bytes piece_;
};

}  // namespace lifeboat::archive
