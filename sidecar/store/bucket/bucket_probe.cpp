#include "store/bucket_probe.hpp"

#include "bucket/bucket.hpp"
#include "bucket/client_options.hpp"
#include "s3/curl_transport.hpp"
#include "s3/replies.hpp"

#include <utility>

namespace lifeboat::store {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

class S3Probe final : public BucketProbe {
public:
    S3Probe(const S3Options& options, s3::ClientOptions client, std::unique_ptr<s3::Transport> transport)
        : transport_(std::move(transport)), bucket_(options, std::move(client), *transport_, s3::system_timer()) {}

    Result<s3::Versioning> versioning() override { return ask(s3::get_versioning, "versioning", s3::parse_versioning); }
    Result<s3::ObjectLockReply> object_lock() override;
    Result<LockOfObject> lock_of(const ObjectKey& key, const std::string& version_id) override;
    Status may_write(const ObjectKey& key) override;
    Result<Deletion> try_to_delete(const ObjectKey& key, const std::string& version_id) override;
    [[nodiscard]] std::optional<seconds> clock_offset() const override { return clock_offset_; }

private:
    s3::Answer send(const s3::Call& call);
    template <class Value>
    Result<Value> ask(const s3::Operation& operation, const char* question,
                      std::optional<Value> (*parse)(std::string_view));

    std::unique_ptr<s3::Transport> transport_;
    Bucket bucket_;
    std::optional<seconds> clock_offset_;
};

s3::Answer S3Probe::send(const s3::Call& call) {
    auto answer = bucket_.send(call);
    if (const auto theirs = s3::parse_http_date(header(answer.reply, "date"))) {
        clock_offset_ = std::chrono::round<seconds>(*theirs - system_clock::now());
    }
    return answer;
}

template <class Value>
Result<Value> S3Probe::ask(const s3::Operation& operation, const char* question,
                           std::optional<Value> (*parse)(std::string_view)) {
    auto answer = send({operation, "GET", "", {{question, ""}}});
    if (!answer.ok()) {
        return answer.failure->error;
    }
    auto value = parse(answer.reply.body);
    if (!value) {
        return failed(std::string(operation.name) + ": what the store answered is not understood");
    }
    return *std::move(value);
}

Result<s3::ObjectLockReply> S3Probe::object_lock() {
    const s3::Call call{s3::get_object_lock, "GET", "", {{"object-lock", ""}}};
    auto answer = send(call);
    if (!answer.ok()) {
        const bool none = answer.failure->code == "ObjectLockConfigurationNotFoundError";
        return none ? Result<s3::ObjectLockReply>(s3::ObjectLockReply{}) : answer.failure->error;
    }
    auto lock = s3::parse_object_lock(answer.reply.body);
    if (!lock) {
        return failed("GetObjectLockConfiguration: what the store answered is not understood");
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
        return failed("CreateMultipartUpload: what the store answered is not understood",
                      "check that store.endpoint is an S3 server");
    }
    const auto ended = bucket_.take_back({s3::abort_upload, "DELETE", full_key, {{"uploadId", *id}}});
    return ended.ok() || ended.failure->code == "NoSuchUpload" ? done() : Status(ended.failure->error);
}

Result<Deletion> S3Probe::try_to_delete(const ObjectKey& key, const std::string& version_id) {
    const auto answer = send(deletion_of(bucket_, bucket_.full_key(key), version_id));
    if (answer.ok()) {
        return Deletion::done;
    }
    const int status = answer.failure->status;
    const bool refused = status == 401 || status == 403 || status == 405 || status == 409;
    return refused ? Result<Deletion>(Deletion::refused) : answer.failure->error;
}

}  // namespace

Result<std::unique_ptr<BucketProbe>> open_bucket_probe(const S3Options& options) {
    auto client = client_options_of(options);
    if (!client) {
        return std::move(client).error();
    }
    return std::unique_ptr<BucketProbe>(std::make_unique<S3Probe>(options, *std::move(client), transport_of(options)));
}

}  // namespace lifeboat::store
