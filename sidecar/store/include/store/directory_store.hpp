// A folder as an object store: a mounted disk, a network share, a volume.
//
// Every object is one plain file, <root>/<key>, so any tool reads it. What is being written lies beside its
// place as <root>/<key>~<8 hex digits>: a key cannot hold '~', so that file is never taken for an object.
// A commit writes it out (fsync), gives it its name in one step that replaces nothing, and writes out the
// folders above it; a writer that is killed leaves at most such a file, which unfinished() lists.
//
//   - Files have mode 0600, folders 0700. The root and its parents are created by the first begin().
//   - A root that is not there is ErrorKind::not_found for every verb but begin(): a disk that is not
//     mounted must not look like a store without backups.
//   - Links below the root are not followed; what lies behind them is not part of the store, and neither
//     is any file whose path is no key.
//   - Folders that are empty after remove() or an aborted upload go with it.
//   - There are no versions: `version_id` is passed over, so a copy of a versioned store can be read.
//   - One key cannot be both an object and the folder of others ("a" and "a/b"): the second of them fails.
//   - A filesystem must know either renameat2(RENAME_NOREPLACE) or hard links (all but FAT-like ones do).
#pragma once

#include "result/result.hpp"
#include "store/object_store.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace lifeboat::store {

struct DirectoryOptions {
    // In bytes. One tebibyte fits into a file of every Linux filesystem but the FAT family.
    std::uint64_t max_object_size = std::uint64_t{1} << 40U;
};

// `path` is absolute and not "/" itself, else ErrorKind::usage. Nothing is touched before the first verb.
Result<std::unique_ptr<ObjectStore>> open_directory(const std::string& path, const DirectoryOptions& options = {});

}  // namespace lifeboat::store
