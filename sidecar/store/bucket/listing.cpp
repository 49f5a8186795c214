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

s3::Answer ask(Bucket& bucket, Purpose purpose, s3::Call call) {
    if (purpose == Purpose::look) {
        return bucket.send(call);
    }
    if (purpose == Purpose::clean_up) {
        call.within = giving_up_within;
    }
    return bucket.take_back(std::move(call));
}

// Where each page ends. A server that gives the same place twice would be asked for ever.
class Marker {
public:
    Status moved_to(const std::string& key, const std::string& id, const Error& otherwise) {
        if (key == key_ && id == id_) {
            return otherwise;
        }
        key_ = key;
        id_ = id;
        return done();
    }

private:
    std::string key_;
    std::string id_;
};

// One page, and what is said when there is none.
template <class Page>
Result<Page> page_of(Bucket& bucket, Purpose purpose, const s3::Operation& operation, s3::Query query,
                     std::optional<Page> (*parse)(std::string_view)) {
    auto answer = ask(bucket, purpose, {operation, "GET", "", std::move(query)});
    if (!answer.ok()) {
        return answer.failure->error;
    }
    auto page = parse(answer.reply.body);
    if (!page) {
        return not_understood(bucket, operation);
    }
    return *std::move(page);
}

Result<Onward> visit_all(Bucket& bucket, const std::vector<s3::ListedVersion>& versions, const Visit& visit) {
    for (const auto& version : versions) {
        if (!version.version_id.empty() && version.version_id != "null") {
            bucket.keeps_versions = true;
        }
        auto onward =
            visit({version.key, version.version_id, version.hide_marker, version.size, version.modified, version.etag});
        if (!onward || *onward == Onward::stop) {
            return onward;
        }
    }
    return Onward::go_on;
}

Status go_through_versions(Bucket& bucket, const std::string& prefix, s3::VersionPage page, const Visit& visit,
                           Purpose purpose) {
    Marker marker;
    for (;;) {
        auto onward = visit_all(bucket, page.versions, visit);
        if (!onward) {
            return std::move(onward).error();
        }
        if (*onward == Onward::stop || page.next_key.empty()) {
            return done();
        }
        const auto stuck = not_understood(bucket, s3::list_versions);
        if (auto moved = marker.moved_to(page.next_key, page.next_version_id, stuck); !moved) {
            return moved;
        }
        s3::Query query{{"versions", ""}, {"prefix", prefix}, {"key-marker", page.next_key}};
        if (!page.next_version_id.empty()) {
            query.emplace_back("version-id-marker", page.next_version_id);
        }
        auto next = page_of(bucket, purpose, s3::list_versions, std::move(query), s3::parse_version_page);
        if (!next) {
            return std::move(next).error();
        }
        page = *std::move(next);
    }
}

Status go_through_objects(Bucket& bucket, const std::string& prefix, const Visit& visit, Purpose purpose) {
    s3::Query query{{"list-type", "2"}, {"prefix", prefix}};
    Marker marker;
    for (;;) {
        auto page = page_of(bucket, purpose, s3::list_objects, query, s3::parse_object_page);
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
        if (auto moved = marker.moved_to(page->next, {}, not_understood(bucket, s3::list_objects)); !moved) {
            return moved;
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

Status list_bucket(Bucket& bucket, const std::string& prefix, const Visit& visit, Purpose purpose) {
    if (bucket.versions != Versions::listed) {
        return go_through_objects(bucket, prefix, visit, purpose);
    }
    auto first = ask(bucket, purpose, {s3::list_versions, "GET", "", {{"versions", ""}, {"prefix", prefix}}});
    if (first.ok()) {
        auto page = s3::parse_version_page(first.reply.body);
        return page ? go_through_versions(bucket, prefix, *std::move(page), visit, purpose)
                    : Status(not_understood(bucket, s3::list_versions));
    }
    const auto versions = told_by(*first.failure);
    if (!versions) {
        return first.failure->error;
    }
    auto listed = go_through_objects(bucket, prefix, visit, purpose);
    if (listed) {  // else the key, the bucket or the region is wrong, which says nothing of versions
        bucket.versions = bucket.keeps_versions ? Versions::unseen : *versions;
    }
    return listed;
}

Status list_unfinished(Bucket& bucket, const std::string& prefix,
                       const std::function<Status(const ListedUnfinished&)>& visit, Purpose purpose) {
    s3::Query query{{"uploads", ""}, {"prefix", prefix}};
    Marker marker;
    for (;;) {
        auto page = page_of(bucket, purpose, s3::list_uploads, query, s3::parse_upload_page);
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
        const auto stuck = not_understood(bucket, s3::list_uploads);
        if (auto moved = marker.moved_to(page->next_key, page->next_upload_id, stuck); !moved) {
            return moved;
        }
        query = {{"uploads", ""}, {"prefix", prefix}, {"key-marker", page->next_key}};
        if (!page->next_upload_id.empty()) {
            query.emplace_back("upload-id-marker", page->next_upload_id);
        }
    }
}

Result<std::vector<s3::LifecycleRule>> read_lifecycle(Bucket& bucket) {
    s3::Call call{s3::get_lifecycle, "GET", "", {{"lifecycle", ""}}};
    call.within = giving_up_within;
    auto answer = bucket.send(call);
    if (!answer.ok()) {
        const bool none = answer.failure->code == "NoSuchLifecycleConfiguration";
        return none ? Result(std::vector<s3::LifecycleRule>{}) : std::move(answer.failure->error);
    }
    auto rules = s3::parse_lifecycle(answer.reply.body);
    return rules ? Result(*std::move(rules)) : not_understood(bucket, s3::get_lifecycle);
}

}  // namespace lifeboat::store
