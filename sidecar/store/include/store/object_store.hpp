// What Lifeboat needs from the place where backups lie, and nothing more.
#pragma once

#include "result/result.hpp"
#include "store/object_key.hpp"
#include "stream/sink.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::store {

// A finished object, as the writer knows it.
struct StoredObject {
    ObjectKey key;
    std::uint64_t size = 0;  // bytes stored
    std::string sha256;      // of the bytes stored, 64 lower-case hex digits
    std::string version_id;  // empty where the store has no versions
};

// A finished object, as the store lists it: one version of it, where the store has versions.
struct ObjectInfo {
    ObjectKey key;
    std::uint64_t size = 0;
    std::chrono::system_clock::time_point modified;  // by the store's clock, not the writer's
    std::string version_id;                          // empty where the store has no versions
    // No object: somebody's deletion by name, which hides the versions before it and removes none of them.
    bool hide_marker = false;
    std::string etag = {};  // the store's mark of the content, where it tells one; equal ones are equal bytes
};

// A rule by which the store itself takes objects away.
struct AgeRule {
    std::string prefix;                                                      // of the keys that it is for
    std::optional<std::chrono::hours> after = std::nullopt;                  // that much after they were stored
    std::optional<std::chrono::system_clock::time_point> on = std::nullopt;  // at this time, whatever their age
};

// What was begun and never committed, by a writer that was killed or is still at work.
struct UnfinishedUpload {
    ObjectKey key;
    std::uint64_t size = 0;  // 0 where the store does not tell
    std::chrono::system_clock::time_point started;
    std::string id;  // the store's own, for discard()
};

// One object on its way into the store.
//
// Nothing is visible to readers before commit(). Destroying an Upload that was not committed aborts it:
// nothing of it stays, as far as the store can be reached. One thread at a time. The store must outlive it.
class Upload {
public:
    Upload() = default;
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
    virtual ~Upload() = default;

    // Takes the whole chunk or fails, as it does past max_object_size(); after a failure the upload is only
    // good for being destroyed, and every further call returns an error.
    virtual Status write(stream::Bytes chunk) = 0;

    // Makes the object durable and visible, as one step. ErrorKind::exists when another object has the
    // key: an object, once there, is never given other bytes. Call once.
    virtual Result<StoredObject> commit() = 0;

    // For a writer that must not be kept waiting: from a stop on, every call fails with ErrorKind::interrupted, also
    // one that waits for the store. Call before anything else. Where a call cannot be ended early, nothing changes.
    virtual void end_on(const std::stop_token& stop) { (void)stop; }
};

// A flat space of objects under keys, below the prefix that the store was opened with.
//
// Errors: not_found (no such object; and for every verb but begin() no such store, which is not the same as
// an empty one: a folder that was never written or whose disk is not mounted, a bucket by another name), exists (commit
// only), temporary (worth another try), failed (not worth one), corrupt (fewer bytes than the object had), usage (the
// settings cannot be right). Safe for use by several threads at once, each with its own Upload, and by several
// processes.
//
// A store without versions passes over `version_id`, so that the copy of a versioned store can be read.
class ObjectStore {
public:
    ObjectStore() = default;
    ObjectStore(const ObjectStore&) = delete;
    ObjectStore& operator=(const ObjectStore&) = delete;
    virtual ~ObjectStore() = default;

    // Where this is, for messages: a URL without any secret.
    [[nodiscard]] virtual std::string location() const = 0;

    // The largest object that can be stored; longer streams go on in a next segment.
    [[nodiscard]] virtual std::uint64_t max_object_size() const = 0;

    virtual Result<std::unique_ptr<Upload>> begin(const ObjectKey& key) = 0;

    // Passes the whole object to `to`, in order, and does not finish it. Fails if fewer bytes come than
    // the object has. An error from `to` ends the reading and is returned. `version_id` empty: the
    // current version.
    virtual Status read(const ObjectKey& key, const std::string& version_id, stream::Sink& to) = 0;

    // Calls `visit` for every finished object whose key begins with `prefix` (which may be empty), in
    // ascending byte order of keys; where the store has versions, for every version and hide marker of a key, the
    // oldest first. An error from `visit` ends the listing and is returned. `visit` may
    // call the store, also to remove what it is shown.
    using Visitor = std::function<Status(const ObjectInfo&)>;
    virtual Status list(const std::string& prefix, const Visitor& visit) = 0;

    // What writers left unfinished under `prefix`, or are still writing, as far as it reached the store; any order.
    virtual Result<std::vector<UnfinishedUpload>> unfinished(const std::string& prefix) = 0;

    // Throws away what unfinished() showed. Its writer, if there still is one, fails. One that is gone counts as done.
    virtual Status discard(const UnfinishedUpload& upload) = 0;

    // Removes one version of an object for good, not by hiding it; `version_id` empty: every version, and the hide
    // markers among them. An object that is not there counts as removed. ErrorKind::refused when the store says that
    // the object is locked; some stores do not tell that from a key that may not delete (failed).
    virtual Status remove(const ObjectKey& key, const std::string& version_id) = 0;

    // Whether this key may remove a version for good, found out without removing or hiding any: the store is asked to
    // remove one of `absent`, under which nothing was ever stored. ErrorKind::failed when it refuses that; done() when
    // it does not, and where nothing tells; other errors when it does not answer.
    virtual Status may_remove(const ObjectKey& absent) {
        (void)absent;
        return done();
    }

    // The rules by which the store takes away, or hides, what is under its prefix, as one request tells them. A store
    // without such rules has none; the error says why they cannot be read (a key may lack the right to).
    virtual Result<std::vector<AgeRule>> age_rules() { return std::vector<AgeRule>{}; }

    // After a list(): whether it showed all there is. False where the store may hold versions that this key cannot
    // see: what somebody hid is missing from the listing then, and nothing may be deleted because it is missing.
    [[nodiscard]] virtual bool lists_everything() const = 0;
};

// Reads a small object whole. ErrorKind::corrupt when it is larger than `limit` bytes.
Result<std::string> get(ObjectStore& store, const ObjectKey& key, const std::string& version_id, std::uint64_t limit);

// Stores a small object in one go.
Result<StoredObject> put(ObjectStore& store, const ObjectKey& key, stream::Bytes content);

}  // namespace lifeboat::store
