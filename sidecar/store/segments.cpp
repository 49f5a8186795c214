#include "store/segments.hpp"

#include "stream/sha256.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace lifeboat::store {

Result<ObjectKey> segment_key(const ObjectKey& key, std::size_t number) {
    if (number == 0) {
        return key;
    }
    std::array<char, 32> suffix{};
    std::snprintf(suffix.data(), suffix.size(), ".%04zu", number);
    return ObjectKey::parse(key.text() + suffix.data());
}

SegmentWriter::SegmentWriter(ObjectStore& store, ObjectKey key, std::uint64_t segment_size, std::stop_token stop)
    : store_(store),
      key_(std::move(key)),
      segment_size_(segment_size == 0 ? store.max_object_size() : std::min(segment_size, store.max_object_size())),
      stop_(std::move(stop)) {}

SegmentWriter::~SegmentWriter() {
    upload_.reset();
    if (committed_) {
        return;
    }
    // What stays behind is data without a manifest: the sweep's. A store that does not answer is asked no more.
    for (const auto& object : stored_) {
        const auto removed = store_.remove(object.key, object.version_id);
        if (!removed &&
            (removed.error().kind == ErrorKind::temporary || removed.error().kind == ErrorKind::interrupted)) {
            return;
        }
    }
}

Status SegmentWriter::write(stream::Bytes chunk) {
    if (failure_) {
        return *failure_;
    }
    auto written = write_on(chunk);
    if (!written) {
        failure_ = written.error();
    }
    return written;
}

Status SegmentWriter::write_on(stream::Bytes chunk) {
    while (!chunk.empty()) {
        if (upload_ && in_segment_ == segment_size_) {
            if (auto closed = close_full(); !closed) {
                return closed;
            }
        }
        if (auto opened = open_next(); !opened) {
            return opened;
        }
        const auto room = std::min<std::uint64_t>(segment_size_ - in_segment_, chunk.size());
        const auto part = chunk.first(static_cast<std::size_t>(room));
        if (auto written = upload_->write(part); !written) {
            return written;
        }
        in_segment_ += part.size();
        chunk = chunk.subspan(part.size());
    }
    return done();
}

Status SegmentWriter::finish() {
    if (auto written = write({}); !written) {
        return written;
    }
    auto opened = open_next();  // also a stream of no bytes is an object
    finished_ = opened.ok();
    return opened;
}

Result<std::vector<StoredObject>> SegmentWriter::commit() {
    if (failure_) {
        return *failure_;
    }
    auto committed = commit_last();
    if (!committed) {
        failure_ = committed.error();
    }
    return committed;
}

Result<std::vector<StoredObject>> SegmentWriter::commit_last() {
    if (!finished_ || committed_) {
        return failed("the stream into " + key_.text() + " is not finished, or was committed before");
    }
    if (auto closed = close_full(); !closed) {
        return std::move(closed).error();
    }
    committed_ = true;
    return stored_;
}

Status SegmentWriter::open_next() {
    if (upload_) {
        return done();
    }
    auto key = segment_key(key_, stored_.size());
    if (!key) {
        return std::move(key).error();
    }
    auto upload = store_.begin(*key);
    if (!upload) {
        return std::move(upload).error();
    }
    upload_ = std::move(*upload);
    upload_->end_on(stop_);
    in_segment_ = 0;
    return done();
}

Status SegmentWriter::close_full() {
    auto stored = upload_->commit();
    upload_.reset();
    if (!stored) {
        return std::move(stored).error();
    }
    stored_.push_back(std::move(*stored));
    return done();
}

namespace {

// The copy of a store has version ids of its own: what it holds under the key now is read instead, and the hash tells
// whether that is what was written.
Status read_one(ObjectStore& store, const StoredObject& segment, stream::Sha256Tap& tap) {
    auto read = store.read(segment.key, segment.version_id, tap);
    const bool no_such_version = !read && read.error().kind == ErrorKind::not_found && !segment.version_id.empty();
    return no_such_version && tap.bytes() == 0 ? store.read(segment.key, {}, tap) : read;
}

}  // namespace

Status read_segments(ObjectStore& store, const std::vector<StoredObject>& segments, stream::Sink& to) {
    for (const auto& segment : segments) {
        stream::Sha256Tap tap(to);
        if (auto read = read_one(store, segment, tap); !read) {
            return read;
        }
        if (tap.bytes() != segment.size) {
            return Error{ErrorKind::corrupt,
                         segment.key.text() + " has " + std::to_string(tap.bytes()) +
                             " bytes where the manifest says " + std::to_string(segment.size),
                         "restore another backup, and find out who changed this one"};
        }
        if (tap.hex() != segment.sha256) {
            return Error{ErrorKind::corrupt, segment.key.text() + " does not have the SHA-256 that the manifest says",
                         "restore another backup, and find out who changed this one"};
        }
    }
    return done();
}

}  // namespace lifeboat::store
