#include "archive/toc.hpp"

#include "primitive.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <limits>
#include <optional>
#include <utility>

namespace lifeboat::archive {
namespace {

constexpr std::string_view file_signature = "PGDMP";
constexpr int custom_format = 1;

// In the order in which they stand in the archive.
enum class Field {
    signature,
    version,
    integer_size,
    offset_size,
    format,
    compression,
    creation_time,
    database,
    server_version,
    pg_dump_version,
    entry_count,
    dump_id,
    has_data,
    catalog_table,
    catalog_object,
    tag,
    desc,
    section,
    defn,
    drop,
    copy_stmt,
    schema,
    tablespace,
    access_method,
    relation_kind,
    owner,
    with_oids,
    dependency,
    data_offset,
};

constexpr int creation_time_parts = 7;  // second to year, and whether daylight saving was on

std::string_view name_of(Field field) {
    switch (field) {
        case Field::signature: return "the file signature";
        case Field::version: return "the version";
        case Field::integer_size: return "the integer size";
        case Field::offset_size: return "the offset size";
        case Field::format: return "the format";
        case Field::compression: return "the compression";
        case Field::creation_time: return "the creation time";
        case Field::database: return "the database name";
        case Field::server_version: return "the server version";
        case Field::pg_dump_version: return "the pg_dump version";
        case Field::entry_count: return "the number of entries";
        case Field::dump_id: return "the dump id";
        case Field::has_data: return "the data mark";
        case Field::catalog_table: return "the catalog id";
        case Field::catalog_object: return "the object id";
        case Field::tag: return "the tag";
        case Field::desc: return "the kind";
        case Field::section: return "the section";
        case Field::defn: return "the definition";
        case Field::drop: return "the drop statement";
        case Field::copy_stmt: return "the copy statement";
        case Field::schema: return "the schema";
        case Field::tablespace: return "the tablespace";
        case Field::access_method: return "the access method";
        case Field::relation_kind: return "the relation kind";
        case Field::owner: return "the owner";
        case Field::with_oids: return "the oids mark";
        case Field::dependency: return "a dependency";
        case Field::data_offset: return "the data offset";
    }
    return "a field";
}

// Up to 1.14 the gzip level stands here, -1 for gzip's default.
std::optional<Compression> compression_from_level(std::int64_t level) {
    if (level < -1 || level > 9) {
        return std::nullopt;
    }
    return level == 0 ? Compression::none : Compression::gzip;
}

// From 1.15 on the algorithm stands here. One that is not known yet says nothing against the rest.
Compression compression_from_algorithm(std::uint8_t algorithm) {
    switch (algorithm) {
        case 0: return Compression::none;
        case 1: return Compression::gzip;
        case 2: return Compression::lz4;
        case 3: return Compression::zstd;
        default: return Compression::unknown;
    }
}

std::optional<std::int32_t> dump_id_from_text(std::string_view text) {
    std::int32_t id = 0;
    const auto* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, id);
    const bool good = error == std::errc{} && stopped == end && id > 0;
    return good ? std::optional(id) : std::nullopt;
}

}  // namespace

class TocReader::Parser {
public:
    explicit Parser(TocOptions options) : options_(std::move(options)) { expect(Field::signature); }

    std::size_t feed(stream::Bytes piece) {
        std::size_t taken = 0;
        while (state_ == TocState::reading && taken < piece.size()) {
            const auto count = value_.feed(piece.subspan(taken));
            taken += count;
            size_ += count;
            advance();
        }
        return taken;
    }

    void give_up(std::string_view why) noexcept {
        state_ = TocState::gave_up;
        trouble_ = why;
        entry_ = {};
    }

    [[nodiscard]] Status verdict() const;

    [[nodiscard]] TocState state() const { return state_; }
    [[nodiscard]] const ArchiveHeader& header() const { return header_; }
    [[nodiscard]] const std::vector<TocEntry>& entries() const { return entries_; }
    [[nodiscard]] std::uint64_t size() const { return size_; }

private:
    void advance();
    void accept();
    void accept_in_header();
    void accept_in_entry();

    void expect(Field field);
    void expect_text(bool keep);
    void next_field();

    void check_signature();
    void check_version();
    void accept_size(std::size_t& size);
    void accept_compression();
    void accept_creation_time();
    void accept_entry_count();
    void accept_dump_id();
    void accept_has_data();
    void accept_desc();
    void accept_section();
    void accept_dependency();
    void accept_offset();
    void end_entry();

    void keep(std::string& place);
    [[nodiscard]] std::size_t room() const;
    [[nodiscard]] bool version_at_least(int minor) const { return header_.version_minor >= minor; }
    [[nodiscard]] bool is_int32() const;
    void malformed();
    void unknown_version(std::string_view what);

    TocOptions options_;
    Primitive value_;
    Field field_ = Field::signature;
    std::size_t offset_size_ = 0;
    int time_parts_ = 0;

    TocState state_ = TocState::reading;
    std::string_view trouble_;  // a constant text
    std::uint64_t size_ = 0;

    ArchiveHeader header_;
    std::int64_t entries_announced_ = 0;
    std::int64_t entries_read_ = 0;
    TocFields wanted_;
    TocEntry entry_;
    std::size_t entry_bytes_ = 0;
    std::vector<TocEntry> entries_;
    std::size_t kept_bytes_ = 0;
};

void TocReader::Parser::advance() {
    switch (value_.fault()) {
        case Primitive::Fault::malformed: return malformed();
        case Primitive::Fault::too_long: return give_up("holds a text of absurd length");
        case Primitive::Fault::too_much_to_keep: return give_up("is larger than may be kept in memory");
        case Primitive::Fault::none: break;
    }
    if (value_.whole()) {
        accept();
    }
    if (state_ == TocState::reading && size_ > options_.longest_toc) {
        give_up("is absurdly long");
    }
}

void TocReader::Parser::accept() {
    if (field_ <= Field::entry_count) {
        accept_in_header();
    } else {
        accept_in_entry();
    }
}

void TocReader::Parser::accept_in_header() {
    switch (field_) {
        case Field::signature: return check_signature();
        case Field::version: return check_version();
        case Field::integer_size: return accept_size(header_.integer_size);
        case Field::offset_size: return accept_size(offset_size_);
        case Field::format:
            return value_.byte() == custom_format ? next_field() : unknown_version("is not in the custom format");
        case Field::compression: return accept_compression();
        case Field::creation_time: return accept_creation_time();
        case Field::database: return keep(header_.database);
        case Field::server_version: return keep(header_.server_version);
        case Field::pg_dump_version: return keep(header_.pg_dump_version);
        default: return accept_entry_count();
    }
}

void TocReader::Parser::accept_in_entry() {
    switch (field_) {
        case Field::dump_id: return accept_dump_id();
        case Field::has_data: return accept_has_data();
        case Field::tag: return keep(entry_.tag);
        case Field::desc: return accept_desc();
        case Field::section: return accept_section();
        case Field::defn: return keep(entry_.defn);
        case Field::drop: return keep(entry_.drop);
        case Field::copy_stmt: return keep(entry_.copy_stmt);
        case Field::schema: return keep(entry_.schema);
        case Field::tablespace: return keep(entry_.tablespace);
        case Field::owner: return keep(entry_.owner);
        case Field::relation_kind: return is_int32() ? next_field() : malformed();
        case Field::dependency: return accept_dependency();
        case Field::data_offset: return accept_offset();
        default: return next_field();
    }
}

void TocReader::Parser::expect(Field field) {
    field_ = field;
    switch (field) {
        case Field::signature: return value_.expect_bytes(file_signature.size());
        case Field::version: return value_.expect_bytes(3);
        case Field::integer_size:
        case Field::offset_size:
        case Field::format: return value_.expect_bytes(1);
        case Field::compression:
            return version_at_least(15) ? value_.expect_bytes(1) : value_.expect_integer(header_.integer_size);
        case Field::creation_time:
        case Field::entry_count:
        case Field::dump_id:
        case Field::has_data:
        case Field::section:
        case Field::relation_kind: return value_.expect_integer(header_.integer_size);
        case Field::data_offset: return value_.expect_offset(offset_size_);
        case Field::database:
        case Field::server_version:
        case Field::pg_dump_version:
        case Field::tag:
        case Field::desc:
        case Field::dependency: return expect_text(true);
        case Field::schema:
        case Field::tablespace:
        case Field::owner: return expect_text(wanted_.names);
        case Field::defn: return expect_text(wanted_.names && wanted_.defn);
        case Field::drop: return expect_text(wanted_.names && wanted_.drop);
        case Field::copy_stmt: return expect_text(wanted_.names && wanted_.copy_stmt);
        case Field::catalog_table:
        case Field::catalog_object:
        case Field::access_method:
        case Field::with_oids: return expect_text(false);
    }
}

void TocReader::Parser::expect_text(bool keep) {
    if (keep) {
        value_.expect_text(header_.integer_size, options_.longest_text, room());
    } else {
        value_.expect_text_to_skip(header_.integer_size, options_.longest_text);
    }
}

void TocReader::Parser::next_field() {
    auto next = static_cast<Field>(static_cast<int>(field_) + 1);
    if (next == Field::access_method && !version_at_least(14)) {
        next = Field::relation_kind;
    }
    if (next == Field::relation_kind && !version_at_least(16)) {
        next = Field::owner;
    }
    expect(next);
}

void TocReader::Parser::check_signature() {
    for (std::size_t i = 0; i < file_signature.size(); ++i) {
        if (value_.byte(i) != static_cast<std::uint8_t>(file_signature[i])) {
            return malformed();
        }
    }
    next_field();
}

void TocReader::Parser::check_version() {
    header_.version_major = value_.byte(0);
    header_.version_minor = value_.byte(1);
    header_.version_revision = value_.byte(2);
    if (header_.version_major != 1 || header_.version_minor < 12 || header_.version_minor > 16) {
        return unknown_version("has an unknown version");
    }
    next_field();
}

void TocReader::Parser::accept_size(std::size_t& size) {
    size = value_.byte();
    if (size == 0 || size > Primitive::largest_integer) {
        return unknown_version("has numbers of an unknown size");
    }
    next_field();
}

void TocReader::Parser::accept_compression() {
    const auto compression =
        version_at_least(15) ? compression_from_algorithm(value_.byte()) : compression_from_level(value_.integer());
    if (!compression) {
        return malformed();
    }
    header_.compression = *compression;
    next_field();
}

void TocReader::Parser::accept_creation_time() {
    if (!is_int32()) {
        return malformed();
    }
    ++time_parts_;
    return time_parts_ < creation_time_parts ? expect(Field::creation_time) : next_field();
}

void TocReader::Parser::accept_entry_count() {
    if (!is_int32() || value_.integer() < 0) {
        return malformed();
    }
    entries_announced_ = value_.integer();
    if (entries_announced_ == 0) {
        state_ = TocState::complete;
        return;
    }
    next_field();
}

void TocReader::Parser::accept_dump_id() {
    if (!is_int32() || value_.integer() <= 0) {
        return malformed();
    }
    entry_ = {};
    entry_bytes_ = sizeof(TocEntry);
    entry_.dump_id = static_cast<std::int32_t>(value_.integer());
    next_field();
}

void TocReader::Parser::accept_has_data() {
    if (value_.integer() != 0 && value_.integer() != 1) {
        return malformed();
    }
    entry_.has_data = value_.integer() == 1;
    next_field();
}

void TocReader::Parser::accept_desc() {
    if (value_.null_text()) {
        return malformed();
    }
    wanted_ = options_.wanted ? options_.wanted(value_.text(), entry_.tag) : TocFields::everything();
    keep(entry_.desc);
}

void TocReader::Parser::accept_section() {
    if (value_.integer() < static_cast<int>(Section::none) || value_.integer() > static_cast<int>(Section::post_data)) {
        return malformed();
    }
    entry_.section = static_cast<Section>(value_.integer());
    next_field();
}

void TocReader::Parser::accept_dependency() {
    if (value_.null_text()) {
        return next_field();
    }
    const auto id = dump_id_from_text(value_.text());
    if (!id) {
        return malformed();
    }
    if (wanted_.names && wanted_.dependencies) {
        if (room() < sizeof(std::int32_t)) {
            return give_up("is larger than may be kept in memory");
        }
        entry_.dependencies.push_back(*id);
        entry_bytes_ += sizeof(std::int32_t);
    }
    expect(Field::dependency);
}

void TocReader::Parser::accept_offset() {
    // 1: not known (always so in a pipe), 2: known, 3: an entry without data.
    if (value_.byte() < 1 || value_.byte() > 3) {
        return malformed();
    }
    end_entry();
}

void TocReader::Parser::end_entry() {
    if (wanted_.names && options_.take) {
        options_.take(std::move(entry_));
    } else if (wanted_.names) {
        entries_.push_back(std::move(entry_));
        kept_bytes_ += entry_bytes_;
    }
    entry_ = {};
    entry_bytes_ = 0;
    ++entries_read_;
    if (entries_read_ == entries_announced_) {
        state_ = TocState::complete;
        return;
    }
    expect(Field::dump_id);
}

void TocReader::Parser::keep(std::string& place) {
    place = std::move(value_.text());
    auto& bytes = field_ < Field::entry_count ? kept_bytes_ : entry_bytes_;
    bytes += place.size();
    next_field();
}

std::size_t TocReader::Parser::room() const {
    const auto used = kept_bytes_ + entry_bytes_;
    return options_.keep_at_most - std::min(used, options_.keep_at_most);
}

bool TocReader::Parser::is_int32() const {
    return value_.integer() >= std::numeric_limits<std::int32_t>::min() &&
           value_.integer() <= std::numeric_limits<std::int32_t>::max();
}

void TocReader::Parser::malformed() {
    state_ = TocState::malformed;
    trouble_ = name_of(field_);
}

void TocReader::Parser::unknown_version(std::string_view what) {
    state_ = TocState::unknown_version;
    trouble_ = what;
}

Status TocReader::Parser::verdict() const {
    const auto where = " (entry " + std::to_string(entries_read_ + 1) + ", byte " + std::to_string(size_) + ")";
    switch (state_) {
        case TocState::complete: return done();
        case TocState::reading:
            return Error{ErrorKind::corrupt, "the archive ends inside its table of contents" + where,
                         "take the archive from another backup: this one is cut off"};
        case TocState::unknown_version:
            return Error{ErrorKind::failed,
                         "the archive " + std::string(trouble_) + " (" + std::to_string(header_.version_major) + "." +
                             std::to_string(header_.version_minor) + "), so its table of contents was not read",
                         "use a Lifeboat that knows this version of PostgreSQL; the archive itself may be good"};
        case TocState::malformed:
            return Error{ErrorKind::corrupt,
                         "the archive's table of contents is broken at " + std::string(trouble_) + where,
                         "check with `pg_restore --list` whether this is a whole custom-format archive"};
        case TocState::gave_up: break;
    }
    return Error{ErrorKind::failed, "the archive's table of contents " + std::string(trouble_) + where,
                 "look at the archive with `pg_restore --list`; it may be good"};
}

TocReader::TocReader(TocOptions options) : parser_(std::make_unique<Parser>(std::move(options))) {}
TocReader::TocReader(TocReader&&) noexcept = default;
TocReader& TocReader::operator=(TocReader&&) noexcept = default;
TocReader::~TocReader() = default;

std::size_t TocReader::feed(stream::Bytes piece) noexcept {
    const auto before = parser_->size();
    try {
        parser_->feed(piece);
    } catch (const std::exception&) {
        parser_->give_up("could not be kept in memory");
    }
    return static_cast<std::size_t>(parser_->size() - before);
}

TocState TocReader::state() const noexcept {
    return parser_->state();
}

Status TocReader::verdict() const {
    return parser_->verdict();
}

const ArchiveHeader& TocReader::header() const noexcept {
    return parser_->header();
}

const std::vector<TocEntry>& TocReader::entries() const noexcept {
    return parser_->entries();
}

std::uint64_t TocReader::size() const noexcept {
    return parser_->size();
}

}  // namespace lifeboat::archive
