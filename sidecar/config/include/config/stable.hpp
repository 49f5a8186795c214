// Settings from one state of all their files, while someone may be exchanging them.
#pragma once

#include <memory>

#include "config/inputs.hpp"
#include "config/load.hpp"

namespace lifeboat::config {

struct Reading {
    Attempt attempt;
    std::shared_ptr<const Inputs> inputs;  // what it was loaded from
    // No file changed from the moment it was read until all were. If false, they went on changing, and this is the
    // last of several tries: a watch will ask for another.
    bool stable = false;
};

// attempt(), again while the files change under it: of a key and its id that are exchanged together, as in a Secret of
// Kubernetes, never one is the old and the other the new one. (Each name there is a link through `..data`, which is
// exchanged in one step: so a look at the ends of all links before and after tells.) Does not wait between tries.
Reading read_settings(const Sources& sources, const Needs& needs);

}  // namespace lifeboat::config
