// Which entries of an archive's table of contents a restore leaves out, or brings of itself.
#pragma once

#include "proof/differences.hpp"
#include "proof/proof.hpp"

namespace lifeboat::drill {

// How what a restore made is compared with the backup that it was made of. `same_major`: of the backup's server and the
// one that it came back into.
proof::CompareOptions after_restore(const proof::DatabaseProof& backup, bool same_major);

}  // namespace lifeboat::drill
