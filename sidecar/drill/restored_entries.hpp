// Which entries of an archive's table of contents a restore leaves out, or brings of itself.
#pragma once

#include "proof/differences.hpp"
#include "proof/proof.hpp"

namespace lifeboat::drill {

struct RestoredInto {
    bool same_major = true;        // as that of the backup's server
    bool has_all_settings = true;  // of the database
};

// How what a restore made is compared with the backup that it was made of.
proof::CompareOptions after_restore(const proof::DatabaseProof& backup, RestoredInto server);

}  // namespace lifeboat::drill
