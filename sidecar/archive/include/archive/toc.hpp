// The head of an archive in pg_dump's custom format (`pg_dump -Fc`): its header and its table of contents.
//
// Read as the archive streams by, in pieces of any size, in bounded memory, and without ever disturbing the
// stream: what cannot be understood is a verdict for the caller to weigh, not a failed backup.
//
// Format: PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c (ReadHead, ReadToc) and pg_backup_custom.c.
// Fields are positional and differ between versions, so only versions that are known are read:
//   1.12 (PostgreSQL 9.0–10), 1.13 (11), 1.14 (12–15), 1.15 (16), 1.16 (17–19).
#pragma once

#include "result/result.hpp"
#include "stream/sink.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::archive {

// How the data blocks are compressed. Lifeboat's own archives hold them plain (-Z0).
enum class Compression { none, gzip, lz4, zstd, unknown };

struct ArchiveHeader {
    int version_major = 0;
    int version_minor = 0;
    int version_revision = 0;
    std::size_t integer_size = 0;  // bytes of a number's magnitude, in the data blocks as well
    Compression compression = Compression::unknown;
    std::string database;         // the raw name
    std::string server_version;   // as the server says it: "15.18 (Debian 15.18-0+deb12u1)"
    std::string pg_dump_version;  // likewise
};

enum class Section { none = 1, pre_data = 2, data = 3, post_data = 4 };

// One line of the table of contents. Texts are as pg_dump wrote them, in the encoding that the ENCODING
// entry names; NULL and empty are the same here. Names are raw, without quotes; SQL ends in semicolons.
struct TocEntry {
    std::int32_t dump_id = 0;  // > 0; data blocks name it
    bool has_data = false;     // it owns a data block
    std::string tag;           // name of the object
    std::string desc;          // its kind: "TABLE", "TABLE DATA", "ACL", "DATABASE PROPERTIES"
    Section section = Section::none;
    std::string defn;       // the SQL that creates it
    std::string drop;       // the SQL that drops it
    std::string copy_stmt;  // "COPY public.t (a, b) FROM stdin;\n"; empty for data that is not COPY text
    std::string schema;     // upstream's "namespace"; empty for what lives in none
    std::string tablespace;
    std::string owner;  // empty for what has none
    std::vector<std::int32_t> dependencies;
};

// How much of an entry to keep. Numbers and names are cheap, SQL texts and dependencies may not be.
struct TocFields {
    bool names = false;  // false: drop the entry as a whole
    bool defn = false;
    bool drop = false;
    bool copy_stmt = false;
    bool dependencies = false;

    static constexpr TocFields nothing() { return {}; }
    static constexpr TocFields only_names() { return {.names = true}; }
    static constexpr TocFields everything() { return {true, true, true, true, true}; }
};

struct TocOptions {
    // Asked once per entry, before its texts are read. Empty: everything is kept.
    std::function<TocFields(std::string_view desc, std::string_view tag)> wanted;

    // Gets each wanted entry as soon as it is read, for callers that boil entries down on the way.
    // Empty: they are gathered in TocReader::entries().
    std::function<void(TocEntry)> take;

    // The bound on memory: bytes of the header, of the entries gathered and of the one being read.
    std::size_t keep_at_most = std::size_t{8} << 20U;

    // Sanity bounds, also for what is not kept: a broken length must not make us "read" a table of contents
    // through terabytes of rows. Larger than anything pg_dump writes for a real database.
    std::size_t longest_text = std::size_t{64} << 20U;
    std::uint64_t longest_toc = std::uint64_t{1} << 30U;
};

enum class TocState {
    reading,          // not at the end yet
    complete,         // header and all entries were read
    unknown_version,  // a version or variant of the format that is not known here; maybe a good archive
    malformed,        // not what the format allows
    gave_up,          // larger than the bounds in TocOptions, or out of memory
};

// One thread at a time. Never throws.
class TocReader {
public:
    explicit TocReader(TocOptions options = {});
    TocReader(TocReader&&) noexcept;
    TocReader& operator=(TocReader&&) noexcept;
    ~TocReader();

    // Takes the next bytes of the archive. Returns how many of them were header and table of contents: all of
    // them while state() is `reading`; the data blocks begin behind them once it is `complete`. Bytes given
    // in any other state are not looked at, and 0 is returned.
    std::size_t feed(stream::Bytes piece) noexcept;

    [[nodiscard]] TocState state() const noexcept;
    [[nodiscard]] bool complete() const noexcept { return state() == TocState::complete; }

    // Done when complete; otherwise what is wrong, also when bytes are still missing. Holds no name and no
    // text out of the archive.
    [[nodiscard]] Status verdict() const;

    // Filled as far as has been read.
    [[nodiscard]] const ArchiveHeader& header() const noexcept;
    [[nodiscard]] const std::vector<TocEntry>& entries() const noexcept;

    // Bytes of header and table of contents read so far: where the data blocks begin, once complete.
    [[nodiscard]] std::uint64_t size() const noexcept;

private:
    class Parser;
    std::unique_ptr<Parser> parser_;
};

}  // namespace lifeboat::archive
