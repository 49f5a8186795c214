// What an archive in pg_dump's custom format holds, taken from its bytes as they stream by: of each table the rows,
// the bytes and a hash, of each sequence its value, of the large objects count, bytes and hash, the table of contents
// as a list, and whether the archive is complete.
//
// The format has no end mark and no checksum, and `pg_restore --list` is content with an archive that is cut off
// behind its table of contents. So completeness is a matter of structure. An archive is complete when all of this
// holds:
//   - header and table of contents were read, in a version that is known (toc.hpp);
//   - behind them stands one block for each entry that owns data, in the order of the entries, and each is closed;
//   - the rows of each table end with `\.` and three line feeds. pg_dump writes those before it asks the server whether
//     COPY went well, so the mark alone proves nothing, and neither does the block's end;
//   - the archive ends right behind the last block.
// Whoever made the archive must still be asked for its exit code, and whether the table of contents names every table
// that should be there is not known here.
//
// Format: PostgreSQL's src/bin/pg_dump/pg_backup_custom.c and pg_dump.c (dumpTableData_copy, dumpLOs,
// dumpSequenceData).
#pragma once

#include "archive/content_hash.hpp"
#include "archive/toc.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::archive {

// The rows as COPY … TO STDOUT writes them in text format: `rows` is what wc -l counts there, `bytes` what wc -c does.
struct RowTotals {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    ContentHash hash;  // content_hash.hpp

    RowTotals& operator+=(const RowTotals& other) noexcept;
    friend bool operator==(const RowTotals&, const RowTotals&) = default;
};

// The hash is the sum, modulo 2^128, of the 128-bit XXH3 (seed 0) of each object: of its oid in decimal, a line feed,
// and its bytes. A restore keeps the oids.
struct LargeObjectTotals {
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
    ContentHash hash;

    friend bool operator==(const LargeObjectTotals&, const LargeObjectTotals&) = default;
};

// Raw, without quotes, in the encoding of the archive (its ENCODING entry).
struct QualifiedName {
    std::string schema;
    std::string name;

    friend auto operator<=>(const QualifiedName&, const QualifiedName&) = default;  // NOLINT(modernize-use-nullptr)
};

// Why a table has no totals.
enum class Unread {
    no,            // it has them
    not_reached,   // the archive ended, or was broken, before the table's end
    compressed,    // a foreign archive: Lifeboat has its blocks written plain
    not_copy_text  // likewise: INSERT statements
};

struct TableContents {
    QualifiedName table;
    // Set where the rows are loaded through another table: the root of a partition tree. They may come to lie in
    // another partition than they were dumped from (an enum's hash differs from server to server), so that only the
    // sums of all partitions with the same root are the same after a restore.
    std::optional<QualifiedName> root;
    std::optional<RowTotals> totals;  // never of a part of the rows
    // Of the same rows, whatever the order of the columns: only where ContentsOptions asks for it, of tables whose
    // columns may come in another order after a restore (they inherit), or whose rows may come to lie in a table with
    // another order (those with a root).
    std::optional<ContentHash> by_column = std::nullopt;
    Unread unread = Unread::not_reached;
};

struct SequenceContents {
    QualifiedName sequence;
    // As setval() gets them: the next value is `value` itself if it was not called yet, else the one behind it.
    // Nothing where the statement was not understood.
    std::optional<std::int64_t> value;
    bool called = false;
};

// One entry of the table of contents. Sorted, and compared, by kind, schema, name, owner, privileges, byte by byte.
// In one text, because a large database has hundreds of thousands of them.
class TocLine {
public:
    // None of the texts may hold a NUL: none in an archive does.
    TocLine(std::string_view kind, std::string_view schema, std::string_view name, std::string_view owner,
            std::string_view privileges);

    [[nodiscard]] std::string_view kind() const { return field(0); }
    [[nodiscard]] std::string_view schema() const { return field(1); }
    [[nodiscard]] std::string_view name() const { return field(2); }
    [[nodiscard]] std::string_view owner() const { return field(3); }
    // GRANT and REVOKE statements, of the kinds ACL and DEFAULT ACL only.
    [[nodiscard]] std::string_view privileges() const { return field(4); }

    [[nodiscard]] std::size_t memory() const;

    friend auto operator<=>(const TocLine&, const TocLine&) = default;  // NOLINT(modernize-use-nullptr)

private:
    [[nodiscard]] std::string_view field(int index) const;

    std::string text_;  // NUL between the fields
};

// How much of what was read is kept, the most first: a list of hundreds of thousands of entries may not fit in memory.
enum class Kept {
    all,
    tables,  // all but the entries
    nothing
};

// Deques, because a vector that grows holds everything twice for a moment.
struct Contents {
    Kept kept = Kept::all;
    std::deque<TableContents> tables;                // by schema and name
    std::deque<SequenceContents> sequences;          // by schema and name
    std::optional<LargeObjectTotals> large_objects;  // zeros: there are none; nothing: not read, like a table
    std::deque<TocLine> entries;
};

enum class ContentsState {
    reading,    // finish() was not called yet
    complete,   // the archive is complete, and contents() is all of it
    too_large,  // the archive is complete; contents().kept says what of it fitted into memory
    unread,     // every block is there and closed; what some hold was not read, so their ends were not seen either
    // Nothing is said about the archive, which may be good:
    unknown_version,  // a version or variant of the format that is not known here
    gave_up,          // its table of contents is larger than the bounds in ContentsOptions, or memory ran out
    // The archive is no good:
    cut_off,    // it ends too early
    malformed,  // it is not what pg_dump writes
};

struct ContentsOptions {
    // Gets entries, too, as a TocReader of these options would hand them over; its bounds hold for the one entry that
    // is being read. Without `take` it gets none.
    TocOptions also;

    // Whether to take TableContents::by_column, too. It costs a hash for each value of those tables.
    bool by_column = false;

    // The bound on the memory of contents().
    std::size_t keep_at_most = std::size_t{24} << 20U;
};

// Give it the archive in pieces of any size, then finish(). Holds names and numbers and never a row, however long that
// is: memory is bounded by `keep_at_most`, a third of that for the order of the blocks, and the reader of the table of
// contents. Costs about as much as one look at every byte. One thread at a time. Never throws.
class ContentsReader {
public:
    explicit ContentsReader(ContentsOptions options = {});
    ContentsReader(ContentsReader&&) noexcept;
    ContentsReader& operator=(ContentsReader&&) noexcept;
    ~ContentsReader();

    // Bytes behind the point where something is found wrong are not looked at.
    void feed(stream::Bytes piece) noexcept;

    // No more bytes come. Further calls of either change nothing.
    void finish() noexcept;

    [[nodiscard]] ContentsState state() const noexcept;

    // Whether the archive was seen to be complete, with or without all of contents().
    [[nodiscard]] bool archive_complete() const noexcept;
    // Whether it was seen to be no good. Neither: it may be good, and that is not proven.
    [[nodiscard]] bool archive_broken() const noexcept;

    // Done when complete; otherwise what is wrong. Names of tables are in the error's `detail` alone.
    [[nodiscard]] Status verdict() const;

    // Filled as far as has been read, and sorted by finish(). In the states unknown_version and gave_up nothing is
    // kept.
    [[nodiscard]] const Contents& contents() const& noexcept;
    [[nodiscard]] Contents contents() && noexcept;

    [[nodiscard]] const TocReader& toc() const noexcept;

private:
    class Parser;
    std::unique_ptr<Parser> parser_;
};

// Reads the archive that passes through it. Bytes go on to `next` unchanged, whatever the reader makes of them: its
// verdict is in reader().verdict(), never in write() or finish().
class ContentsTap final : public stream::Sink {
public:
    explicit ContentsTap(stream::Sink& next, ContentsOptions options = {});

    Status write(stream::Bytes chunk) override;
    Status finish() override;

    [[nodiscard]] const ContentsReader& reader() const noexcept { return reader_; }
    [[nodiscard]] ContentsReader& reader() noexcept { return reader_; }

private:
    stream::Sink& next_;
    ContentsReader reader_;
};

}  // namespace lifeboat::archive
