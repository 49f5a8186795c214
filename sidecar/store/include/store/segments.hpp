// One stream in the store, however long: an object, and further segments where one is not enough.
#pragma once

#include "store/object_store.hpp"
#include "stream/sink.hpp"

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace lifeboat::store {

// The end of a backup's stream. Writes "<key>", then "<key>.0001", "<key>.0002" and so on, each as large
// as the store allows: their plain concatenation is the stream.
//
// finish() flushes and commits nothing, because the end of a stream is not yet its success: call commit()
// once it is known that every byte was the right one. Destroyed before that, it aborts the open upload and
// removes the segments that were full before (they had to be finished to go on). One thread at a time.
class SegmentWriter final : public stream::Sink {
public:
    // `segment_size` 0: as large as the store allows. `stop`: as for Upload::end_on().
    SegmentWriter(ObjectStore& store, ObjectKey key, std::uint64_t segment_size = 0, std::stop_token stop = {});
    ~SegmentWriter() override;
    SegmentWriter(const SegmentWriter&) = delete;
    SegmentWriter& operator=(const SegmentWriter&) = delete;

    Status write(stream::Bytes chunk) override;
    Status finish() override;

    // Commits the last segment and tells all of them, in order. A stream of no bytes is one empty object.
    Result<std::vector<StoredObject>> commit();

private:
    Status write_on(stream::Bytes chunk);
    Result<std::vector<StoredObject>> commit_last();
    Status open_next();
    Status close_full();

    ObjectStore& store_;
    ObjectKey key_;
    std::uint64_t segment_size_;
    const std::stop_token stop_;
    std::uint64_t in_segment_ = 0;
    std::unique_ptr<Upload> upload_;
    std::vector<StoredObject> stored_;
    bool finished_ = false;
    bool committed_ = false;
    std::optional<Error> failure_;  // the first one: there is no going on after it
};

// The key of segment `number`: the key itself for 0, then ".0001" and so on.
Result<ObjectKey> segment_key(const ObjectKey& key, std::size_t number);

// Passes the segments on, in order, and checks the size and SHA-256 of each as it goes. What is handed on
// before an error may be wrong: ErrorKind::corrupt tells so at the end of the segment.
Status read_segments(ObjectStore& store, const std::vector<StoredObject>& segments, stream::Sink& to);

}  // namespace lifeboat::store
