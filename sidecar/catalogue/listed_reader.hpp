// Reads what a listing showed, and tells a store that does not answer from single objects that it does not give out.
//
// Whoever has a writer's key can store what nobody else can read: under a key of encryption that only he has (SSE-C,
// or one of another account). It must neither keep the others from being read nor pass for one that was pruned
// meanwhile.
#pragma once

#include "catalogue/acceptance.hpp"
#include "catalogue/layout.hpp"
#include "catalogue/manifest.hpp"
#include "store/object_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::catalogue {

// For one look at an instance. The store and the layout must outlive it.
class ListedReader {
public:
    ListedReader(store::ObjectStore& store, const Layout& layout) : store_(store), layout_(layout) {}

    // The object's text. not_found: it is gone since it was listed. corrupt: it is there, and is larger than `limit` or
    // cannot be read by anybody with this key, who can read others. Any other error is not the object's: the store does
    // not answer, or the key may not read.
    //
    // One that cannot be read costs one more listing, of its key alone, and where the store does not say that it is the
    // object's fault a read of what could be read before, or of RESTORE.txt.
    Result<std::string> read(const store::ObjectInfo& object, std::uint64_t limit);

private:
    Result<bool> is_listed(const store::ObjectInfo& object);
    Status check_may_read(const Error& said);
    Status find_restore_text();

    store::ObjectStore& store_;
    const Layout& layout_;
    std::optional<store::ObjectInfo> readable_;  // what was read last
};

// A manifest, found among the versions of its key.
struct FoundManifest {
    Manifest manifest;
    std::string json;
    std::size_t version;  // its place among them
    bool first;           // none with bytes came before it
};

// What the versions of a manifest's key came to; neither of the two: nothing is left of it.
struct ManifestSearch {
    std::optional<FoundManifest> found;
    std::optional<Error> refused;  // no version is a manifest: what is wrong with the oldest
};

// The oldest of `versions` (oldest first, hide markers among them) that is a manifest for its key. What came before it
// somebody else stored there while the backup was being made. An error is one of ListedReader::read() that is not the
// object's: then nothing is known.
Result<ManifestSearch> find_manifest(ListedReader& reader, const Layout& layout, KeyKind kind, const BackupId& id,
                                     const std::vector<store::ObjectInfo>& versions);

// As in catalogue/trust.hpp, in the midst of a look.
Result<std::vector<Acceptance>> read_acceptances(store::ObjectStore& store, ListedReader& reader, const Layout& layout,
                                                 std::vector<Error>& refused);

}  // namespace lifeboat::catalogue
