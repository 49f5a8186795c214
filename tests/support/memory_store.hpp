// An object store in memory, and one that fails on script: for tests of whatever stands on a store.
//
// Header only; needs the room `store`. Include as "support/memory_store.hpp" (the include directory is tests/).
#pragma once

#include "store/object_store.hpp"
#include "stream/sha256.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace lifeboat::test {

// The simplest store that keeps every promise of store/object_store.hpp.
class MemoryStore final : public store::ObjectStore {
public:
    using TimePoint = std::chrono::system_clock::time_point;

    enum class Versions { kept, none };

    explicit MemoryStore(std::uint64_t max_object_size = std::numeric_limits<std::uint64_t>::max(),
                         Versions versions = Versions::none)
        : max_object_size_(max_object_size), versions_(versions) {}
    explicit MemoryStore(Versions versions) : MemoryStore(std::numeric_limits<std::uint64_t>::max(), versions) {}

    [[nodiscard]] std::string location() const override { return "memory://test"; }
    [[nodiscard]] std::uint64_t max_object_size() const override { return max_object_size_; }

    Result<std::unique_ptr<store::Upload>> begin(const store::ObjectKey& key) override {
        return std::unique_ptr<store::Upload>(std::make_unique<MemoryUpload>(*this, key));
    }

    Status read(const store::ObjectKey& key, const std::string& version_id, stream::Sink& to) override {
        const auto version = find(key, version_id);
        if (version && version->withheld) {
            return *version->withheld;
        }
        if (version && version->pruned_when_read) {
            (void)remove(key, version->id);
        }
        if (!version || version->pruned_when_read) {
            return Error{ErrorKind::not_found, "no object '" + key.text() + "' in " + location(), "list what is there"};
        }
        constexpr std::size_t chunk_size = 1000;  // small and odd, so that readers meet many chunks
        for (auto left = stream::as_bytes(version->content); !left.empty();) {
            const auto chunk = left.first(std::min(chunk_size, left.size()));
            if (auto passed = to.write(chunk); !passed) {
                return passed;
            }
            left = left.subspan(chunk.size());
        }
        return done();
    }

    Status list(const std::string& prefix, const Visitor& visit) override {
        for (const store::ObjectInfo& info : infos(prefix)) {
            if (auto visited = visit(info); !visited) {
                return visited;
            }
        }
        return done();
    }

    Result<std::vector<store::UnfinishedUpload>> unfinished(const std::string& prefix) override {
        const std::lock_guard lock(mutex_);
        std::vector<store::UnfinishedUpload> uploads;
        for (const auto& [id, upload] : open_) {
            if (upload.key.text().starts_with(prefix)) {
                uploads.push_back(upload);
            }
        }
        return uploads;
    }

    Status discard(const store::UnfinishedUpload& upload) override {
        const std::lock_guard lock(mutex_);
        std::erase_if(open_, [&](const auto& entry) { return entry.second.id == upload.id; });
        return done();
    }

    Status remove(const store::ObjectKey& key, const std::string& version_id) override {
        const std::lock_guard lock(mutex_);
        const auto object = objects_.find(key);
        if (object == objects_.end()) {
            return done();
        }
        std::erase_if(object->second, [&](const Version& version) {
            return version_id.empty() || versions_ == Versions::none || version.id == version_id;
        });
        if (object->second.empty()) {
            objects_.erase(object);
        }
        return done();
    }

    [[nodiscard]] bool lists_everything() const override { return lists_everything_; }

    // As for a key that may not list versions.
    void hide_what_is_hidden() { lists_everything_ = false; }

    // What no writer may do: gives an object other bytes, as a fault or a thief would.
    void tamper(const store::ObjectKey& key, std::string content) {
        const std::lock_guard lock(mutex_);
        newest(key).content = std::move(content);
    }

    // Where versions are kept: a deletion by name, and a write over what is there. Both leave the older versions.
    void hide(const store::ObjectKey& key, TimePoint when) { add(key, {{}, when, {}, true}); }
    void overwrite(const store::ObjectKey& key, std::string content, TimePoint when) {
        add(key, {std::move(content), when, {}, false});
    }

    // The newest version is listed, and every read of it fails, as of what was encrypted with another's key.
    void withhold(const store::ObjectKey& key, Error error) {
        const std::lock_guard lock(mutex_);
        newest(key).withheld = std::move(error);
    }

    // The newest version is gone when somebody comes to read it: another was quicker.
    void prune_when_read(const store::ObjectKey& key) {
        const std::lock_guard lock(mutex_);
        newest(key).pruned_when_read = true;
    }

    // Of the newest version.
    void set_modified(const store::ObjectKey& key, TimePoint modified) {
        const std::lock_guard lock(mutex_);
        newest(key).modified = modified;
    }

    // Of every unfinished upload there is now.
    void set_started(TimePoint started) {
        const std::lock_guard lock(mutex_);
        for (auto& [id, upload] : open_) {
            upload.started = started;
        }
    }

private:
    struct Version {
        std::string content;
        TimePoint modified;
        std::string id;  // empty where no versions are kept
        bool hide_marker = false;
        std::optional<Error> withheld = {};
        bool pruned_when_read = false;
    };

    class MemoryUpload final : public store::Upload {
    public:
        MemoryUpload(MemoryStore& owner, store::ObjectKey key) : owner_(owner), key_(std::move(key)) {
            const std::lock_guard lock(owner_.mutex_);
            owner_.open_.emplace(this,
                                 store::UnfinishedUpload{key_, 0, std::chrono::system_clock::now(), owner_.next_id()});
        }
        MemoryUpload(const MemoryUpload&) = delete;
        MemoryUpload& operator=(const MemoryUpload&) = delete;
        ~MemoryUpload() override { (void)end(); }

        Status write(stream::Bytes chunk) override {
            if (ended_) {
                return failed("the upload of '" + key_.text() + "' was ended before", "begin a new upload");
            }
            if (chunk.size() > owner_.max_object_size_ - content_.size()) {
                (void)end();
                return failed("'" + key_.text() + "' would be too large for this store", "split it into segments");
            }
            content_.append(stream::as_text(chunk));
            const std::lock_guard lock(owner_.mutex_);
            const auto open = owner_.open_.find(this);
            if (open == owner_.open_.end()) {
                return failed("the upload of '" + key_.text() + "' was discarded", "begin a new upload");
            }
            open->second.size = content_.size();
            return done();
        }

        Result<store::StoredObject> commit() override {
            if (ended_) {
                return failed("the upload of '" + key_.text() + "' was ended before", "begin a new upload");
            }
            if (!end()) {
                return failed("the upload of '" + key_.text() + "' was discarded", "begin a new upload");
            }
            store::StoredObject stored{key_, content_.size(), stream::sha256_hex(content_), {}};
            const std::lock_guard lock(owner_.mutex_);
            auto& versions = owner_.objects_[key_];
            if (!versions.empty()) {
                return Error{ErrorKind::exists, "object '" + key_.text() + "' is there already", "choose another key"};
            }
            stored.version_id = owner_.next_version();
            versions.push_back({std::move(content_), std::chrono::system_clock::now(), stored.version_id, false});
            return stored;
        }

    private:
        bool end() {
            ended_ = true;
            const std::lock_guard lock(owner_.mutex_);
            return owner_.open_.erase(this) != 0;
        }

        MemoryStore& owner_;
        store::ObjectKey key_;
        std::string content_;
        bool ended_ = false;
    };

    std::string next_id() { return std::to_string(++ids_); }  // under the lock, like the next two
    std::string next_version() { return versions_ == Versions::kept ? "v" + next_id() : std::string(); }
    Version& newest(const store::ObjectKey& key) { return objects_.at(key).back(); }

    void add(const store::ObjectKey& key, Version version) {
        const std::lock_guard lock(mutex_);
        version.id = next_version();
        objects_.at(key).push_back(std::move(version));
    }

    // A copy, or nothing for a hide marker.
    std::optional<Version> find(const store::ObjectKey& key, const std::string& version_id) {
        const std::lock_guard lock(mutex_);
        const auto object = objects_.find(key);
        if (object == objects_.end()) {
            return std::nullopt;
        }
        const bool any = version_id.empty() || versions_ == Versions::none;
        const auto version = std::find_if(object->second.rbegin(), object->second.rend(),
                                          [&](const Version& each) { return any || each.id == version_id; });
        return version == object->second.rend() || version->hide_marker ? std::nullopt : std::optional(*version);
    }

    std::vector<store::ObjectInfo> infos(const std::string& prefix) {
        const std::lock_guard lock(mutex_);
        std::vector<store::ObjectInfo> result;
        for (const auto& [key, versions] : objects_) {
            if (!key.text().starts_with(prefix)) {
                continue;
            }
            for (const auto& version : versions) {
                result.push_back({key, version.content.size(), version.modified, version.id, version.hide_marker});
            }
        }
        return result;
    }

    std::mutex mutex_;
    std::map<store::ObjectKey, std::vector<Version>> objects_;  // in byte order of keys; the oldest version first
    std::map<const MemoryUpload*, store::UnfinishedUpload> open_;
    int ids_ = 0;
    std::uint64_t max_object_size_;
    Versions versions_;
    bool lists_everything_ = true;
};

// What goes wrong, and when: fail("write", 3, error) makes the third write from the start of the test fail.
// Safe for several threads.
class FaultScript {
public:
    void fail(const std::string& verb, int nth, Error error) {
        const std::lock_guard lock(mutex_);
        faults_.insert_or_assign({verb, nth}, std::move(error));
    }

    // Counts one call of `verb` and tells the fault that is due at it.
    std::optional<Error> next(const std::string& verb) {
        const std::lock_guard lock(mutex_);
        const auto fault = faults_.find({verb, ++calls_[verb]});
        return fault == faults_.end() ? std::nullopt : std::optional(fault->second);
    }

    int calls(const std::string& verb) {
        const std::lock_guard lock(mutex_);
        return calls_[verb];
    }

private:
    std::mutex mutex_;
    std::map<std::pair<std::string, int>, Error> faults_;
    std::map<std::string, int> calls_;
};

// Another store that fails on script, at the verbs begin, write, commit, read, list, unfinished, discard, remove.
// A fault comes instead of the call: the store behind it does not hear of it.
class FlakyStore final : public store::ObjectStore {
public:
    FlakyStore(store::ObjectStore& inner, FaultScript& script) : inner_(inner), script_(script) {}

    [[nodiscard]] std::string location() const override { return inner_.location(); }
    [[nodiscard]] std::uint64_t max_object_size() const override { return inner_.max_object_size(); }

    Result<std::unique_ptr<store::Upload>> begin(const store::ObjectKey& key) override {
        if (auto fault = script_.next("begin")) {
            return *fault;
        }
        auto upload = inner_.begin(key);
        if (!upload) {
            return upload;
        }
        return std::unique_ptr<store::Upload>(std::make_unique<FlakyUpload>(*std::move(upload), script_));
    }

    Status read(const store::ObjectKey& key, const std::string& version_id, stream::Sink& to) override {
        if (auto fault = script_.next("read")) {
            return *fault;
        }
        return inner_.read(key, version_id, to);
    }

    Status list(const std::string& prefix, const Visitor& visit) override {
        if (auto fault = script_.next("list")) {
            return *fault;
        }
        return inner_.list(prefix, visit);
    }

    Result<std::vector<store::UnfinishedUpload>> unfinished(const std::string& prefix) override {
        if (auto fault = script_.next("unfinished")) {
            return *fault;
        }
        return inner_.unfinished(prefix);
    }

    Status remove(const store::ObjectKey& key, const std::string& version_id) override {
        if (auto fault = script_.next("remove")) {
            return *fault;
        }
        return inner_.remove(key, version_id);
    }

    Status discard(const store::UnfinishedUpload& upload) override {
        if (auto fault = script_.next("discard")) {
            return *fault;
        }
        return inner_.discard(upload);
    }

    [[nodiscard]] bool lists_everything() const override { return inner_.lists_everything(); }

private:
    class FlakyUpload final : public store::Upload {
    public:
        FlakyUpload(std::unique_ptr<store::Upload> inner, FaultScript& script)
            : inner_(std::move(inner)), script_(script) {}

        Status write(stream::Bytes chunk) override {
            if (auto fault = script_.next("write")) {
                inner_.reset();
                return *fault;
            }
            return inner_ ? inner_->write(chunk) : Status(ended());
        }

        Result<store::StoredObject> commit() override {
            if (auto fault = script_.next("commit")) {
                inner_.reset();
                return *fault;
            }
            return inner_ ? inner_->commit() : Result<store::StoredObject>(ended());
        }

    private:
        static Error ended() { return failed("the upload was ended before", "begin a new upload"); }

        std::unique_ptr<store::Upload> inner_;
        FaultScript& script_;
    };

    store::ObjectStore& inner_;
    FaultScript& script_;
};

}  // namespace lifeboat::test
