// What could somebody do who has this pod's secrets? Answered from what was seen, with the change that would prevent
// it.
#pragma once

#include "doctor/finding.hpp"
#include "doctor/store_checks.hpp"

namespace lifeboat::doctor {

// read, hide, delete, overwrite, forge: one finding each. pass: cannot do harm. warn: can. unknown: it was not seen.
Findings thief_could(const StoreSights& sights, bool encrypted);

}  // namespace lifeboat::doctor
