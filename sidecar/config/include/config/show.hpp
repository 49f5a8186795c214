// The effective settings, for `config show`. Secrets appear as "(hidden)", a server's URI without its password.
#pragma once

#include <string>

#include "config/load.hpp"

namespace lifeboat::config {

// A table for people: key, value, where the value comes from; one key a line, in the order of docs/settings.md.
std::string show(const Loaded& loaded);

// For programs, one JSON object:
// {"settings": {"store.url": {"value": …, "origin": "…", "secret": false}, …}, "warnings": ["…"], "files": ["…"]}
// Numbers, booleans and lists keep their type; durations, sizes and rates are texts as one writes them.
std::string show_json(const Loaded& loaded);

}  // namespace lifeboat::config
