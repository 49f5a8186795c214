#include "bucket/bucket.hpp"

#include "bucket/listing.hpp"

#include <algorithm>

namespace lifeboat::store {
namespace {

Sighting seen_by_head(const s3::HttpReply& reply, const Written& written) {
    const bool ours =
        header(reply, token_header) == written.token && header(reply, "content-length") == std::to_string(written.size);
    return {ours ? Standing::ours : Standing::another, header(reply, "x-amz-version-id"), etag_of(reply)};
}

constexpr s3::Milliseconds after_stop{3'000};

}  // namespace

Sighting seen_by_listing(const std::vector<KeyVersion>& versions, const Written& written) {
    Sighting sighting{Standing::absent, {}, {}};
    for (const auto& version : versions) {
        if (version.hide_marker) {
            continue;
        }
        if (version.size == written.size && version.etag == written.etag) {
            return {Standing::ours, version.version_id, version.etag};
        }
        sighting.standing = Standing::another;
    }
    return sighting;
}

s3::Milliseconds Bucket::left_after_stop() {
    const std::lock_guard lock(mutex_);
    const auto now = client.timer().now();
    if (!last_moment_) {
        last_moment_ = now + after_stop;
    }
    return std::max(s3::Milliseconds{0}, std::chrono::floor<s3::Milliseconds>(*last_moment_ - now));
}

s3::Answer Bucket::take_back(s3::Call call) {
    if (!options.stop.stop_requested()) {
        auto answer = client.send(call, options.stop);
        if (answer.ok() || answer.failure->error.kind != ErrorKind::interrupted) {
            return answer;
        }
    }
    const auto left = left_after_stop();
    if (left.count() == 0) {
        return {{}, s3::Failure{{ErrorKind::interrupted, "stopped", {}, {}}, 0, {}, false, true, {}}};
    }
    call.within = std::min(left, call.within.value_or(left));
    return client.send(call, {});
}

// Without the longer keys that a listing by prefix shows after it.
Result<std::vector<KeyVersion>> versions_of(Bucket& bucket, const std::string& full_key, Purpose purpose) {
    std::vector<KeyVersion> versions;
    const auto take = [&](const Listed& entry) -> Result<Onward> {
        if (entry.key != full_key) {
            return Onward::stop;
        }
        versions.push_back({entry.version_id, entry.size, entry.etag, entry.hide_marker});
        return Onward::go_on;
    };
    if (auto listed = list_bucket(bucket, full_key, take, purpose); !listed) {
        return std::move(listed).error();
    }
    return versions;
}

Sighting look_for(Bucket& bucket, const Written& written) {
    s3::Call head{s3::head_object, "HEAD", written.key};
    auto answer = bucket.send(head);
    if (answer.ok()) {
        return seen_by_head(answer.reply, written);
    }
    if (answer.failure->status == 404) {
        return {Standing::absent, {}, {}};
    }
    // 403: the key may not read, or may not even be told that there is nothing (Backblaze B2 without listBuckets).
    // Whatever else is refused for good may be so for HEAD alone.
    const bool unwell = answer.failure->retryable && answer.failure->status / 100 != 4;
    if (unwell || answer.failure->error.kind == ErrorKind::interrupted) {
        return {Standing::unknown, {}, {}, answer.failure->error};
    }
    auto versions = versions_of(bucket, written.key, Purpose::look);
    if (!versions) {
        return {Standing::unknown, {}, {}, versions.error()};
    }
    return seen_by_listing(*versions, written);
}

s3::Call deletion_of(const Bucket& bucket, const std::string& full_key, const std::string& version_id) {
    const bool by_version = !version_id.empty() && bucket.versions != Versions::none;
    s3::Call call{by_version ? s3::delete_version : s3::delete_object, "DELETE", full_key};
    if (by_version) {
        call.query.emplace_back("versionId", version_id);
    }
    return call;
}

std::string header(const s3::HttpReply& reply, const std::string& name) {
    const auto found = reply.headers.find(name);
    return found == reply.headers.end() ? std::string() : found->second;
}

std::string etag_of(const s3::HttpReply& reply) {
    std::string etag = header(reply, "etag");
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
        etag = etag.substr(1, etag.size() - 2);
    }
    return etag;
}

}  // namespace lifeboat::store
