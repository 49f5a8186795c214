#include "config/show.hpp"

#include <algorithm>
#include <array>

#include "keys.hpp"

namespace lifeboat::config {
namespace {

constexpr std::string_view hidden = "(hidden)";

const Origin& origin_of(const Loaded& loaded, const Key& key) {
    static const Origin by_default;
    const auto found = loaded.origins.find(key.dotted());
    return found == loaded.origins.end() ? by_default : found->second;
}

Json shown_value(const Loaded& loaded, const Key& key) {
    Json value = key.show(loaded.settings);
    // The file that holds it was not needed, so it was not read; it is set all the same.
    const bool unread = value.is_null() && origin_of(loaded, key).secret_file;
    return unread ? Json(hidden) : value;
}

using Row = std::array<std::string, 3>;

std::vector<Row> rows_of(const Loaded& loaded) {
    std::vector<Row> rows = {{"KEY", "VALUE", "FROM"}};
    for (const Key& key : all_keys()) {
        const std::string value = plain_text(shown_value(loaded, key));
        rows.push_back({key.dotted(), value.empty() ? "-" : value, origin_of(loaded, key).text()});
    }
    return rows;
}

std::size_t widest(const std::vector<Row>& rows, std::size_t column) {
    constexpr std::size_t widest_column = 48;  // one long list must not push the origins out of sight
    std::size_t width = 0;
    for (const Row& row : rows) {
        width = std::max(width, std::min(row[column].size(), widest_column));
    }
    return width;
}

void pad(std::string& text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    text += "  ";
}

}  // namespace

std::string show(const Loaded& loaded) {
    const std::vector<Row> rows = rows_of(loaded);
    const std::array<std::size_t, 2> widths = {widest(rows, 0), widest(rows, 1)};
    std::string table;
    for (const Row& row : rows) {
        std::string key = row[0];
        std::string value = row[1];
        pad(key, widths[0]);
        pad(value, widths[1]);
        table += key + value + row[2] + "\n";
    }
    return table;
}

std::string show_json(const Loaded& loaded) {
    Json settings = Json::object();
    for (const Key& key : all_keys()) {
        settings[key.dotted()] = {
            {"value", shown_value(loaded, key)}, {"origin", origin_of(loaded, key).text()}, {"secret", key.is_secret}};
    }
    Json files = Json::array();
    for (const auto& file : loaded.files) {
        files.push_back(file.string());
    }
    const Json report = {{"settings", std::move(settings)}, {"warnings", loaded.warnings}, {"files", std::move(files)}};
    return report.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lifeboat::config
