#include "proof/proof_json.hpp"

#include "proof_words.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

namespace lifeboat::proof {
namespace {

// Any surprise is thrown, and becomes one Error at the border.
struct Surprise {
    std::string what;
};

using Json = nlohmann::json;

const Json& field(const Json& object, const std::string& name) {
    if (!object.is_object() || !object.contains(name)) {
        throw Surprise{"'" + name + "' is missing"};
    }
    return object.at(name);
}

const Json& list(const Json& object, const std::string& name) {
    const auto& value = field(object, name);
    if (!value.is_array()) {
        throw Surprise{"'" + name + "' is no list"};
    }
    return value;
}

std::string text(const Json& object, const std::string& name) {
    const auto& value = field(object, name);
    if (!value.is_string()) {
        throw Surprise{"'" + name + "' is no text"};
    }
    return value.get<std::string>();
}

std::string text_or_none(const Json& object, const std::string& name) {
    return object.contains(name) ? text(object, name) : std::string();
}

std::optional<std::string> bytes_of(const std::string& hex) {
    std::string bytes;
    for (std::size_t at = 0; at < hex.size(); at += 2) {
        unsigned char byte = 0;
        const auto* begin = hex.data() + at;
        const auto* end = hex.data() + std::min(at + 2, hex.size());
        const auto [stopped, error] = std::from_chars(begin, end, byte, 16);
        if (error != std::errc{} || stopped != begin + 2) {
            return std::nullopt;
        }
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

std::string raw(const Json& object, const std::string& name) {
    const auto& value = field(object, name);
    if (!value.is_object()) {
        auto plain = text(object, name);
        if (plain.find('\0') != std::string::npos) {
            throw Surprise{"'" + name + "' holds a NUL"};
        }
        return plain;
    }
    auto bytes = bytes_of(text(value, "hex"));
    if (!bytes || bytes->find('\0') != std::string::npos) {
        throw Surprise{"'" + name + "' is no text in hexadecimal digits"};
    }
    return std::move(*bytes);
}

std::string raw_or_none(const Json& object, const std::string& name) {
    return object.contains(name) ? raw(object, name) : std::string();
}

std::uint64_t count(const Json& object, const std::string& name) {
    const auto& value = field(object, name);
    if (!value.is_number_unsigned()) {
        throw Surprise{"'" + name + "' is no whole number"};
    }
    return value.get<std::uint64_t>();
}

std::int64_t integer(const Json& object, const std::string& name) {
    const auto& value = field(object, name);
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() || std::in_range<std::int64_t>(value.get<std::uint64_t>()));
    if (!fits) {
        throw Surprise{"'" + name + "' is no whole number of 64 bits"};
    }
    return value.get<std::int64_t>();
}

bool yes_or_no(const Json& object, const std::string& name) {
    const auto& value = field(object, name);
    if (!value.is_boolean()) {
        throw Surprise{"'" + name + "' is neither true nor false"};
    }
    return value.get<bool>();
}

archive::ContentHash hash(const Json& object) {
    const auto hash = archive::ContentHash::from_hex(text(object, "hash"));
    if (!hash) {
        throw Surprise{"'hash' is not of 32 hexadecimal digits"};
    }
    return *hash;
}

archive::QualifiedName name_of(const Json& json) {
    return {raw(json, "schema"), raw(json, "name")};
}

archive::Unread unread_of(const Json& json) {
    const auto word = text(json, "unread");
    const auto known = std::ranges::find(unread_words, word, &decltype(unread_words)::value_type::second);
    if (known == unread_words.end()) {
        throw Surprise{"'unread' is not a reason that is known"};
    }
    return known->first;
}

archive::TableContents table_of(const Json& json) {
    archive::TableContents table;
    table.table = name_of(json);
    if (json.contains("root")) {
        table.root = name_of(json.at("root"));
    }
    if (json.contains("unread")) {
        table.unread = unread_of(json);
    } else {
        table.totals = archive::RowTotals{count(json, "rows"), count(json, "bytes"), hash(json)};
        table.unread = archive::Unread::no;
    }
    return table;
}

archive::SequenceContents sequence_of(const Json& json) {
    archive::SequenceContents sequence;
    sequence.sequence = name_of(json);
    if (json.contains("value")) {
        sequence.value = integer(json, "value");
        sequence.called = yes_or_no(json, "called");
    }
    return sequence;
}

archive::TocLine line_of(const Json& json) {
    return {raw(json, "kind"), raw_or_none(json, "schema"), raw(json, "name"), raw_or_none(json, "owner"),
            raw_or_none(json, "privileges")};
}

void read_lists(const Json& json, archive::Contents& contents) {
    if (!json.contains("tables") && !json.contains("sequences") && !json.contains("entries")) {
        contents.kept = archive::Kept::nothing;
        return;
    }
    for (const auto& item : list(json, "tables")) {
        contents.tables.push_back(table_of(item));
    }
    for (const auto& item : list(json, "sequences")) {
        contents.sequences.push_back(sequence_of(item));
    }
    if (!json.contains("entries")) {
        contents.kept = archive::Kept::tables;
        return;
    }
    for (const auto& item : list(json, "entries")) {
        contents.entries.push_back(line_of(item));
    }
}

DatabaseProof database_of(const Json& json) {
    DatabaseProof database;
    database.name = raw(json, "name");
    database.archive_version = text_or_none(json, "archive_version");
    database.not_proven = raw_or_none(json, "not_proven");
    if (json.contains("large_objects")) {
        const auto& objects = json.at("large_objects");
        database.contents.large_objects =
            archive::LargeObjectTotals{count(objects, "objects"), count(objects, "bytes"), hash(objects)};
    }
    read_lists(json, database.contents);
    return database;
}

Proof proof_of(const Json& json) {
    if (text(json, "format") != proof_format) {
        throw Surprise{"its format is not one that this Lifeboat knows"};
    }
    Proof proof;
    proof.id = text(json, "id");
    proof.instance = text(json, "instance");
    proof.algorithm = text(json, "algorithm");
    if (proof.algorithm != archive::content_hash_algorithm) {
        throw Surprise{"its hash algorithm is not one that this Lifeboat knows"};
    }
    for (const auto& item : list(json, "databases")) {
        proof.databases.push_back(database_of(item));
    }
    if (json.contains("globals")) {
        proof.globals_sha256 = text(json.at("globals"), "sha256");
    }
    return proof;
}

}  // namespace

Result<Proof> parse_proof(std::string_view json) {
    const auto parsed = Json::parse(json, nullptr, false);
    if (parsed.is_discarded()) {
        return Error{ErrorKind::corrupt, "the table proof is no JSON", "compare another backup: this proof is damaged"};
    }
    try {
        return proof_of(parsed);
    } catch (const Surprise& surprise) {
        return Error{ErrorKind::corrupt, "the table proof is refused: " + surprise.what,
                     "use a Lifeboat that is as new as the one that wrote it, or compare another backup"};
    }
}

}  // namespace lifeboat::proof
