#include "proof/differences.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace lifeboat::proof {
namespace {

using archive::QualifiedName;
using archive::RowTotals;
using archive::TocLine;

// Default privileges come in the order in which the server made the roles that get them: none of the rest says more.
bool are_same_privileges(const TocLine& first, const TocLine& second) {
    const auto sorted_statements = [](std::string_view sql) {
        std::vector<std::string_view> texts;
        if (const auto statements = archive::split_statements(sql)) {
            std::ranges::transform(*statements, std::back_inserter(texts), &archive::SqlStatement::text);
            std::ranges::sort(texts);
        }
        return texts;
    };
    return first.privileges() == second.privileges() ||
           (first.kind() == "DEFAULT ACL" &&
            sorted_statements(first.privileges()) == sorted_statements(second.privileges()));
}

// ---- words ----

// Control characters would let a name write over the terminal that shows it.
std::string without_controls(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string shown;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7F) {
            shown += c;
        } else {
            shown.append("\\x").append(1, digits[byte >> 4U]).append(1, digits[byte & 0xFU]);
        }
    }
    return shown;
}

bool is_plain(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

std::string shown(std::string_view name) {
    return is_plain(name) ? std::string(name) : without_controls(archive::quote_identifier(name));
}

std::string shown(const QualifiedName& name) {
    return name.schema.empty() ? shown(name.name) : shown(name.schema) + "." + shown(name.name);
}

// Entries of these kinds are about another object, and named after it: "TABLE people".
bool is_about_another(std::string_view kind) {
    return kind == "ACL" || kind == "COMMENT" || kind == "SECURITY LABEL";
}

// What an entry is a part of, by its kind: an entry of the same schema and name. Empty for most.
std::string_view whole_of(std::string_view kind) {
    if (kind == "TABLE DATA") {
        return "TABLE";
    }
    if (kind == "SEQUENCE SET") {
        return "SEQUENCE";
    }
    return kind == "MATERIALIZED VIEW DATA" ? "MATERIALIZED VIEW" : "";
}

// Entries of these kinds have no owner of their own: theirs is that of the table or the sequence.
bool is_owned_with_another(std::string_view kind) {
    static constexpr std::array<std::string_view, 12> kinds = {
        "INDEX",   "INDEX ATTACH", "TABLE ATTACH", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT",
        "TRIGGER", "RULE",         "POLICY",       "DEFAULT",    "ROW SECURITY",     "SEQUENCE OWNED BY"};
    return !whole_of(kind).empty() || std::ranges::find(kinds, kind) != kinds.end();
}

// The names of entries are more than identifiers: "people people_pkey", "f(integer, text)".
std::string shown(const TocLine& line) {
    const auto name = without_controls(line.name());
    const auto kind = without_controls(line.kind()) + " ";
    if (line.schema().empty()) {
        return kind + name;
    }
    return is_about_another(line.kind()) ? kind + name + " in schema " + shown(line.schema())
                                         : kind + shown(line.schema()) + "." + name;
}

std::string shown_owner(std::string_view owner) {
    return owner.empty() ? "nobody" : shown(owner);
}

// Statements end in line feeds.
std::string shown_privileges(std::string_view statements) {
    std::string line(statements.substr(0, statements.find_last_not_of('\n') + 1));
    std::ranges::replace(line, '\n', ' ');
    return line.empty() ? "none" : without_controls(line);
}

std::string counted(std::uint64_t count, std::string_view one) {
    return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

// ---- one database against another ----

class Comparison {
public:
    Comparison(const DatabaseProof& first, const DatabaseProof& second, const CompareOptions& options)
        : first_(first), second_(second), options_(options) {}

    std::vector<Difference> run() {
        compare_proven();
        if (both_keep(archive::Kept::tables)) {
            compare_tables();
            compare_sequences();
            compare_large_objects();
        }
        if (both_keep(archive::Kept::all)) {
            compare_entries();
        }
        return std::move(found_);
    }

private:
    struct Side {
        RowTotals totals;
        std::size_t tables = 0;
        std::optional<archive::Unread> unread;                                   // of one of the tables at least
        std::optional<archive::ContentHash> by_column = archive::ContentHash();  // nothing: not of each of the tables

        void add(const archive::TableContents& table);
    };
    struct Pair {
        std::optional<Side> first;
        std::optional<Side> second;
    };
    using Roots = std::map<QualifiedName, QualifiedName>;
    using Object = std::pair<std::string, QualifiedName>;  // its kind, and its name
    using SequenceValue = std::pair<std::optional<std::int64_t>, bool>;

    // What one of the two lacks is not compared: its not_proven says why.
    [[nodiscard]] bool both_keep(archive::Kept at_least) const {
        return first_.contents.kept <= at_least && second_.contents.kept <= at_least;
    }

    void add(DifferenceKind kind, std::string object, std::string text) {
        found_.push_back({kind, first_.name, std::move(object), std::move(text)});
    }

    void only_in(bool in_first, DifferenceKind kind, std::string object, const std::string& thing) {
        add(kind, std::move(object), thing + ": only " + where(in_first));
    }

    [[nodiscard]] const std::string& where(bool in_first) const { return in_first ? options_.first : options_.second; }

    void compare_proven();
    void compare_tables();
    void compare_presence();
    void compare_totals(const QualifiedName& name, bool with_partitions, const Pair& pair);
    void compare_sequences();
    void compare_sequence(const QualifiedName& name, const SequenceValue& first, const SequenceValue& second);
    void compare_large_objects();
    void compare_entries();
    [[nodiscard]] bool is_told_by_another(const TocLine& line, const std::vector<TocLine>& here,
                                          const std::vector<TocLine>& there, const std::set<Object>& named) const;
    void compare_entry(const TocLine& first, const TocLine& second);

    // Objects that are in one of the two only, and told of: their parts go without saying.
    [[nodiscard]] std::set<Object>& named(bool in_first) { return in_first ? named_in_first_ : named_in_second_; }

    [[nodiscard]] Roots roots() const;
    [[nodiscard]] std::vector<TocLine> entries_of(const DatabaseProof& database) const;

    const DatabaseProof& first_;
    const DatabaseProof& second_;
    const CompareOptions& options_;
    std::set<Object> named_in_first_;
    std::set<Object> named_in_second_;
    bool large_objects_named_ = false;
    std::vector<Difference> found_;
};

void Comparison::compare_proven() {
    for (const bool in_first : {true, false}) {
        const auto& why = (in_first ? first_ : second_).not_proven;
        if (!why.empty()) {
            add(DifferenceKind::not_proven, {}, "not proven " + where(in_first) + ": " + without_controls(why));
        }
    }
}

void Comparison::Side::add(const archive::TableContents& table) {
    ++tables;
    if (!table.totals) {
        unread = table.unread;
        return;
    }
    totals += *table.totals;
    if (by_column && table.by_column) {
        *by_column += *table.by_column;
    } else {
        by_column.reset();
    }
}

// Both proofs are asked: one that knows the root of a table says where its rows go in the other, too.
Comparison::Roots Comparison::roots() const {
    Roots roots;
    for (const auto* database : {&first_, &second_}) {
        for (const auto& table : database->contents.tables) {
            if (table.root) {
                roots.emplace(table.table, *table.root);
            }
        }
    }
    return roots;
}

void Comparison::compare_tables() {
    compare_presence();
    const auto known_roots = roots();
    std::map<QualifiedName, Pair> pairs;
    std::set<QualifiedName> trees;
    for (const bool in_first : {true, false}) {
        for (const auto& table : (in_first ? first_ : second_).contents.tables) {
            const auto root = known_roots.find(table.table);
            const auto& name = root == known_roots.end() ? table.table : root->second;
            if (root != known_roots.end()) {
                trees.insert(name);
            }
            auto& pair = pairs[name];
            auto& side = in_first ? pair.first : pair.second;
            side = side.value_or(Side());
            side->add(table);
        }
    }
    for (const auto& [name, pair] : pairs) {
        if (pair.first && pair.second) {
            compare_totals(name, trees.contains(name), pair);
        }
    }
}

void Comparison::compare_presence() {
    std::map<QualifiedName, std::pair<int, int>> tables;
    for (const auto& table : first_.contents.tables) {
        ++tables[table.table].first;
    }
    for (const auto& table : second_.contents.tables) {
        ++tables[table.table].second;
    }
    for (const auto& [name, times] : tables) {
        if (times.first == 0 || times.second == 0) {
            only_in(times.first > 0, DifferenceKind::table, shown(name), "table " + shown(name));
            named(times.first > 0).emplace("TABLE", name);
        }
    }
}

std::string_view said(archive::Unread unread) {
    switch (unread) {
        case archive::Unread::compressed: return "compressed";
        case archive::Unread::not_copy_text: return "not COPY text";
        case archive::Unread::not_reached:
        case archive::Unread::no: break;
    }
    return "the archive ends before";
}

void Comparison::compare_totals(const QualifiedName& name, bool with_partitions, const Pair& pair) {
    const auto object = shown(name);
    const auto table = "table " + object + (with_partitions ? " with its partitions" : "") + ": ";
    for (const bool in_first : {true, false}) {
        if (const auto& unread = (in_first ? pair.first : pair.second)->unread) {
            add(DifferenceKind::not_proven, object,
                table + "its rows were not read " + where(in_first) + " (" + std::string(said(*unread)) + ")");
        }
    }
    const auto& first = pair.first->totals;
    const auto& second = pair.second->totals;
    if (pair.first->unread || pair.second->unread || first == second) {
        return;
    }
    const bool as_many = first.rows == second.rows && first.bytes == second.bytes;
    if (as_many && pair.first->by_column && pair.first->by_column == pair.second->by_column) {
        return;
    }
    if (first.rows != second.rows) {
        add(DifferenceKind::rows, object,
            table + counted(first.rows, "row") + " " + options_.first + ", " + std::to_string(second.rows) + " " +
                options_.second);
    } else if (first.bytes != second.bytes) {
        add(DifferenceKind::content, object,
            table + counted(first.rows, "row") + " in both, but " + counted(first.bytes, "byte") + " " +
                options_.first + " and " + std::to_string(second.bytes) + " " + options_.second);
    } else {
        add(DifferenceKind::content, object,
            table + counted(first.rows, "row") + " and " + counted(first.bytes, "byte") +
                " in both, but not the same content");
    }
}

void Comparison::compare_sequences() {
    std::map<QualifiedName, std::pair<std::optional<SequenceValue>, std::optional<SequenceValue>>> sequences;
    for (const auto& sequence : first_.contents.sequences) {
        sequences[sequence.sequence].first = SequenceValue(sequence.value, sequence.called);
    }
    for (const auto& sequence : second_.contents.sequences) {
        sequences[sequence.sequence].second = SequenceValue(sequence.value, sequence.called);
    }
    for (const auto& [name, values] : sequences) {
        if (values.first && values.second) {
            compare_sequence(name, *values.first, *values.second);
        } else {
            only_in(values.first.has_value(), DifferenceKind::sequence, shown(name), "sequence " + shown(name));
            named(values.first.has_value()).emplace("SEQUENCE", name);
        }
    }
}

void Comparison::compare_sequence(const QualifiedName& name, const SequenceValue& first, const SequenceValue& second) {
    const auto object = shown(name);
    for (const bool in_first : {true, false}) {
        if (!(in_first ? first : second).first) {
            add(DifferenceKind::not_proven, object,
                "sequence " + object + ": its value was not understood " + where(in_first));
        }
    }
    if (!first.first || !second.first || first == second) {
        return;
    }
    const auto value = [](const SequenceValue& sequence) {
        return std::to_string(*sequence.first) + (sequence.second ? "" : " (not called yet)");
    };
    add(DifferenceKind::sequence, object,
        "sequence " + object + ": " + value(first) + " " + options_.first + ", " + value(second) + " " +
            options_.second);
}

void Comparison::compare_large_objects() {
    const auto& first = first_.contents.large_objects;
    const auto& second = second_.contents.large_objects;
    for (const bool in_first : {true, false}) {
        if (!(in_first ? first : second)) {
            add(DifferenceKind::not_proven, {}, "large objects: they were not read " + where(in_first));
        }
    }
    if (!first || !second || first == second) {
        return;
    }
    large_objects_named_ = true;
    if (first->objects != second->objects) {
        add(DifferenceKind::large_objects, {},
            "large objects: " + std::to_string(first->objects) + " " + options_.first + ", " +
                std::to_string(second->objects) + " " + options_.second);
    } else if (first->bytes != second->bytes) {
        add(DifferenceKind::large_objects, {},
            "large objects: " + std::to_string(first->objects) + " in both, but " + counted(first->bytes, "byte") +
                " " + options_.first + " and " + std::to_string(second->bytes) + " " + options_.second);
    } else {
        add(DifferenceKind::large_objects, {},
            "large objects: " + std::to_string(first->objects) + " and " + counted(first->bytes, "byte") +
                " in both, but not the same oids or content");
    }
}

std::vector<TocLine> Comparison::entries_of(const DatabaseProof& database) const {
    std::vector<TocLine> entries;
    std::ranges::copy_if(database.contents.entries, std::back_inserter(entries),
                         [this](const TocLine& line) { return !options_.leave_out || !options_.leave_out(line); });
    std::ranges::sort(entries);
    return entries;
}

bool same_object(const TocLine& first, const TocLine& second) {
    return first.kind() == second.kind() && first.schema() == second.schema() && first.name() == second.name();
}

bool holds(const std::vector<TocLine>& sorted, std::string_view kind, std::string_view schema, std::string_view name) {
    const auto at = std::ranges::lower_bound(sorted, TocLine(kind, schema, name, "", ""));
    return at != sorted.end() && at->kind() == kind && at->schema() == schema && at->name() == name;
}

// Whether the finding about another one says as much: a table's data, a sequence's value, a large object's comment.
bool Comparison::is_told_by_another(const TocLine& line, const std::vector<TocLine>& here,
                                    const std::vector<TocLine>& there, const std::set<Object>& named) const {
    const auto kind = line.kind();
    const auto whole = whole_of(kind).empty() ? kind : whole_of(kind);
    if (named.contains(Object(whole, QualifiedName{std::string(line.schema()), std::string(line.name())}))) {
        return true;
    }
    const auto is_only_here = [&](std::string_view of, std::string_view name) {
        return holds(here, of, line.schema(), name) && !holds(there, of, line.schema(), name);
    };
    if (whole != kind) {
        return is_only_here(whole, line.name());
    }
    constexpr std::string_view large_object = "LARGE OBJECT ";
    if (is_about_another(kind) && line.name().starts_with(large_object)) {
        return is_only_here("BLOB", line.name().substr(large_object.size()));
    }
    return kind == "BLOBS" && large_objects_named_;
}

void Comparison::compare_entries() {
    const auto first = entries_of(first_);
    const auto second = entries_of(second_);
    std::vector<TocLine> only_first;
    std::vector<TocLine> only_second;
    std::ranges::set_difference(first, second, std::back_inserter(only_first));
    std::ranges::set_difference(second, first, std::back_inserter(only_second));
    const auto name_it = [&](bool in_first, const TocLine& line) {
        const auto& here = in_first ? only_first : only_second;
        if (!is_told_by_another(line, here, in_first ? only_second : only_first, named(in_first))) {
            only_in(in_first, DifferenceKind::entry, shown(line), shown(line));
        }
    };
    // Both are sorted by the object first: one walk pairs what is the same object with another owner or privileges.
    auto other = only_second.begin();
    for (const auto& line : only_first) {
        while (other != only_second.end() && *other < line && !same_object(*other, line)) {
            name_it(false, *other++);
        }
        if (other != only_second.end() && same_object(*other, line)) {
            compare_entry(line, *other);
            ++other;
        } else {
            name_it(true, line);
        }
    }
    for (; other != only_second.end(); ++other) {
        name_it(false, *other);
    }
}

void Comparison::compare_entry(const TocLine& first, const TocLine& second) {
    const auto object = shown(first);
    if (first.owner() != second.owner() && !is_owned_with_another(first.kind()) &&
        (options_.owners_of_privileges || !is_about_another(first.kind()))) {
        add(DifferenceKind::owner, object,
            object + ": owned by " + shown_owner(first.owner()) + " " + options_.first + ", by " +
                shown_owner(second.owner()) + " " + options_.second);
    }
    if (!are_same_privileges(first, second)) {
        add(DifferenceKind::privileges, object,
            object + ": other privileges, " + options_.first + ": " + shown_privileges(first.privileges()) + " " +
                options_.second + ": " + shown_privileges(second.privileges()));
    }
}

}  // namespace

std::string_view name_of(DifferenceKind kind) {
    switch (kind) {
        case DifferenceKind::database: return "database";
        case DifferenceKind::not_proven: return "not_proven";
        case DifferenceKind::table: return "table";
        case DifferenceKind::rows: return "rows";
        case DifferenceKind::content: return "content";
        case DifferenceKind::sequence: return "sequence";
        case DifferenceKind::large_objects: return "large_objects";
        case DifferenceKind::entry: return "entry";
        case DifferenceKind::owner: return "owner";
        case DifferenceKind::privileges: return "privileges";
    }
    return "content";
}

std::vector<Difference> differences(const DatabaseProof& first, const DatabaseProof& second,
                                    const CompareOptions& options) {
    return Comparison(first, second, options).run();
}

std::vector<Difference> differences(const Proof& first, const Proof& second, const CompareOptions& options) {
    std::set<std::string> names;
    for (const auto* proof : {&first, &second}) {
        for (const auto& database : proof->databases) {
            names.insert(database.name);
        }
    }
    std::vector<Difference> found;
    for (const auto& name : names) {
        const auto* one = first.find(name);
        const auto* other = second.find(name);
        if (one != nullptr && other != nullptr) {
            std::ranges::move(differences(*one, *other, options), std::back_inserter(found));
        } else {
            found.push_back({DifferenceKind::database,
                             name,
                             {},
                             "the database is only " + (one != nullptr ? options.first : options.second)});
        }
    }
    return found;
}

}  // namespace lifeboat::proof
