#include "definitions.hpp"

#include <algorithm>
#include <array>
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

// Rows, and large objects, which are no part of a schema.
bool is_data(const archive::TocEntry& entry) {
    const std::string_view what = about_another(entry.desc) ? entry.tag : entry.desc;
    return entry.has_data || entry.section == archive::Section::data || begins(what, "BLOB") ||
           begins(what, "LARGE OBJECT");
}

archive::ContentHash hash_of_text(std::string_view text) {
    return archive::hash_of(std::as_bytes(std::span(text)));
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
    if (of_a_database(entry)) {
        of_database_[key_of(entry)] += hash_of_text(entry.defn);
    } else if (of_replication(entry)) {
        ++replication_;
    } else if (!is_data(entry)) {
        inside_[key_of(entry)] += hash_of_text(entry.tablespace + '\0' + entry.defn);
    }
}

std::vector<std::string> made_differently(const Definitions::Hashes& first, const Definitions::Hashes& second) {
    std::vector<std::string> names;
    for (const auto& [key, hash] : first) {
        const auto other = second.find(key);
        if (other != second.end() && !(other->second == hash)) {
            names.push_back(shown(key));
        }
    }
    return names;
}

std::vector<std::string> missing_in_second(const Definitions::Hashes& first, const Definitions::Hashes& second) {
    std::vector<std::string> names;
    for (const auto& [key, hash] : first) {
        if (second.count(key) == 0) {
            names.push_back(shown(key));
        }
    }
    return names;
}

}  // namespace lifeboat::drill
