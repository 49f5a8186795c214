#include "bucket/listing.hpp"

#include "s3/replies.hpp"

#include <utility>

namespace lifeboat::store {
namespace {

using Visit = std::function<Result<Onward>(const Listed&)>;

Error not_understood(const Bucket& bucket, const s3::Operation& operation) {
    return failed(std::string(operation.name) + " of bucket '" + bucket.options.bucket + "': what " +
                      bucket.client.host() + " answered is not understood",
                  "check that store.endpoint is an S3 server");
}

// A server that leads back to where it was asked from would do so for ever: see the callers.
//
// One page, and what is said when there is none.
template <class Page>
Result<Page> page_of(Bucket& bucket, const s3::Operation& operation, s3::Query query,
                     std::optional<Page> (*parse)(std::string_view)) {
    auto answer = bucket.client.send({operation, "GET", "", std::move(query)}, bucket.options.stop);
    if (!answer.ok()) {
        return answer.failure->error;
    }
    auto page = parse(answer.reply.body);
    if (!page) {
        return not_understood(bucket, operation);
    }
    return *std::move(page);
}

Result<Onward> visit_all(const std::vector<s3::ListedVersion>& versions, const Visit& visit) {
    for (const auto& version : versions) {
        auto onward =
            visit({version.key, version.version_id, version.hide_marker, version.size, version.modified, version.etag});
        if (!onward || *onward == Onward::stop) {
            return onward;
        }
    }
    return Onward::go_on;
}

Status go_through_versions(Bucket& bucket, const std::string& prefix, s3::VersionPage page, const Visit& visit) {
    for (;;) {
        auto onward = visit_all(page.versions, visit);
        if (!onward) {
            return std::move(onward).error();
        }
        if (*onward == Onward::stop || page.next_key.empty()) {
            return done();
        }
        s3::Query query{{"versions", ""}, {"prefix", prefix}, {"key-marker", page.next_key}};
        if (!page.next_version_id.empty()) {
            query.emplace_back("version-id-marker", page.next_version_id);
        }
        auto next = page_of(bucket, s3::list_versions, std::move(query), s3::parse_version_page);
        if (!next) {
            return std::move(next).error();
        }
        if (next->next_key == page.next_key && next->next_version_id == page.next_version_id) {
            return not_understood(bucket, s3::list_versions);
        }
        page = *std::move(next);
    }
}

Status go_through_objects(Bucket& bucket, const std::string& prefix, const Visit& visit) {
    s3::Query query{{"list-type", "2"}, {"prefix", prefix}};
    std::string here;
    for (;;) {
        auto page = page_of(bucket, s3::list_objects, query, s3::parse_object_page);
        if (!page) {
            return std::move(page).error();
        }
        for (const auto& object : page->objects) {
            auto onward = visit({object.key, {}, false, object.size, object.modified, object.etag});
            if (!onward) {
                return std::move(onward).error();
            }
            if (*onward == Onward::stop) {
                return done();
            }
        }
        if (page->next.empty()) {
            return done();
        }
        if (page->next == std::exchange(here, page->next)) {
            return not_understood(bucket, s3::list_objects);
        }
        query = {{"list-type", "2"}, {"prefix", prefix}, {"continuation-token", page->next}};
    }
}

// Cloudflare R2 has no such operation, and a key of AWS may lack the right to it. Nothing for any other failure.
std::optional<Versions> told_by(const s3::Failure& failure) {
    if (failure.status == 501 || failure.status == 405) {
        return Versions::none;
    }
    const bool refused = failure.status == 403 || (failure.status == 400 && !failure.retryable);
    return refused ? std::optional(Versions::unseen) : std::nullopt;
}

}  // namespace

Status list_bucket(Bucket& bucket, const std::string& prefix, const Visit& visit) {
    if (bucket.versions != Versions::listed) {
        return go_through_objects(bucket, prefix, visit);
    }
    auto first =
        bucket.client.send({s3::list_versions, "GET", "", {{"versions", ""}, {"prefix", prefix}}}, bucket.options.stop);
    if (first.ok()) {
        auto page = s3::parse_version_page(first.reply.body);
        return page ? go_through_versions(bucket, prefix, *std::move(page), visit)
                    : Status(not_understood(bucket, s3::list_versions));
    }
    const auto versions = told_by(*first.failure);
    if (!versions) {
        return first.failure->error;
    }
    auto listed = go_through_objects(bucket, prefix, visit);
    if (listed) {  // else the key, the bucket or the region is wrong, which says nothing of versions
        bucket.versions = *versions;
    }
    return listed;
}

Status list_unfinished(Bucket& bucket, const std::string& prefix,
                       const std::function<Status(const ListedUnfinished&)>& visit) {
    s3::Query query{{"uploads", ""}, {"prefix", prefix}};
    std::pair<std::string, std::string> here;
    for (;;) {
        auto page = page_of(bucket, s3::list_uploads, query, s3::parse_upload_page);
        if (!page) {
            return std::move(page).error();
        }
        for (const auto& upload : page->uploads) {
            if (auto visited = visit({upload.key, upload.upload_id, upload.initiated}); !visited) {
                return visited;
            }
        }
        if (page->next_key.empty()) {
            return done();
        }
        if (std::pair next(page->next_key, page->next_upload_id); next == std::exchange(here, next)) {
            return not_understood(bucket, s3::list_uploads);
        }
        query = {{"uploads", ""}, {"prefix", prefix}, {"key-marker", page->next_key}};
        if (!page->next_upload_id.empty()) {
            query.emplace_back("upload-id-marker", page->next_upload_id);
        }
    }
}

}  // namespace lifeboat::store
