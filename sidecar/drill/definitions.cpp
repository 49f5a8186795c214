#include "definitions.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

namespace lifeboat::drill {
namespace {

bool begins(std::string_view text, std::string_view beginning) {
    return text.substr(0, beginning.size()) == beginning;
}

bool about_another(std::string_view kind) {
    return kind == "ACL" || kind == "COMMENT" || kind == "SECURITY LABEL";
}

bool of_a_database(const archive::TocEntry& entry) {
    return entry.desc == "DATABASE" || entry.desc == "DATABASE PROPERTIES" ||
           (about_another(entry.desc) && begins(entry.tag, "DATABASE "));
}

bool of_replication(const archive::TocEntry& entry) {
    const std::string_view what = about_another(entry.desc) ? entry.tag : entry.desc;
    return begins(what, "SUBSCRIPTION") || begins(what, "PUBLICATION");
}

bool of_large_object(const archive::TocEntry& entry) {
    const std::string_view what = about_another(entry.desc) ? entry.tag : entry.desc;
    return begins(what, "BLOB") || begins(what, "LARGE OBJECT");
}

// Rows, large objects and statistics: no part of a schema.
bool is_data(const archive::TocEntry& entry) {
    return entry.has_data || entry.section == archive::Section::data || of_large_object(entry) ||
           entry.desc == "MATERIALIZED VIEW DATA" || entry.desc == "STATISTICS DATA";
}

// Compared as they are, statement by statement, with the list of entries.
bool of_privileges(const archive::TocEntry& entry) {
    return entry.desc == "ACL" || entry.desc == "DEFAULT ACL";
}

// A token, or what ends a statement, and whether a space goes before it.
struct Piece {
    std::string_view text;
    bool literal = false;
    bool apart = false;

    friend bool operator==(const Piece& one, const Piece& other) { return one.text == other.text; }
};

std::optional<std::vector<Piece>> pieces_of(std::string_view sql) {
    const auto statements = archive::split_statements(sql);
    if (!statements) {
        return std::nullopt;
    }
    std::vector<Piece> pieces;
    for (const auto& statement : *statements) {
        std::size_t end = statement.tokens.front().offset;
        for (const auto& token : statement.tokens) {
            pieces.push_back({token.text, token.kind == archive::SqlTokenKind::literal,
                              token.offset != end || &token == statement.tokens.data()});
            end = token.offset + token.text.size();
        }
        pieces.push_back({";"});
    }
    return pieces;
}

// Cut where it is long: it is to tell where to look.
std::string words(std::span<const Piece> pieces) {
    constexpr std::size_t longest = 160;
    std::string text;
    for (const auto& piece : pieces) {
        if (text.size() > longest) {
            return text + " …";
        }
        text += piece.apart && !text.empty() ? " " : "";
        text += piece.literal ? "'…'" : std::string(piece.text);
    }
    return text.empty() ? "nothing" : text;
}

archive::ContentHash hash_of_text(std::string_view text) {
    return archive::hash_of(std::as_bytes(std::span(text)));
}

// Whatever their order: settings of roles in a database come in that in which the server finds its roles.
archive::ContentHash hash_of_statements(std::string_view sql) {
    const auto statements = archive::split_statements(sql);
    if (!statements) {
        return hash_of_text(sql);
    }
    archive::ContentHash sum;
    for (const auto& statement : *statements) {
        sum += hash_of_text(statement.text);
    }
    return sum;
}

// Two objects of one name and kind (default privileges of two owners) come together.
std::string key_of(const archive::TocEntry& entry) {
    return entry.desc + " " + (entry.schema.empty() ? "" : entry.schema + ".") + entry.tag;
}

std::string shown(std::string_view key) {
    std::string text(key);
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
    return text;
}

}  // namespace

archive::TocOptions Definitions::beside(archive::TocOptions other) {
    other.wanted = [wanted = std::move(other.wanted)](std::string_view desc, std::string_view tag) {
        auto fields = wanted ? wanted(desc, tag) : archive::TocFields::nothing();
        fields.names = true;
        fields.defn = true;
        return fields;
    };
    other.take = [this, take = std::move(other.take)](archive::TocEntry entry) {
        this->take(entry);
        if (take) {
            take(std::move(entry));
        }
    };
    // One definition may be as long as PostgreSQL lets it be.
    other.keep_at_most = std::max(other.keep_at_most, other.longest_text);
    return other;
}

void Definitions::take(const archive::TocEntry& entry) {
    if (of_replication(entry)) {
        ++replication_;
        return;
    }
    if (is_data(entry)) {
        if (of_large_object(entry) && about_another(entry.desc) && !of_privileges(entry)) {
            of_large_objects_[key_of(entry)] += hash_of_text(entry.defn);
        }
        return;
    }
    of_schema_.push_back(entry.dump_id);
    if (entry.desc == "COMMENT" && begins(entry.tag, "EXTENSION ")) {
        of_superusers_.insert(entry.dump_id);
    }
    if (of_a_database(entry)) {
        of_database_[key_of(entry)] += hash_of_statements(entry.defn);
    } else if (!of_privileges(entry)) {
        inside_[key_of(entry)] += hash_of_text(entry.tablespace + '\0' + entry.defn);
    }
}

std::string shown_name(const archive::TocEntry& entry) {
    return shown(key_of(entry));
}

std::vector<std::string> made_differently(const Definitions::Hashes& first, const Definitions::Hashes& second) {
    std::vector<std::string> names;
    for (const auto& [key, hash] : first) {
        const auto other = second.find(key);
        if (other != second.end() && !(other->second == hash)) {
            names.push_back(shown(key));
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> missing_in_second(const Definitions::Hashes& first, const Definitions::Hashes& second) {
    std::vector<std::string> names;
    for (const auto& [key, hash] : first) {
        if (second.count(key) == 0) {
            names.push_back(shown(key));
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string what_differs(std::string_view in_backup, std::string_view restored) {
    const auto first = pieces_of(in_backup);
    const auto second = pieces_of(restored);
    if (!first || !second || *first == *second) {
        return {};
    }
    const auto least = static_cast<std::ptrdiff_t>(std::min(first->size(), second->size()));
    const auto before = std::mismatch(first->begin(), first->begin() + least, second->begin()).first - first->begin();
    const auto behind =
        std::mismatch(first->rbegin(), first->rbegin() + (least - before), second->rbegin()).first - first->rbegin();
    // A few words around it tell which column it is.
    constexpr std::ptrdiff_t words_before = 3;
    constexpr std::ptrdiff_t words_behind = 1;
    const auto from = before - std::min(before, words_before);
    const auto left_out = behind - std::min(behind, words_behind);
    const auto part = [&](const std::vector<Piece>& pieces) {
        return words({pieces.begin() + from, pieces.end() - left_out});
    };
    const auto one = part(*first);
    const auto other = part(*second);
    return shown(one == other ? "what literals say in: " + one
                              : "in the backup: " + one + "; after the restore: " + other);
}

}  // namespace lifeboat::drill
