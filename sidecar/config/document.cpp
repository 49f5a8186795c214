#include "document.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <exception>
#include <type_traits>

namespace lifeboat::config {
namespace {

Position position_of(const toml::source_region& region) {
    return {region.begin.line, region.begin.column};
}

Raw raw_from(const toml::node& node);

Raw raw_list(const toml::array& array) {
    Raw raw;
    raw.form = Raw::Form::list;
    for (const toml::node& element : array) {
        raw.list.push_back(raw_from(element));
    }
    return raw;
}

Raw raw_table(const toml::table& table) {
    Raw raw;
    raw.form = Raw::Form::table;
    for (const auto& [key, value] : table) {
        raw.names.emplace_back(key.str());
        raw.list.push_back(raw_from(value));
    }
    return raw;
}

Raw raw_string(const std::string& content) {
    Raw raw;
    raw.form = Raw::Form::string;
    raw.string = content;
    return raw;
}

Raw raw_from(const toml::node& node) {
    Raw raw;
    switch (node.type()) {
        case toml::node_type::table: return raw_table(*node.as_table());
        case toml::node_type::array: return raw_list(*node.as_array());
        case toml::node_type::string: return raw_string(node.as_string()->get());
        case toml::node_type::integer:
            raw.form = Raw::Form::integer;
            raw.integer = node.as_integer()->get();
            return raw;
        case toml::node_type::floating_point:
            raw.form = Raw::Form::real;
            raw.real = node.as_floating_point()->get();
            return raw;
        case toml::node_type::boolean:
            raw.form = Raw::Form::boolean;
            raw.boolean = node.as_boolean()->get();
            return raw;
        default: raw.form = Raw::Form::date; return raw;
    }
}

bool stands_before(const Position& a, const Position& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

std::vector<Entry> entries_of(const toml::table& table) {
    std::vector<Entry> entries;
    for (const auto& [key, value] : table) {
        entries.push_back(
            {std::string(key.str()), position_of(key.source()), position_of(value.source()), raw_from(value)});
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return stands_before(a.name_at, b.name_at); });
    return entries;
}

Section section_from(const toml::key& key, const toml::node& node) {
    Section section;
    section.name = key.str();
    section.at = position_of(key.source());
    section.form = raw_from(node).form;
    if (const toml::table* table = node.as_table()) {
        section.entries = entries_of(*table);
    }
    return section;
}

Document document_from(const toml::table& root) {
    Document document;
    for (const auto& [key, node] : root) {
        document.sections.push_back(section_from(key, node));
    }
    std::sort(document.sections.begin(), document.sections.end(),
              [](const Section& a, const Section& b) { return stands_before(a.at, b.at); });
    return document;
}

// The parser quotes what it saw, which may be the beginning of a password whose quotes were forgotten. What it
// expected, and which key is there twice, is safe to repeat.
std::string without_values(std::string_view description) {
    std::string_view safe = description.substr(0, description.find(", saw"));
    const bool quotes_no_value =
        safe.find("expected ") != std::string_view::npos || safe.find("cannot redefine ") != std::string_view::npos;
    if (!quotes_no_value) {
        safe = safe.substr(0, safe.find('\''));
    }
    while (safe.ends_with(' ') || safe.ends_with(':') || safe.ends_with(';')) {
        safe.remove_suffix(1);
    }
    std::string text(safe);
    if (text.starts_with("Error")) {
        text.front() = 'e';
    }
    return text;
}

// The parser and its tables recurse once for each part of a dotted key, without a limit of their own: half a
// million dots would overflow the stack. Nobody's settings hold a hundredth of that. Returns the line, from 1, in
// which they become too many.
std::optional<std::size_t> line_of_too_many_dots(std::string_view text) {
    constexpr std::size_t most_dots = 4000;
    std::size_t line = 1;
    std::size_t dots = 0;
    for (const char c : text) {
        line += c == '\n' ? 1U : 0U;
        dots += c == '.' ? 1U : 0U;
        if (dots > most_dots) {
            return line;
        }
    }
    return std::nullopt;
}

}  // namespace

Document parse_document(std::string_view text) {
    if (const auto line = line_of_too_many_dots(text)) {
        return {{}, SyntaxError{{*line, 1}, "more than 4000 dots"}};
    }
    try {
        return document_from(toml::parse(text));
    } catch (const toml::parse_error& error) {
        return {{}, SyntaxError{position_of(error.source()), without_values(error.description())}};
    } catch (const std::exception&) {
        return {{}, SyntaxError{{}, "could not be parsed"}};
    }
}

}  // namespace lifeboat::config
