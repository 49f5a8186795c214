#include "gathered_contents.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <vector>

namespace lifeboat::archive {
namespace {

constexpr std::string_view table_data = "TABLE DATA";
constexpr std::string_view sequence_set = "SEQUENCE SET";
constexpr std::string_view large_objects = "BLOBS";

bool grants(std::string_view desc) {
    return desc == "ACL" || desc == "DEFAULT ACL";
}

BlockContent content_of(const TocEntry& entry) {
    if (entry.desc == large_objects) {
        return BlockContent::large_objects;
    }
    if (entry.desc != table_data) {
        return BlockContent::unknown;
    }
    return entry.copy_stmt.empty() ? BlockContent::statements : BlockContent::rows;
}

struct CopyTarget {
    QualifiedName table;
    std::vector<std::string> columns;
};

// (a, "b c"); none where it cannot be read, nor of a table without columns.
std::vector<std::string> column_list(SqlCursor& cursor) {
    std::vector<std::string> columns;
    if (!cursor.accept_symbol('(')) {
        return columns;
    }
    do {
        auto name = cursor.name();
        if (!name) {
            return {};
        }
        columns.push_back(std::move(*name));
    } while (cursor.accept_symbol(','));
    return cursor.accept_symbol(')') ? columns : std::vector<std::string>();
}

// COPY schema.name (…) FROM stdin;
std::optional<CopyTarget> copy_target(std::string_view copy_stmt) {
    const auto statements = split_statements(copy_stmt);
    if (!statements || statements->size() != 1) {
        return std::nullopt;
    }
    SqlCursor cursor(statements->front().tokens);
    if (!cursor.accept("COPY")) {
        return std::nullopt;
    }
    auto schema = cursor.name();
    if (!schema || !cursor.accept_symbol('.')) {
        return std::nullopt;
    }
    auto name = cursor.name();
    if (!name) {
        return std::nullopt;
    }
    return CopyTarget{{std::move(*schema), std::move(*name)}, column_list(cursor)};
}

// As pg_dump writes it. Where a default holds these words by accident, its table is hashed once more, which does no
// harm.
bool inherits(std::string_view create_table) {
    return create_table.find("\nINHERITS (") != std::string_view::npos;
}

std::optional<std::int64_t> integer(std::string_view sign, std::string_view digits) {
    const auto text = std::string(sign) + std::string(digits);
    std::int64_t value = 0;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = error == std::errc{} && stopped == text.data() + text.size();
    return good ? std::optional(value) : std::nullopt;
}

// SELECT pg_catalog.setval('schema.name', value, called);
void read_setval(std::string_view defn, SequenceContents& sequence) {
    const auto statements = split_statements(defn);
    if (!statements || statements->size() != 1) {
        return;
    }
    std::vector<std::string_view> words;
    for (const auto& token : statements->front().tokens) {
        words.push_back(token.text);
    }
    if (words.size() == 11) {
        words.insert(words.begin() + 7, std::string_view());  // where a minus may stand
    }
    constexpr std::array<std::string_view, 5> begin = {"SELECT", "pg_catalog", ".", "setval", "("};
    if (words.size() != 12 || !std::equal(begin.begin(), begin.end(), words.begin()) || words[6] != "," ||
        words[9] != "," || words[11] != ")" || (words[10] != "true" && words[10] != "false")) {
        return;
    }
    sequence.value = integer(words[7], words[8]);
    sequence.called = words[10] == "true";
}

// What a text costs beyond its object.
std::size_t memory_of(const std::string& text) {
    static const auto within = std::string().capacity();
    constexpr std::size_t allocation = 16;
    return text.capacity() > within ? text.capacity() + allocation : 0;
}

std::size_t memory_of(const QualifiedName& name) {
    return memory_of(name.schema) + memory_of(name.name);
}

template <class T>
void empty(std::deque<T>& list) {
    std::deque<T>().swap(list);
}

}  // namespace

TocFields GatheredContents::wanted(std::string_view desc) const {
    auto fields = TocFields::only_names();
    fields.defn = grants(desc) || desc == sequence_set || (by_column_ && desc == "TABLE");
    fields.copy_stmt = desc == table_data;
    return fields;
}

void GatheredContents::take(const TocEntry& entry) {
    if (entry.has_data) {
        take_block(entry);
    }
    if (kept() == Kept::nothing) {
        return;
    }
    if (by_column_ && entry.desc == "TABLE" && inherits(entry.defn)) {
        inheriting_.insert({entry.schema, entry.tag});
        memory_of_tables_ += sizeof(QualifiedName) + entry.schema.size() + entry.tag.size();
    }
    if (entry.has_data && entry.desc == table_data) {
        keep_table(entry);
    }
    if (entry.desc == sequence_set) {
        keep_sequence(entry);
    }
    if (kept() == Kept::all) {
        keep_line(entry);
    }
    stay_in_bounds();
}

// What tables hold is worth more than the names of everything.
void GatheredContents::stay_in_bounds() {
    if (memory_of_tables_ + memory_of_entries_ > keep_at_most_) {
        drop_entries();
    }
    if (memory_of_tables_ > keep_at_most_) {
        drop();
    }
}

void GatheredContents::take_block(const TocEntry& entry) {
    blocks_.push_back({entry.dump_id, content_of(entry)});
    if (blocks_.size() * sizeof(ExpectedBlock) > keep_at_most_ / 3) {
        throw std::length_error("more data blocks than may be kept");
    }
}

void GatheredContents::keep_table(const TocEntry& entry) {
    TableContents table;
    table.table = {entry.schema, entry.tag};
    auto target = copy_target(entry.copy_stmt);
    if (target && target->table != table.table) {
        memory_of_tables_ += memory_of(target->table);
        table.root = std::move(target->table);
    }
    if (target && by_column_ && (table.root || inheriting_.contains(table.table))) {
        memory_of_tables_ += entry.copy_stmt.size() + target->columns.size() * sizeof(std::string);
        columns_[contents_.tables.size()] = std::move(target->columns);
    }
    memory_of_tables_ += sizeof table + memory_of(table.table);
    contents_.tables.push_back(std::move(table));
}

void GatheredContents::keep_sequence(const TocEntry& entry) {
    SequenceContents sequence;
    sequence.sequence = {entry.schema, entry.tag};
    read_setval(entry.defn, sequence);
    memory_of_tables_ += sizeof sequence + memory_of(sequence.sequence);
    contents_.sequences.push_back(std::move(sequence));
}

void GatheredContents::keep_line(const TocEntry& entry) {
    const std::string_view privileges = grants(entry.desc) ? std::string_view(entry.defn) : std::string_view();
    contents_.entries.emplace_back(entry.desc, entry.schema, entry.tag, entry.owner, privileges);
    memory_of_entries_ += contents_.entries.back().memory();
}

TableContents* GatheredContents::table(std::size_t index) {
    return kept() == Kept::nothing ? nullptr : &contents_.tables.at(index);
}

std::vector<std::string> GatheredContents::columns(std::size_t index) const {
    const auto found = columns_.find(index);
    return found == columns_.end() ? std::vector<std::string>() : found->second;
}

void GatheredContents::sort() {
    std::ranges::sort(contents_.tables, {}, &TableContents::table);
    std::ranges::sort(contents_.sequences, {}, &SequenceContents::sequence);
    std::ranges::sort(contents_.entries);
}

void GatheredContents::drop_entries() {
    contents_.kept = Kept::tables;
    empty(contents_.entries);
    memory_of_entries_ = 0;
}

void GatheredContents::drop() {
    drop_entries();
    contents_.kept = Kept::nothing;
    empty(contents_.tables);
    empty(contents_.sequences);
    inheriting_.clear();
    columns_.clear();
    contents_.large_objects.reset();
}

TocLine::TocLine(std::string_view kind, std::string_view schema, std::string_view name, std::string_view owner,
                 std::string_view privileges) {
    text_.reserve(kind.size() + schema.size() + name.size() + owner.size() + privileges.size() + 4);
    text_.append(kind).append(1, '\0').append(schema).append(1, '\0').append(name).append(1, '\0');
    text_.append(owner).append(1, '\0').append(privileges);
}

std::string_view TocLine::field(int index) const {
    std::string_view rest = text_;
    for (; index > 0; --index) {
        rest.remove_prefix(rest.find('\0') + 1);
    }
    return rest.substr(0, rest.find('\0'));
}

std::size_t TocLine::memory() const {
    return sizeof *this + memory_of(text_);
}

}  // namespace lifeboat::archive
