#include "store/bucket_probe.hpp"

#include "bucket/bucket.hpp"
#include "bucket/client_options.hpp"
#include "bucket/listing.hpp"
#include "s3/curl_transport.hpp"
#include "s3/replies.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace lifeboat::store {
namespace {

using std::chrono::seconds;

class S3Probe final : public BucketProbe {
public:
    S3Probe(const S3Options& options, s3::ClientOptions client, s3::Transport& transport, s3::Timer& timer,
            std::unique_ptr<s3::Transport> owned)
        : transport_(std::move(owned)),
          region_(client.endpoint.region),
          timer_(timer),
          bucket_(options, std::move(client), transport, timer) {}

    Greeting greet(const std::string& prefix) override;
    Result<std::vector<s3::LifecycleRule>> rules() override;

    Result<s3::Versioning> versioning() override;
    Result<s3::ObjectLockReply> object_lock() override;
    Result<LockOfObject> lock_of(const ObjectKey& key, const std::string& version_id) override;
    Status may_write(const ObjectKey& key) override;
    Result<Deletion> try_to_delete(const ObjectKey& key, const std::string& version_id) override;
    [[nodiscard]] std::optional<seconds> clock_offset() const override { return clock_offset_; }

private:
    s3::Answer send(const s3::Call& call);

    std::unique_ptr<s3::Transport> transport_;  // where it is our own
    std::string region_;
    s3::Timer& timer_;
    Bucket bucket_;
    std::optional<seconds> clock_offset_;
};

s3::Answer S3Probe::send(const s3::Call& call) {
    auto answer = bucket_.send(call);
    if (const auto theirs = s3::parse_http_date(header(answer.reply, "date"))) {
        clock_offset_ = std::chrono::round<seconds>(*theirs - timer_.wall());
    }
    return answer;
}

Error not_understood(const std::string& operation) {
    return failed(operation + ": what the store answered is not understood",
                  "check that store.endpoint is an S3 server");
}

bool speaks_of_another_region(const s3::Failure& failure) {
    static constexpr std::array codes = {"PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException",
                                         "AuthorizationHeaderMalformed"};
    return failure.status / 100 == 3 || std::find(codes.begin(), codes.end(), failure.code) != codes.end();
}

// AccessDenied comes after the signature was found good, and the bucket found.
Greeting S3Probe::greet(const std::string& prefix) {
    const s3::Query query{{"list-type", "2"}, {"max-keys", "1"}, {"prefix", bucket_.below_prefix(prefix)}};
    const auto answer = send({s3::list_objects, "GET", "", query});
    if (answer.ok()) {
        return {done(), true, false, region_};
    }
    const auto& failure = *answer.failure;
    return {failure.error, failure.code == "AccessDenied", speaks_of_another_region(failure), region_};
}

Result<std::vector<s3::LifecycleRule>> S3Probe::rules() {
    auto all = read_lifecycle(bucket_);
    if (!all) {
        return std::move(all).error();
    }
    const std::string ours = bucket_.below_prefix("");
    std::vector<s3::LifecycleRule> found;
    for (auto& rule : *all) {
        if (rule.prefix.starts_with(ours)) {
            rule.prefix = rule.prefix.substr(ours.size());
            found.push_back(std::move(rule));
        } else if (ours.starts_with(rule.prefix)) {
            rule.prefix.clear();
            found.push_back(std::move(rule));
        }
    }
    return found;
}

// A store that does not know the question has not got the thing.
bool is_not_implemented(const s3::Failure& failure) {
    return failure.status == 501 || failure.code == "NotImplemented";
}

Result<s3::Versioning> S3Probe::versioning() {
    auto answer = send({s3::get_versioning, "GET", "", {{"versioning", ""}}});
    if (!answer.ok()) {
        return is_not_implemented(*answer.failure) ? Result(s3::Versioning::off) : std::move(answer.failure->error);
    }
    auto versioning = s3::parse_versioning(answer.reply.body);
    return versioning ? Result(*versioning) : not_understood("GetBucketVersioning");
}

Result<s3::ObjectLockReply> S3Probe::object_lock() {
    const s3::Call call{s3::get_object_lock, "GET", "", {{"object-lock", ""}}};
    auto answer = send(call);
    if (!answer.ok()) {
        const bool none =
            answer.failure->code == "ObjectLockConfigurationNotFoundError" || is_not_implemented(*answer.failure);
        return none ? Result<s3::ObjectLockReply>(s3::ObjectLockReply{}) : answer.failure->error;
    }
    auto lock = s3::parse_object_lock(answer.reply.body);
    if (!lock) {
        return not_understood("GetObjectLockConfiguration");
    }
    return *std::move(lock);
}

Result<LockOfObject> S3Probe::lock_of(const ObjectKey& key, const std::string& version_id) {
    s3::Call call{s3::head_object, "HEAD", bucket_.full_key(key)};
    if (!version_id.empty()) {
        call.query.emplace_back("versionId", version_id);
    }
    const auto answer = send(call);
    if (!answer.ok()) {
        return answer.failure->error;
    }
    return LockOfObject{header(answer.reply, "x-amz-object-lock-mode"),
                        header(answer.reply, "x-amz-object-lock-retain-until-date")};
}

Status S3Probe::may_write(const ObjectKey& key) {
    const std::string full_key = bucket_.full_key(key);
    auto begun = send({s3::create_upload, "POST", full_key, {{"uploads", ""}}});
    if (!begun.ok()) {
        return begun.failure->error;
    }
    const auto id = s3::parse_upload_id(begun.reply.body);
    if (!id) {
        return not_understood("CreateMultipartUpload");
    }
    const auto ended = bucket_.take_back({s3::abort_upload, "DELETE", full_key, {{"uploadId", *id}}});
    return ended.ok() || ended.failure->code == "NoSuchUpload" ? done() : Status(ended.failure->error);
}

Result<Deletion> S3Probe::try_to_delete(const ObjectKey& key, const std::string& version_id) {
    const auto answer = send(deletion_of(bucket_, bucket_.full_key(key), version_id));
    if (answer.ok() || answer.failure->error.kind == ErrorKind::not_found) {
        return Deletion::done;
    }
    const int status = answer.failure->status;
    const bool refused = status == 401 || status == 403 || status == 405 || status == 409;
    return refused ? Result<Deletion>(Deletion::refused) : answer.failure->error;
}

}  // namespace

Result<std::unique_ptr<BucketProbe>> open_bucket_probe(const S3Options& options, s3::Transport& transport,
                                                       s3::Timer& timer) {
    auto client = client_options_of(options);
    if (!client) {
        return std::move(client).error();
    }
    return std::unique_ptr<BucketProbe>(
        std::make_unique<S3Probe>(options, *std::move(client), transport, timer, nullptr));
}

Result<std::unique_ptr<BucketProbe>> open_bucket_probe(const S3Options& options) {
    auto client = client_options_of(options);
    if (!client) {
        return std::move(client).error();
    }
    auto transport = transport_of(options);
    auto& used = *transport;
    return std::unique_ptr<BucketProbe>(
        std::make_unique<S3Probe>(options, *std::move(client), used, s3::system_timer(), std::move(transport)));
}

}  // namespace lifeboat::store
