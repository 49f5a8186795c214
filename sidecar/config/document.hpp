// A settings file as TOML: what is written where, with no thought of what it means.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raw.hpp"

namespace lifeboat::config {

struct Position {
    std::size_t line = 0;  // both from 1
    std::size_t column = 0;
};

struct Entry {
    std::string name;
    Position name_at;
    Position value_at;
    Raw value;
};

// What stands at the top level: a table with its entries, or a value that should not be there.
struct Section {
    std::string name;
    Position at;
    Raw::Form form = Raw::Form::table;
    std::vector<Entry> entries;  // of a table, in the order of the file
};

struct SyntaxError {
    Position at;
    std::string what;  // never with a piece of a value, which could be a secret
};

struct Document {
    std::vector<Section> sections;     // in the order of the file
    std::optional<SyntaxError> error;  // then there are no sections
};

// Takes any bytes; never throws.
Document parse_document(std::string_view text);

}  // namespace lifeboat::config
