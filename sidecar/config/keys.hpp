// The one table of keys. Loading, the environment's names, did-you-mean, `config show` and the documentation
// all read it: a key that is added there is known everywhere.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "raw.hpp"
#include "result/result.hpp"
#include "types.hpp"

namespace lifeboat::config {

struct Key {
    std::string table;
    std::string name;
    std::string type;
    std::string meaning;
    std::string flag;                         // "--store"; empty where there is none
    std::vector<std::string> standard_names;  // the first that is set counts
    bool is_list = false;
    bool from_text = true;
    bool is_secret = false;
    std::function<Status(Settings&, const Raw&)> set;  // changes nothing where it fails
    std::function<Json(const Settings&)> show;         // without secrets

    [[nodiscard]] std::string dotted() const { return table + "." + name; }
    [[nodiscard]] std::string environment() const;                          // LIFEBOAT_<TABLE>_<KEY>
    [[nodiscard]] std::string file_name() const { return name + "_file"; }  // of a secret
    [[nodiscard]] std::string file_environment() const { return environment() + "_FILE"; }
};

const std::vector<Key>& all_keys();
const std::vector<std::string>& all_tables();

// Null where there is none.
const Key* find_key(std::string_view table, std::string_view name);
const Key* find_key(std::string_view dotted);

// How a value of Key::show looks in a line of text; empty for null.
std::string plain_text(const Json& shown);

}  // namespace lifeboat::config
