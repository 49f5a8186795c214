// What could somebody do who has this pod's secrets? Answered from what was seen, with the change that would prevent
// it.
#pragma once

#include "doctor/finding.hpp"
#include "doctor/store_checks.hpp"

namespace lifeboat::doctor {

// What this pod knows of the backups that it makes.
enum class Encryption {
    none,
    to_others,    // the keys are elsewhere
    opened_here,  // a key that opens them is here, too
};

// read, hide, delete, overwrite, forge: one finding each. pass: cannot do harm. warn: can. unknown: it was not seen.
Findings thief_could(const StoreSights& sights, Encryption encryption);

}  // namespace lifeboat::doctor
