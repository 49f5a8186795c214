#include "archive/contents.hpp"

#include "copy_text.hpp"
#include "data_blocks.hpp"
#include "gathered_contents.hpp"
#include "rows_by_column.hpp"

#include <exception>
#include <memory>
#include <utility>

namespace lifeboat::archive {
namespace {

using Step = DataBlocks::Step;

TocFields both(const TocFields& a, const TocFields& b) {
    return {a.names || b.names, a.defn || b.defn, a.drop || b.drop, a.copy_stmt || b.copy_stmt,
            a.dependencies || b.dependencies};
}

TocEntry only(const TocFields& fields, TocEntry entry) {
    if (!fields.defn) {
        entry.defn.clear();
    }
    if (!fields.drop) {
        entry.drop.clear();
    }
    if (!fields.copy_stmt) {
        entry.copy_stmt.clear();
    }
    if (!fields.dependencies) {
        entry.dependencies.clear();
    }
    return entry;
}

// Hands every entry to `mine`, and to `also` what it wants.
TocOptions shared_options(GatheredContents& mine, TocOptions also) {
    struct Other {
        std::function<TocFields(std::string_view, std::string_view)> wanted;
        std::function<void(TocEntry)> take;
        TocFields of_this_entry;
    };
    auto other = std::make_shared<Other>(Other{std::move(also.wanted), std::move(also.take), {}});
    also.wanted = [other, &mine](std::string_view desc, std::string_view tag) {
        if (!other->take) {
            return mine.wanted(desc);
        }
        other->of_this_entry = other->wanted ? other->wanted(desc, tag) : TocFields::everything();
        return both(mine.wanted(desc), other->of_this_entry);
    };
    also.take = [other, &mine](TocEntry entry) {
        mine.take(entry);
        if (other->take && other->of_this_entry.names) {
            other->take(only(other->of_this_entry, std::move(entry)));
        }
    };
    return also;
}

std::string said(const QualifiedName& table) {
    return "the table is " + (table.schema.empty() ? table.name : table.schema + "." + table.name);
}

bool holds_rows(BlockContent content) {
    return content == BlockContent::rows || content == BlockContent::statements;
}

constexpr std::string_view of_no_use = "take the archive from another backup: this one is no good";

}  // namespace

RowTotals& RowTotals::operator+=(const RowTotals& other) noexcept {
    rows += other.rows;
    bytes += other.bytes;
    hash += other.hash;
    return *this;
}

class ContentsReader::Parser {
public:
    explicit Parser(ContentsOptions options)
        : gathered_(options.keep_at_most, options.by_column),
          toc_(shared_options(gathered_, std::move(options.also))) {}

    void feed(stream::Bytes piece);
    void finish();
    void give_up(std::string_view why) noexcept;

    [[nodiscard]] ContentsState state() const { return state_; }
    [[nodiscard]] Status verdict() const;
    [[nodiscard]] Contents& contents() { return gathered_.contents(); }
    [[nodiscard]] const TocReader& toc() const { return toc_; }

private:
    void begin_blocks();
    void feed_blocks(stream::Bytes rest);
    void take(Step step);
    void begin_block();
    void take_data();
    void begin_object();
    void end_object();
    void end_block();
    void end_table(bool read);
    void end();
    void broken(ContentsState state, std::string_view what);
    void malformed(std::string_view what) { broken(ContentsState::malformed, what); }

    [[nodiscard]] BlockContent content() const { return gathered_.blocks()[next_block_].content; }
    [[nodiscard]] bool plain() const { return toc_.header().compression == Compression::none; }
    [[nodiscard]] std::string where() const;
    [[nodiscard]] std::string table_at_hand();

    GatheredContents gathered_;
    TocReader toc_;
    std::optional<DataBlocks> blocks_;
    CopyText rows_;
    std::optional<RowsByColumn> rows_by_column_;  // of the current table, where that is wanted
    Xxh3 object_hash_;
    LargeObjectTotals large_objects_;

    std::size_t next_block_ = 0;  // or the current one
    std::size_t next_table_ = 0;  // likewise
    bool in_block_ = false;
    BlockContent reading_ = BlockContent::unknown;  // what the current block's bytes are read as; unknown: not at all
    std::size_t not_read_ = 0;                      // blocks
    bool large_objects_not_read_ = false;

    ContentsState state_ = ContentsState::reading;
    std::string_view trouble_;  // a constant text
    std::string detail_;
    std::uint64_t size_ = 0;  // bytes read
};

void ContentsReader::Parser::feed(stream::Bytes piece) {
    if (state_ != ContentsState::reading) {
        return;
    }
    if (!blocks_) {
        const auto taken = toc_.feed(piece);
        size_ += taken;
        piece = piece.subspan(taken);
        switch (toc_.state()) {
            case TocState::reading: return;
            case TocState::complete: begin_blocks(); break;
            case TocState::unknown_version:
                state_ = ContentsState::unknown_version;
                gathered_.drop();
                return;
            case TocState::malformed: state_ = ContentsState::malformed; return;
            case TocState::gave_up: give_up({}); return;
        }
    }
    feed_blocks(piece);
}

void ContentsReader::Parser::begin_blocks() {
    blocks_.emplace(toc_.header().integer_size);
}

void ContentsReader::Parser::feed_blocks(stream::Bytes rest) {
    const auto given = rest.size();
    while (!rest.empty() && state_ == ContentsState::reading) {
        if (!in_block_ && next_block_ == gathered_.blocks().size()) {
            malformed("goes on behind its last data block");
            break;
        }
        take(blocks_->next(rest));
    }
    size_ += given - rest.size();
}

void ContentsReader::Parser::take(Step step) {
    switch (step) {
        case Step::more: return;
        case Step::block_begins: return begin_block();
        case Step::object_begins: return begin_object();
        case Step::data: return take_data();
        case Step::object_ends: return end_object();
        case Step::block_ends: return end_block();
        case Step::malformed: return malformed("has a data block that is not cut as pg_dump does");
    }
}

void ContentsReader::Parser::begin_block() {
    in_block_ = true;
    if (blocks_->dump_id() != gathered_.blocks()[next_block_].dump_id) {
        return malformed("lacks a data block: that of another entry stands in its place");
    }
    const bool of_objects = blocks_->type() == DataBlocks::Type::large_objects;
    if (content() != BlockContent::unknown && of_objects != (content() == BlockContent::large_objects)) {
        return malformed("has rows where large objects belong, or the other way round");
    }
    reading_ = plain() ? content() : BlockContent::unknown;
    rows_.begin();
    rows_by_column_.reset();
    if (reading_ == BlockContent::rows) {
        if (auto columns = gathered_.columns(next_table_); !columns.empty()) {
            rows_by_column_.emplace().begin(std::move(columns));
        }
    }
}

void ContentsReader::Parser::take_data() {
    const auto piece = blocks_->piece();
    if (reading_ == BlockContent::rows) {
        if (!rows_.take(piece)) {
            malformed("goes on behind the end mark of a table's rows");
        }
        if (rows_by_column_) {
            rows_by_column_->take(piece);
        }
    } else if (reading_ == BlockContent::large_objects) {
        large_objects_.bytes += piece.size();
        object_hash_.take(piece);
    }
}

void ContentsReader::Parser::begin_object() {
    if (reading_ == BlockContent::large_objects) {
        object_hash_.begin();
        object_hash_.take(stream::as_bytes(std::to_string(blocks_->object()) + "\n"));
    }
}

void ContentsReader::Parser::end_object() {
    if (reading_ == BlockContent::large_objects) {
        ++large_objects_.objects;
        large_objects_.hash += object_hash_.hash();
    }
}

void ContentsReader::Parser::end_block() {
    const bool read = reading_ == BlockContent::rows || reading_ == BlockContent::large_objects;
    if (reading_ == BlockContent::rows && !rows_.ended()) {
        return malformed("holds rows of a table without their end mark");
    }
    not_read_ += read ? 0 : 1;
    if (holds_rows(content())) {
        end_table(read);
    } else if (content() == BlockContent::large_objects && !read) {
        large_objects_not_read_ = true;
    }
    in_block_ = false;
    ++next_block_;
}

void ContentsReader::Parser::end_table(bool read) {
    auto* table = gathered_.table(next_table_);
    ++next_table_;
    if (table == nullptr) {
        return;
    }
    if (read) {
        table->totals = rows_.totals();
        table->by_column = rows_by_column_ ? rows_by_column_->hash() : std::nullopt;
        table->unread = Unread::no;
    } else {
        table->unread = plain() ? Unread::not_copy_text : Unread::compressed;
    }
}

void ContentsReader::Parser::finish() {
    if (state_ == ContentsState::reading) {
        end();
    }
    gathered_.sort();
}

void ContentsReader::Parser::end() {
    if (!blocks_ || in_block_ || !blocks_->between_blocks()) {
        return broken(ContentsState::cut_off, "ends inside of a data block");
    }
    if (next_block_ < gathered_.blocks().size()) {
        return broken(ContentsState::cut_off, "ends where a data block should begin");
    }
    if (!large_objects_not_read_ && gathered_.kept() != Kept::nothing) {
        contents().large_objects = large_objects_;
    }
    if (not_read_ > 0) {
        state_ = ContentsState::unread;
    } else {
        state_ = gathered_.kept() == Kept::all ? ContentsState::complete : ContentsState::too_large;
    }
}

void ContentsReader::Parser::give_up(std::string_view why) noexcept {
    state_ = ContentsState::gave_up;
    trouble_ = why;
    gathered_.drop();
}

void ContentsReader::Parser::broken(ContentsState state, std::string_view what) {
    state_ = state;
    trouble_ = what;
    detail_ = table_at_hand();
}

std::string ContentsReader::Parser::where() const {
    return " (data block " + std::to_string(next_block_ + 1) + " of " + std::to_string(gathered_.blocks().size()) +
           ", byte " + std::to_string(size_) + ")";
}

// Of the block that is being read, or comes next. Only while the tables stand in the order of the blocks.
std::string ContentsReader::Parser::table_at_hand() {
    if (next_block_ >= gathered_.blocks().size() || !holds_rows(content())) {
        return {};
    }
    const auto* table = gathered_.table(next_table_);
    return table == nullptr ? std::string() : said(table->table);
}

Status ContentsReader::Parser::verdict() const {
    const auto trouble = "the archive " + std::string(trouble_);
    switch (state_) {
        case ContentsState::complete: return done();
        case ContentsState::reading:
            return Error{ErrorKind::failed, "the archive was not read to its end",
                         "this is a defect of Lifeboat: report it"};
        case ContentsState::too_large:
            return Error{ErrorKind::failed,
                         "the archive is complete, but names more objects than may be kept in memory: " +
                             std::string(gathered_.kept() == Kept::tables
                                             ? "what its tables hold is on record, the list of its objects is not"
                                             : "what it holds is not on record"),
                         "restore it into another server to see that it holds what it should"};
        case ContentsState::unread:
            return Error{
                ErrorKind::failed,
                "what " + std::to_string(not_read_) + " of " + std::to_string(gathered_.blocks().size()) +
                    " data blocks of the archive hold was not read: it is compressed, or not COPY text",
                "have pg_dump write it with --format=custom --compress=0 and without --inserts; it may be good"};
        case ContentsState::malformed:
        case ContentsState::cut_off: break;
        case ContentsState::unknown_version: return toc_.verdict();
        case ContentsState::gave_up:
            return trouble_.empty()
                       ? toc_.verdict()
                       : Error{ErrorKind::failed, trouble + where(), "it may be good: see if pg_restore takes it"};
    }
    if (!blocks_) {
        return toc_.verdict();
    }
    return Error{ErrorKind::corrupt, trouble + where(), std::string(of_no_use), detail_};
}

ContentsReader::ContentsReader(ContentsOptions options) : parser_(std::make_unique<Parser>(std::move(options))) {}
ContentsReader::ContentsReader(ContentsReader&&) noexcept = default;
ContentsReader& ContentsReader::operator=(ContentsReader&&) noexcept = default;
ContentsReader::~ContentsReader() = default;

void ContentsReader::feed(stream::Bytes piece) noexcept {
    try {
        parser_->feed(piece);
    } catch (const std::exception&) {
        parser_->give_up("could not be kept in memory");
    }
}

void ContentsReader::finish() noexcept {
    try {
        parser_->finish();
    } catch (const std::exception&) {
        parser_->give_up("could not be kept in memory");
    }
}

ContentsState ContentsReader::state() const noexcept {
    return parser_->state();
}

bool ContentsReader::archive_complete() const noexcept {
    return state() == ContentsState::complete || state() == ContentsState::too_large;
}

bool ContentsReader::archive_broken() const noexcept {
    return state() == ContentsState::cut_off || state() == ContentsState::malformed;
}

Status ContentsReader::verdict() const {
    return parser_->verdict();
}

const Contents& ContentsReader::contents() const& noexcept {
    return parser_->contents();
}

Contents ContentsReader::contents() && noexcept {
    return std::move(parser_->contents());
}

const TocReader& ContentsReader::toc() const noexcept {
    return parser_->toc();
}

}  // namespace lifeboat::archive
