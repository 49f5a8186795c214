#include "raw.hpp"

namespace lifeboat::config {

Raw Raw::text(std::string content) {
    Raw raw;
    raw.string = std::move(content);
    return raw;
}

std::string_view Raw::form_name() const {
    switch (form) {
        case Form::text:
        case Form::string: return "text";
        case Form::integer: return "whole number";
        case Form::real: return "number";
        case Form::boolean: return "true or false";
        case Form::list: return "list";
        case Form::table: return "table";
        case Form::date: return "date or time";
    }
    return "value";
}

}  // namespace lifeboat::config
