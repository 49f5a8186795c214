// The table proof of a backup, out of the store.
#pragma once

#include "age/keys.hpp"
#include "catalogue/manifest.hpp"
#include "proof/proof.hpp"
#include "store/object_store.hpp"

#include <string>
#include <vector>

namespace lifeboat::cli {

struct StoredProof {
    std::string json;  // as it is stored
    proof::Proof proof;
};

// not_found: the backup is from before there were proofs. corrupt: it is not what the manifest says, or of another
// backup. usage: it is encrypted, and none of the identities opens it.
Result<StoredProof> read_proof(store::ObjectStore& store, const catalogue::Manifest& manifest,
                               const std::vector<age::Identity>& identities);

}  // namespace lifeboat::cli
