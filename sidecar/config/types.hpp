// What kinds of values keys can have. A Type reads a Raw into a T, and shows a T as JSON: the one form that
// `config show` prints and `config show --json` gives.
#pragma once

#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "raw.hpp"
#include "result/in_quotes.hpp"
#include "result/result.hpp"

namespace lifeboat::config {

using Json = nlohmann::ordered_json;

template <class T>
struct Type {
    std::string name;  // for documentation and messages: "duration"
    std::function<Result<T>(const Raw&)> read;
    std::function<Json(const T&)> show;
    bool is_list = false;    // several flags add up
    bool from_text = true;   // can be told by an environment variable
    bool is_secret = false;  // never quoted, can be told as <key>_file
};

// "expected <type>, found <form>"
Error wrong_form(const std::string& type, const Raw& raw);

Type<std::string> any_text();
Type<std::string> instance_name();
Type<std::string> cron();
Type<std::string> timezone();
Type<std::string> endpoint();
Type<std::string> region();
Type<std::string> absolute_folder();
Type<std::string> recipient();
Type<std::string> identity_path();
Type<std::string> object_name();  // of Kubernetes
Type<std::filesystem::path> file_path();
Type<Duration> duration();  // 0 allowed
Type<Duration> positive_duration();
Type<Size> size_between(Size low, Size high);
Type<Rate> rate();
Type<HostPort> address();
Type<HostPort> loopback_address();
Type<StoreUrl> store_url();
Type<ObjectLock> object_lock();
Type<bool> truth();
Type<PruneMode> prune_mode();
Type<double> ratio();  // 0 to 1
Type<std::vector<std::string>> list_of(const Type<std::string>& element);
Type<std::vector<std::string>> list_or_one(const Type<std::string>& element);  // also a text alone, in the file
Type<std::vector<DrillCheck>> drill_checks();

Type<std::optional<Secret>> secret();
Type<std::optional<Secret>> server_uri();
Type<std::optional<Secret>> web_address();

Result<std::int64_t> read_whole_number(const std::string& type, const Raw& raw, std::int64_t low, std::int64_t high);
// A text that is neither empty nor holds a NUL.
Result<std::string> read_text(const std::string& type, const Raw& raw);

template <class T>
Type<T> whole_number(std::int64_t low, std::int64_t high) {
    Type<T> type;
    type.name = "whole number, " + std::to_string(low) + " to " + std::to_string(high);
    type.read = [name = type.name, low, high](const Raw& raw) -> Result<T> {
        auto number = read_whole_number(name, raw, low, high);
        if (!number) {
            return number.error();
        }
        return static_cast<T>(*number);
    };
    type.show = [](const T& value) { return Json(value); };
    return type;
}

template <class E>
using Words = std::vector<std::pair<std::string, E>>;

// "a, b or c"
std::string alternatives(const std::vector<std::string>& words);

template <class E>
Type<E> one_of(Words<E> words) {
    std::vector<std::string> names;
    for (const auto& [word, value] : words) {
        names.push_back('"' + word + '"');
    }
    Type<E> type;
    type.name = alternatives(names);
    type.read = [words, name = type.name](const Raw& raw) -> Result<E> {
        auto text = read_text(name, raw);
        if (!text) {
            return text.error();
        }
        for (const auto& [word, value] : words) {
            if (word == *text) {
                return value;
            }
        }
        return Error{ErrorKind::usage, in_quotes(*text) + " is not possible here", "write " + name};
    };
    type.show = [words](const E& shown) {
        for (const auto& [word, value] : words) {
            if (value == shown) {
                return Json(word);
            }
        }
        return Json();
    };
    return type;
}

// For values that may be absent and then mean what `word` says.
template <class T>
Type<std::optional<T>> or_word(const std::string& word, const Type<T>& inner) {
    Type<std::optional<T>> type;
    type.name = inner.name + ", or \"" + word + '"';
    type.read = [inner, word](const Raw& raw) -> Result<std::optional<T>> {
        if (raw.is_string() && raw.string == word) {
            return std::optional<T>();
        }
        auto value = inner.read(raw);
        if (!value) {
            return value.error();
        }
        return std::optional<T>(std::move(*value));
    };
    type.show = [inner, word](const std::optional<T>& value) { return value ? inner.show(*value) : Json(word); };
    return type;
}

// For values that may be absent, with no word to say so.
template <class T>
Type<std::optional<T>> if_given(const Type<T>& inner) {
    Type<std::optional<T>> type;
    type.name = inner.name;
    type.read = [inner](const Raw& raw) -> Result<std::optional<T>> {
        auto value = inner.read(raw);
        if (!value) {
            return value.error();
        }
        return std::optional<T>(std::move(*value));
    };
    type.show = [inner](const std::optional<T>& value) { return value ? inner.show(*value) : Json(); };
    return type;
}

}  // namespace lifeboat::config
