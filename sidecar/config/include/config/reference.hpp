// What keys there are, for documentation: the same table that drives loading.
#pragma once

#include <string>
#include <vector>

namespace lifeboat::config {

struct KeyDescription {
    std::string key;           // "store.part_size"
    std::string type;          // "size"
    std::string default_text;  // as `config show` prints it; empty where there is none
    std::string environment;   // "LIFEBOAT_STORE_PART_SIZE"; empty where it cannot come from there
    std::string meaning;       // one line
    bool secret = false;       // also as <key>_file
};

// In the order of the tables in docs/settings.md.
std::vector<KeyDescription> describe_keys();

}  // namespace lifeboat::config
