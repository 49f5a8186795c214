#include "stored_proof.hpp"

#include "proof/proof_json.hpp"
#include "restore/incoming_stream.hpp"
#include "session.hpp"

namespace lifeboat::cli {
namespace {

constexpr std::size_t largest_proof = std::size_t{1} << 30U;

Error not_its_own(const catalogue::Manifest& manifest) {
    return {ErrorKind::corrupt, "the table proof of " + manifest.id.text() + " is of another backup",
            "look at another backup, and find out who changed this one"};
}

}  // namespace

Result<StoredProof> read_proof(store::ObjectStore& store, const catalogue::Manifest& manifest,
                               const std::vector<age::Identity>& identities) {
    if (!manifest.proof) {
        return Error{ErrorKind::not_found, "backup " + manifest.id.text() + " has no table proof",
                     "it was written by a Lifeboat that made none; `lifeboat cat` gives its archives"};
    }
    if (auto required = require_identity(manifest, identities); !required) {
        return std::move(required).error();
    }
    auto text = restore::read_text({store, manifest.encrypted(), identities}, manifest.proof->objects, largest_proof);
    if (!text) {
        return in_context("the table proof of " + manifest.id.text(), std::move(text).error());
    }
    auto proof = proof::parse_proof(*text);
    if (!proof) {
        return std::move(proof).error();
    }
    if (proof->id != manifest.id.text() || proof->instance != manifest.instance) {
        return not_its_own(manifest);
    }
    return StoredProof{std::move(*text), std::move(*proof)};
}

}  // namespace lifeboat::cli
