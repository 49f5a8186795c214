#include "restore/verify_job.hpp"

#include "archive/contents.hpp"
#include "store/segments.hpp"
#include "stream/counter.hpp"

#include <algorithm>
#include <numeric>

namespace lifeboat::restore {
namespace {

// Tells how far the reading has come and whether it was the store that ended it, and gives up when asked to stop.
class Reporting final : public store::ObjectStore {
public:
    Reporting(store::ObjectStore& inner, std::function<void(std::uint64_t)> moved, const std::stop_token& stop)
        : inner_(inner), moved_(std::move(moved)), stop_(stop) {}

    [[nodiscard]] std::string location() const override { return inner_.location(); }
    [[nodiscard]] std::uint64_t max_object_size() const override { return inner_.max_object_size(); }
    Result<std::unique_ptr<store::Upload>> begin(const store::ObjectKey& key) override { return inner_.begin(key); }
    Status list(const std::string& prefix, const Visitor& visit) override { return inner_.list(prefix, visit); }
    Result<std::vector<store::UnfinishedUpload>> unfinished(const std::string& prefix) override {
        return inner_.unfinished(prefix);
    }
    Status discard(const store::UnfinishedUpload& upload) override { return inner_.discard(upload); }
    [[nodiscard]] bool lists_everything() const override { return inner_.lists_everything(); }
    Status remove(const store::ObjectKey& key, const std::string& version_id) override {
        return inner_.remove(key, version_id);
    }
    Status read(const store::ObjectKey& key, const std::string& version_id, stream::Sink& to) override {
        Passing passing(to, moved_, stop_);
        auto read = inner_.read(key, version_id, passing);
        // These two kinds tell of the object; any other of the way to it.
        const bool of_the_object =
            !read && (read.error().kind == ErrorKind::not_found || read.error().kind == ErrorKind::corrupt);
        refused_ = refused_ || (!read && !passing.failed() && !of_the_object);
        return read;
    }
    [[nodiscard]] bool refused() const { return refused_; }

private:
    class Passing final : public stream::Sink {
    public:
        Passing(stream::Sink& next, const std::function<void(std::uint64_t)>& moved, const std::stop_token& stop)
            : next_(next), moved_(moved), stop_(stop) {}
        Status write(stream::Bytes chunk) override {
            if (stop_.stop_requested()) {
                return Error{ErrorKind::interrupted, "stopped", {}};
            }
            auto passed = next_.write(chunk);
            failed_ = !passed.ok();
            moved_(chunk.size());
            return passed;
        }
        Status finish() override { return next_.finish(); }
        [[nodiscard]] bool failed() const { return failed_; }

    private:
        stream::Sink& next_;
        const std::function<void(std::uint64_t)>& moved_;
        const std::stop_token& stop_;
        bool failed_ = false;
    };

    store::ObjectStore& inner_;
    std::function<void(std::uint64_t)> moved_;
    const std::stop_token& stop_;
    bool refused_ = false;
};

Status open_archive(const Source& source, const std::vector<store::StoredObject>& objects, stream::Sink& to) {
    archive::ContentsTap tap(to);
    if (auto read = read_stream(source, objects, tap); !read) {
        return read;
    }
    // An archive of a later PostgreSQL is none of our business here; a broken one is.
    return tap.reader().archive_broken() ? tap.reader().verdict() : done();
}

Status open_text(const Source& source, const std::vector<store::StoredObject>& objects, stream::Sink& to) {
    return read_stream(source, objects, to);
}

Status check_hashes(const Source& source, const std::vector<store::StoredObject>& objects) {
    stream::Discard discard;
    return store::read_segments(source.store, objects, discard);
}

std::uint64_t size_of(const std::vector<store::StoredObject>& objects) {
    return std::accumulate(objects.begin(), objects.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& object) { return sum + object.size; });
}

}  // namespace

bool VerifyReport::good() const {
    return std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part.outcome.ok(); });
}

VerifyReport verify(const Source& source, const catalogue::Manifest& manifest, const VerifyMoved& moved,
                    const std::stop_token& stop) {
    VerifyReport report;
    report.opened = source.encrypted == catalogue::Encrypted::no || !source.identities.empty();
    const auto check = [&](const std::string& part, const std::vector<store::StoredObject>& objects, auto open) {
        stream::Discard discard;
        stream::Counter plain(discard);
        std::uint64_t fetched = 0;
        const auto tell = [&](std::uint64_t bytes) {
            fetched += bytes;
            moved(part, fetched, report.opened ? std::optional(plain.bytes()) : std::nullopt);
        };
        Reporting store(source.store, tell, stop);
        const Source reporting{store, source.encrypted, source.identities};
        auto outcome = report.opened ? open(reporting, objects, plain) : check_hashes(reporting, objects);
        report.parts.push_back({part, size_of(objects), std::move(outcome), !store.refused()});
    };
    for (const auto& database : manifest.databases) {
        check(database.name, database.objects, open_archive);
    }
    if (!manifest.globals.empty()) {
        check("globals", manifest.globals, open_text);
    }
    if (manifest.proof) {
        check("table proof", manifest.proof->objects, open_text);
    }
    return report;
}

}  // namespace lifeboat::restore
