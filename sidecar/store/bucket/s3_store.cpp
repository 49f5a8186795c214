#include "store/s3_store.hpp"

#include "bucket/bucket.hpp"
#include "bucket/client_options.hpp"
#include "bucket/listing.hpp"
#include "bucket/ranged_read.hpp"
#include "bucket/s3_upload.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

namespace lifeboat::store {
namespace {

constexpr std::array<std::string_view, 6> lock_words = {"object lock", "objectlock", "worm",
                                                        "bucket lock", "retention",  "legal hold"};

class S3Store final : public ObjectStore {
public:
    S3Store(const S3Options& options, s3::ClientOptions client_options, std::unique_ptr<s3::Transport> owned,
            s3::Transport& transport, s3::Timer& timer)
        : transport_(std::move(owned)), bucket_(options, std::move(client_options), transport, timer) {}

    [[nodiscard]] std::string location() const override { return bucket_.location(); }
    [[nodiscard]] std::uint64_t max_object_size() const override { return bucket_.largest_object(); }
    Result<std::unique_ptr<Upload>> begin(const ObjectKey& key) override {
        return std::unique_ptr<Upload>(std::make_unique<S3Upload>(bucket_, key));
    }
    Status read(const ObjectKey& key, const std::string& version_id, stream::Sink& to) override {
        return read_in_ranges(bucket_, key, version_id, to);
    }
    Status list(const std::string& prefix, const Visitor& visit) override;
    Result<std::vector<UnfinishedUpload>> unfinished(const std::string& prefix) override;
    Status discard(const UnfinishedUpload& upload) override;
    Status remove(const ObjectKey& key, const std::string& version_id) override;
    Status may_remove(const ObjectKey& absent) override;
    Result<std::vector<AgeRule>> age_rules() override;
    [[nodiscard]] bool lists_everything() const override { return bucket_.versions != Versions::unseen; }

private:
    // Without the store's prefix; nothing for a foreign key: none of ours is one that ObjectKey refuses.
    [[nodiscard]] std::optional<ObjectKey> own_key(const std::string& full_key) const;
    Status remove_version(const std::string& full_key, const std::string& version_id);

    std::unique_ptr<s3::Transport> transport_;  // unless it is someone else's
    Bucket bucket_;
};

std::optional<ObjectKey> S3Store::own_key(const std::string& full_key) const {
    const std::string before = bucket_.below_prefix("");
    if (!full_key.starts_with(before)) {
        return std::nullopt;
    }
    auto key = ObjectKey::parse(std::string_view(full_key).substr(before.size()));
    return key ? std::optional(*std::move(key)) : std::nullopt;
}

// A store shows the newest version of a key first.
class OldestFirst {
public:
    explicit OldestFirst(const ObjectStore::Visitor& visit) : visit_(visit) {}

    Status take(ObjectInfo info) {
        if (!versions_.empty() && versions_.front().key != info.key) {
            if (auto visited = pass_on(); !visited) {
                return visited;
            }
        }
        versions_.push_back(std::move(info));
        return done();
    }

    Status pass_on() {
        auto versions = std::exchange(versions_, {});
        std::reverse(versions.begin(), versions.end());
        for (const auto& version : versions) {
            if (auto visited = visit_(version); !visited) {
                return visited;
            }
        }
        return done();
    }

private:
    const ObjectStore::Visitor& visit_;
    std::vector<ObjectInfo> versions_;
};

Status S3Store::list(const std::string& prefix, const Visitor& visit) {
    OldestFirst versions(visit);
    auto listed = list_bucket(bucket_, bucket_.below_prefix(prefix), [&](const Listed& entry) -> Result<Onward> {
        if (auto key = own_key(entry.key)) {
            if (auto taken = versions.take(
                    {*std::move(key), entry.size, entry.modified, entry.version_id, entry.hide_marker, entry.etag});
                !taken) {
                return std::move(taken).error();
            }
        }
        return Onward::go_on;
    });
    return listed ? versions.pass_on() : std::move(listed);
}

Result<std::vector<UnfinishedUpload>> S3Store::unfinished(const std::string& prefix) {
    std::vector<UnfinishedUpload> uploads;
    auto listed = list_unfinished(bucket_, bucket_.below_prefix(prefix), [&](const ListedUnfinished& upload) {
        if (auto key = own_key(upload.key)) {
            uploads.push_back({*std::move(key), 0, upload.initiated, upload.upload_id});
        }
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    return uploads;
}

Result<std::vector<AgeRule>> S3Store::age_rules() {
    auto rules = read_lifecycle(bucket_);
    if (!rules) {
        return std::move(rules).error();
    }
    const std::string ours = bucket_.below_prefix("");
    std::vector<AgeRule> found;
    for (const auto& rule : *rules) {
        const bool of_a_part = rule.prefix.starts_with(ours);
        const bool takes_current = rule.days || rule.date;
        if (!takes_current || (!of_a_part && !ours.starts_with(rule.prefix))) {
            continue;
        }
        AgeRule age{of_a_part ? rule.prefix.substr(ours.size()) : "", std::nullopt, rule.date};
        if (rule.days && *rule.days < std::uint64_t{100'000}) {  // later than that is never
            age.after = std::chrono::days(*rule.days);
        }
        found.push_back(std::move(age));
    }
    return found;
}

Status S3Store::discard(const UnfinishedUpload& upload) {
    auto answer =
        bucket_.take_back({s3::abort_upload, "DELETE", bucket_.full_key(upload.key), {{"uploadId", upload.id}}});
    return answer.ok() || answer.failure->code == "NoSuchUpload" ? done() : Status(answer.failure->error);
}

// Most stores refuse to delete what is locked as they refuse a key that may not delete: 403, AccessDenied. Some tell in
// words what it was: "because object protected by object lock" (AWS), "forbidden by object lock" (Ceph), "is WORM
// protected" (MinIO). Where none are said it stays open, and the error is that of a key without the right.
bool speaks_of_a_lock(const s3::Failure& failure) {
    if (failure.status < 400 || failure.status >= 500 || failure.retryable) {
        return false;
    }
    std::string text = failure.code + " " + failure.message;
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::any_of(lock_words.begin(), lock_words.end(),
                       [&](auto word) { return text.find(word) != std::string::npos; });
}

Error locked(const Error& said) {
    return {ErrorKind::refused, said.what, "nothing: it can be deleted once its lock has ended"};
}

Status S3Store::remove_version(const std::string& full_key, const std::string& version_id) {
    auto answer = bucket_.take_back(deletion_of(bucket_, full_key, version_id));
    const bool gone = !answer.ok() && answer.failure->status == 404 && answer.failure->code != "NoSuchBucket";
    if (answer.ok() || gone) {
        return done();
    }
    return speaks_of_a_lock(*answer.failure) ? locked(answer.failure->error) : answer.failure->error;
}

Status S3Store::remove(const ObjectKey& key, const std::string& version_id) {
    const std::string full_key = bucket_.full_key(key);
    if (!version_id.empty()) {
        return remove_version(full_key, version_id);
    }
    auto versions = versions_of(bucket_, full_key, Purpose::take_back);
    if (!versions) {
        return in_context("cannot tell which versions of '" + key.text() + "' to delete", std::move(versions).error());
    }
    if (bucket_.versions == Versions::unseen) {
        return failed(
            "cannot tell which versions of '" + key.text() + "' there are, and a deletion by name would only hide it",
            "give the key the right to list them: s3:ListBucketVersions");
    }
    for (const auto& version : *versions) {
        if (auto removed = remove_version(full_key, version.version_id); !removed) {
            return removed;
        }
    }
    return done();
}

// "null" is the id of a version that was stored while a bucket kept none. Whether the key may is asked first; what the
// store says of an id that is not there differs, and none of it is a refusal. By name it is asked only where it is
// known that there are no versions, which a listing tells.
Status S3Store::may_remove(const ObjectKey& absent) {
    if (bucket_.versions == Versions::unseen) {
        return done();
    }
    const auto answer = bucket_.take_back(deletion_of(bucket_, bucket_.full_key(absent), "null"));
    if (answer.ok()) {
        return done();
    }
    const auto& failure = *answer.failure;
    const bool refused = failure.status == 401 || failure.status == 403;
    const bool unheard = failure.error.kind == ErrorKind::temporary || failure.error.kind == ErrorKind::interrupted;
    return refused || unheard ? Status(failure.error) : done();
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_s3(const S3Options& options) {
    auto client = client_options_of(options);
    if (!client) {
        return std::move(client).error();
    }
    auto transport = transport_of(options);
    auto& used = *transport;
    return std::unique_ptr<ObjectStore>(
        std::make_unique<S3Store>(options, *std::move(client), std::move(transport), used, s3::system_timer()));
}

Result<std::unique_ptr<ObjectStore>> open_s3(const S3Options& options, s3::Transport& transport, s3::Timer& timer) {
    auto client = client_options_of(options);
    if (!client) {
        return std::move(client).error();
    }
    return std::unique_ptr<ObjectStore>(
        std::make_unique<S3Store>(options, *std::move(client), nullptr, transport, timer));
}

}  // namespace lifeboat::store
