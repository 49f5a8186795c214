// Reads an object in ranges, several at a time, and passes them on in order.
#pragma once

#include "bucket/bucket.hpp"
#include "store/object_store.hpp"

#include <string>

namespace lifeboat::store {

// As ObjectStore::read(). A range whose connection breaks goes on from where it broke, within the retry policy, whose
// budget begins anew whenever bytes came. An object that is given other bytes meanwhile is ErrorKind::corrupt.
Status read_in_ranges(Bucket& bucket, const ObjectKey& key, const std::string& version_id, stream::Sink& to);

}  // namespace lifeboat::store
