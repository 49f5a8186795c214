#include "proof/proof_json.hpp"
#include "proof_words.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace lifeboat::proof {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t enough_to_hand_on = std::size_t{64} << 10U;

bool is_utf8(std::string_view text) {
    if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
        return true;
    }
    try {
        (void)Json(text).dump();  // strict: throws for anything else
        return true;
    } catch (const Json::exception&) {
        return false;
    }
}

std::string hex_of(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        hex += digits[byte >> 4U];
        hex += digits[byte & 0xFU];
    }
    return hex;
}

Json raw(std::string_view text) {
    return is_utf8(text) ? Json(text) : Json{{"hex", hex_of(text)}};
}

void put_name(Json& json, const archive::QualifiedName& name) {
    json["schema"] = raw(name.schema);
    json["name"] = raw(name.name);
}

Json json_of(const archive::TableContents& table) {
    Json json;
    put_name(json, table.table);
    if (table.root) {
        put_name(json["root"], *table.root);
    }
    if (table.totals) {
        json["rows"] = table.totals->rows;
        json["bytes"] = table.totals->bytes;
        json["hash"] = table.totals->hash.hex();
        return json;
    }
    const auto word = std::ranges::find(unread_words, table.unread, &decltype(unread_words)::value_type::first);
    json["unread"] = word == unread_words.end() ? unread_words.front().second : word->second;
    return json;
}

Json json_of(const archive::SequenceContents& sequence) {
    Json json;
    put_name(json, sequence.sequence);
    if (sequence.value) {
        json["value"] = *sequence.value;
        json["called"] = sequence.called;
    }
    return json;
}

Json json_of(const archive::TocLine& line) {
    Json json = {{"kind", raw(line.kind())}};
    if (!line.schema().empty()) {
        json["schema"] = raw(line.schema());
    }
    json["name"] = raw(line.name());
    if (!line.owner().empty()) {
        json["owner"] = raw(line.owner());
    }
    if (!line.privileges().empty()) {
        json["privileges"] = raw(line.privileges());
    }
    return json;
}

// Without the closing brace: the lists follow.
std::string head_of(const DatabaseProof& database) {
    Json json = {{"name", raw(database.name)}};
    if (!database.archive_version.empty()) {
        json["archive_version"] = database.archive_version;
    }
    if (!database.not_proven.empty()) {
        json["not_proven"] = raw(database.not_proven);
    }
    if (const auto& objects = database.contents.large_objects) {
        json["large_objects"] = {
            {"objects", objects->objects}, {"bytes", objects->bytes}, {"hash", objects->hash.hex()}};
    }
    auto text = json.dump();
    text.pop_back();
    return text;
}

}  // namespace

ProofWriter::ProofWriter(stream::Sink& to, std::string id, std::string instance) : to_(to) {
    const Json json = {{"format", proof_format},
                       {"id", std::move(id)},
                       {"instance", std::move(instance)},
                       {"algorithm", archive::content_hash_algorithm}};
    head_ = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    head_.pop_back();
}

Status ProofWriter::begin() {
    if (std::exchange(begun_, true)) {
        return done();
    }
    return put(head_ + R"(,"databases":[)");
}

Status ProofWriter::add(const DatabaseProof& database) {
    const bool first = !begun_;
    if (auto begun = begin(); !begun) {
        return begun;
    }
    if (auto written = put((first ? "\n" : ",\n") + head_of(database)); !written) {
        return written;
    }
    if (auto written = lists(database.contents); !written) {
        return written;
    }
    return put("}");
}

// A list that was not kept is left out: an empty one says that there is nothing.
Status ProofWriter::lists(const archive::Contents& contents) {
    if (contents.kept == archive::Kept::nothing) {
        return done();
    }
    if (auto written = list("tables", contents.tables); !written) {
        return written;
    }
    if (auto written = list("sequences", contents.sequences); !written) {
        return written;
    }
    return contents.kept == archive::Kept::all ? list("entries", contents.entries) : done();
}

// One item a line, so that two proofs can be compared with ordinary tools.
template <class Items>
Status ProofWriter::list(std::string_view name, const Items& items) {
    auto text = ",\"" + std::string(name) + "\":[";
    std::string_view between = "\n";
    for (const auto& item : items) {
        text.append(between).append(json_of(item).dump());
        between = ",\n";
        if (auto written = put(text); !written) {
            return written;
        }
        text.clear();
    }
    return put(text + "]");
}

Status ProofWriter::finish() {
    if (auto begun = begin(); !begun) {
        return begun;
    }
    waiting_ += globals_sha256_.empty() ? "]}\n" : "],\n\"globals\":{\"sha256\":\"" + globals_sha256_ + "\"}}\n";
    if (auto written = to_.write(stream::as_bytes(waiting_)); !written) {
        return written;
    }
    return to_.finish();
}

Status ProofWriter::put(std::string_view text) {
    waiting_ += text;
    if (waiting_.size() < enough_to_hand_on) {
        return done();
    }
    auto written = to_.write(stream::as_bytes(waiting_));
    waiting_.clear();
    return written;
}

}  // namespace lifeboat::proof
