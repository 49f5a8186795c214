// The fields of a JSON document that somebody else may have written, as the readers of this room take them: any
// surprise is thrown as Surprise, and becomes one Error at the border of the room.
#pragma once

#include "os/clock.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lifeboat::catalogue {

// Not ordered_json: when one of its objects grows it copies what it holds, down to the last level, so that a
// document nested deeply enough would overflow the stack.
using Parsed = nlohmann::json;

struct Surprise {
    std::string what;
};

inline const Parsed& field(const Parsed& object, const std::string& name) {
    if (!object.is_object() || !object.contains(name)) {
        throw Surprise{"'" + name + "' is missing"};
    }
    return object.at(name);
}

template <class T>
T typed(const Parsed& value, const std::string& name) {
    try {
        return value.get<T>();
    } catch (const nlohmann::json::exception&) {
        throw Surprise{"'" + name + "' is of the wrong type"};
    }
}

inline std::string text(const Parsed& object, const std::string& name) {
    const Parsed& value = field(object, name);
    if (!value.is_string()) {
        throw Surprise{"'" + name + "' is no text"};
    }
    return value.get<std::string>();
}

inline std::string text_or(const Parsed& object, const std::string& name, const std::string& otherwise) {
    return object.contains(name) ? text(object, name) : otherwise;
}

inline std::uint64_t whole_number(const Parsed& object, const std::string& name) {
    const Parsed& value = field(object, name);
    if (!value.is_number_unsigned()) {
        throw Surprise{"'" + name + "' is no whole number"};
    }
    return value.get<std::uint64_t>();
}

inline unsigned small_number_or_0(const Parsed& object, const std::string& name) {
    const std::uint64_t number = object.contains(name) ? whole_number(object, name) : 0;
    if (number > 1'000'000) {
        throw Surprise{"'" + name + "' is out of range"};
    }
    return static_cast<unsigned>(number);
}

inline const Parsed& list(const Parsed& object, const std::string& name) {
    const Parsed& value = field(object, name);
    if (!value.is_array()) {
        throw Surprise{"'" + name + "' is no list"};
    }
    return value;
}

inline std::vector<std::string> texts_or_none(const Parsed& object, const std::string& name) {
    return object.contains(name) ? typed<std::vector<std::string>>(list(object, name), name)
                                 : std::vector<std::string>{};
}

inline os::TimePoint time(const Parsed& object, const std::string& name) {
    const std::string written = text(object, name);
    const auto time = os::utc_time(written);
    if (!time) {
        throw Surprise{"'" + name + "' is no time like 2026-11-22T02:17:00Z, or one out of range"};
    }
    return *time;
}

}  // namespace lifeboat::catalogue
