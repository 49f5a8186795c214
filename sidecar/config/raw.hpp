// A value as its source wrote it, before its key says what it means.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::config {

struct Raw {
    enum class Form {
        text,  // from the environment or a flag: may stand for a number, a truth value or a list
        string,
        integer,
        real,
        boolean,
        list,
        table,
        date,  // any of TOML's dates and times: no key takes one
    };

    Form form = Form::text;
    std::string string;  // text and string
    std::int64_t integer = 0;
    double real = 0;
    bool boolean = false;
    std::vector<Raw> list;           // of a list its elements, of a table its values
    std::vector<std::string> names;  // of a table, beside `list`

    static Raw text(std::string content);

    [[nodiscard]] bool is_string() const { return form == Form::text || form == Form::string; }
    // For messages: "list", "whole number".
    [[nodiscard]] std::string_view form_name() const;
};

}  // namespace lifeboat::config
