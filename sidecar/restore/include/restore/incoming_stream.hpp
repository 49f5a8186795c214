// One stream on its way back: fetched, checked, decrypted, decompressed.
#pragma once

#include "age/keys.hpp"
#include "catalogue/manifest.hpp"
#include "store/object_store.hpp"
#include "stream/sink.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace lifeboat::restore {

// Where stored streams come from and what opens them.
struct Source {
    store::ObjectStore& store;
    catalogue::Encrypted encrypted = catalogue::Encrypted::yes;
    const std::vector<age::Identity>& identities;  // needed when encrypted

    // Where set, read_stream adds to it what it has fetched; any thread may look at it meanwhile.
    std::atomic<std::uint64_t>* fetched_bytes = nullptr;
};

// Passes the plain bytes of the stream in `objects` on to `to`, and finishes it once every byte has been
// checked: size and SHA-256 of each object, age's authentication of each chunk, zstd's checksum. Fetching runs
// on a thread of its own. What `to` got before an error is nothing to rely on; it is not finished then.
// A `to` that returns ErrorKind::interrupted ends the stream early, with that error.
Status read_stream(const Source& source, const std::vector<store::StoredObject>& objects, stream::Sink& to);

// The same for a small text; ErrorKind::corrupt when it is longer than `limit`.
Result<std::string> read_text(const Source& source, const std::vector<store::StoredObject>& objects, std::size_t limit);

}  // namespace lifeboat::restore
