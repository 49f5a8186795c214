// Reading a stored backup back, without restoring it.
#pragma once

#include "restore/incoming_stream.hpp"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::restore {

struct VerifiedPart {
    std::string part;  // a database's name, or "globals"
    std::uint64_t stored_bytes = 0;
    Status outcome;
    // False: the store did not hand out what it holds (no right, no answer), which says nothing about the part.
    bool looked = true;
};

struct VerifyReport {
    std::vector<VerifiedPart> parts;
    bool opened = false;  // decrypted too, not only hashed
    [[nodiscard]] bool good() const;
};

// How much of a part was fetched so far, and how much came out of it where it is opened.
using VerifyMoved =
    std::function<void(const std::string& part, std::uint64_t fetched, std::optional<std::uint64_t> plain)>;

// Reads every object of the backup and compares size and SHA-256 with the manifest. With an identity (or a
// backup that is not encrypted) each stream is also decrypted and decompressed to its end, and each archive's
// table of contents read. Goes on after a bad part: the report names them all. `moved` hears of each piece read.
// Once `stop` is asked for, what is not read yet has an outcome of ErrorKind::interrupted.
VerifyReport verify(const Source& source, const catalogue::Manifest& manifest, const VerifyMoved& moved,
                    const std::stop_token& stop);

}  // namespace lifeboat::restore
