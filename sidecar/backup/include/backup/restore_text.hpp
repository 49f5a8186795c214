#pragma once

#include "catalogue/layout.hpp"
#include "store/object_store.hpp"

namespace lifeboat::backup {

// Puts RESTORE.txt beside the backups, if the listing does not show it: how to get them back with standard
// tools, for someone who has the bucket and the key and nothing else. It is the first thing that a run asks of the
// store: a bucket that is not there, a key that may not list or write, a disk that is full show here, and not after
// the dump.
Status write_restore_text(store::ObjectStore& store, const catalogue::Layout& layout);

}  // namespace lifeboat::backup
