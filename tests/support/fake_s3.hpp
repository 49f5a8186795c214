// An S3 server in memory, behind the transport: it checks what it is sent, and goes wrong where a test wants it to.
#pragma once

#include "os/clock.hpp"
#include "s3/encoding.hpp"
#include "s3/http.hpp"
#include "s3/payload.hpp"
#include "stream/sha256.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace lifeboat::test {

// One request, understood.
struct S3Request {
    std::string operation;  // as AWS names it
    std::string key;
    std::map<std::string, std::string> query;
    s3::Headers headers;
    std::string body;
    bool fresh_connection = false;

    [[nodiscard]] std::string asked(const std::string& name) const {
        const auto found = query.find(name);
        return found == query.end() ? std::string() : found->second;
    }
    [[nodiscard]] std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    }
};

inline s3::HttpReply s3_error(int status, const std::string& code, const std::string& message = "by the test") {
    return {status, {}, "<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>", {}, {}};
}
inline s3::HttpReply s3_broken(s3::Broken how) {
    return {0, {}, {}, how, "by the test"};
}

class FakeS3 final : public s3::Transport {
public:
    struct Version {
        std::string id;
        std::string content;
        std::string etag;
        s3::Headers headers;
        bool marker = false;
        os::TimePoint modified = std::chrono::system_clock::now();
    };
    struct Open {
        std::string key;
        s3::Headers headers;
        std::map<int, std::string> parts;
    };

    // How the server is; set before anything is asked.
    bool versioned = true;
    bool knows_conditions = true;  // If-None-Match, else 501
    bool tells_etag_on_complete = true;
    bool may_read = true;
    bool may_delete = true;
    bool heeds_ranges = true;
    int versions_status = 200;  // of ListObjectVersions: 501 does not know it, 403 may not
    int lists_status = 200;     // of ListObjectsV2
    std::size_t page = 1000;

    // Instead of doing it; and after it was done, on the reply. Called without a lock, by the threads that ask.
    std::function<std::optional<s3::HttpReply>(const S3Request&)> instead;
    std::function<void(const S3Request&, s3::HttpReply&)> afterwards;

    // Sets one of them while something may be asked.
    template <class Hook>
    void from_now_on(Hook& hook, std::type_identity_t<Hook> other) {
        const std::lock_guard lock(mutex_);
        hook = std::move(other);
    }

    s3::HttpReply perform(const s3::HttpRequest& asked, const std::stop_token& stop) override {
        const auto request = understood(asked);
        {
            const std::lock_guard lock(mutex_);
            check(asked, request);
            log_.push_back(request);
        }
        const auto replace = current(instead);
        auto reply = replace ? replace(request) : std::nullopt;
        if (stop.stop_requested()) {
            return s3_broken(s3::Broken::interrupted);
        }
        if (!reply) {
            const std::lock_guard lock(mutex_);
            reply = answer(request);
        }
        if (const auto change = current(afterwards)) {
            change(request, *reply);
        }
        if (!reply->broken && reply->body.size() > asked.largest_reply) {
            reply->broken = s3::Broken::too_long;
        }
        return *std::move(reply);
    }

    // What was asked, in order.
    [[nodiscard]] std::vector<S3Request> log() const {
        const std::lock_guard lock(mutex_);
        return log_;
    }
    [[nodiscard]] std::vector<S3Request> log_of(const std::string& operation) const {
        auto requests = log();
        std::erase_if(requests, [&](const auto& request) { return request.operation != operation; });
        return requests;
    }
    [[nodiscard]] std::vector<std::string> operations() const {
        std::vector<std::string> names;
        for (const auto& request : log()) {
            names.push_back(request.operation);
        }
        return names;
    }
    void forget_log() {
        const std::lock_guard lock(mutex_);
        log_.clear();
    }
    // What no S3 server would have liked.
    [[nodiscard]] std::vector<std::string> complaints() const {
        const std::lock_guard lock(mutex_);
        return complaints_;
    }

    // Newest last.
    [[nodiscard]] std::vector<Version> versions(const std::string& key) const {
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(key);
        return found == objects_.end() ? std::vector<Version>() : found->second;
    }
    [[nodiscard]] std::map<std::string, Open> open_uploads() const {
        const std::lock_guard lock(mutex_);
        return uploads_;
    }
    std::string add(const std::string& key, const std::string& content) {
        const std::lock_guard lock(mutex_);
        return store(key, content, {}, quoted(s3::md5_hex(s3::md5_of(stream::as_bytes(content))))).id;
    }
    void hide(const std::string& key) {
        const std::lock_guard lock(mutex_);
        objects_[key].push_back({next_id("marker"), {}, {}, {}, true});
    }
    void remove_everything(const std::string& key) {
        const std::lock_guard lock(mutex_);
        objects_.erase(key);
    }
    void drop_uploads() {
        const std::lock_guard lock(mutex_);
        uploads_.clear();
    }

private:
    static std::string quoted(const std::string& text) { return "\"" + text + "\""; }
    static s3::HttpReply good(std::string body = {}, s3::Headers headers = {}, int status = 200) {
        return {status, std::move(headers), std::move(body), {}, {}};
    }
    std::string next_id(const std::string& kind) { return kind + "-" + std::to_string(++ids_); }

    static std::string name_of(const std::string& method, const S3Request& request) {
        const auto has = [&](const char* name) { return request.query.count(name) != 0; };
        if (request.key.empty()) {
            for (const auto& [question, name] : {std::pair("versioning", "GetBucketVersioning"),
                                                 {"object-lock", "GetObjectLockConfiguration"},
                                                 {"lifecycle", "GetBucketLifecycleConfiguration"}}) {
                if (has(question)) {
                    return name;
                }
            }
            return has("versions") ? "ListObjectVersions" : has("uploads") ? "ListMultipartUploads" : "ListObjectsV2";
        }
        if (method == "PUT") {
            return has("partNumber") ? "UploadPart" : "PutObject";
        }
        if (method == "POST") {
            return has("uploads") ? "CreateMultipartUpload" : "CompleteMultipartUpload";
        }
        if (method == "DELETE") {
            return has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
        }
        return method == "HEAD" ? "HeadObject" : "GetObject";
    }

    static S3Request understood(const s3::HttpRequest& asked) {
        S3Request request;
        std::string url = asked.url.substr(asked.url.find("//") + 2);
        url.erase(0, url.find('/') + 1);
        const auto mark = url.find('?');
        const std::string path = url.substr(0, mark);
        const auto slash = path.find('/');
        request.key = slash == std::string::npos ? "" : s3::decode(path.substr(slash + 1)).value_or("?");
        for (std::string rest = mark == std::string::npos ? "" : url.substr(mark + 1); !rest.empty();) {
            const std::string pair = rest.substr(0, rest.find('&'));
            rest.erase(0, pair.size() + 1);
            request.query[pair.substr(0, pair.find('='))] = s3::decode(pair.substr(pair.find('=') + 1)).value_or("?");
        }
        request.headers = asked.headers;
        request.body = std::string(stream::as_text(asked.body));
        request.fresh_connection = asked.fresh_connection;
        request.operation = name_of(asked.method, request);
        return request;
    }

    void check(const s3::HttpRequest& asked, const S3Request& request) {
        const auto complain = [&](const std::string& about) {
            complaints_.push_back(request.operation + ": " + about);
        };
        if (!request.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=")) {
            complain("not signed");
        }
        if (request.header("x-amz-content-sha256") != stream::sha256_hex(request.body)) {
            complain("the hash is of other bytes");
        }
        const bool has_body = asked.method == "PUT" || asked.method == "POST";
        if (has_body && request.header("content-md5") != s3::md5_base64(s3::md5_of(asked.body))) {
            complain("the MD5 is of other bytes");
        }
        if (!has_body && !asked.body.empty()) {
            complain("a body where there is none");
        }
    }

    s3::HttpReply answer(const S3Request& request) {
        if (request.operation == "CreateMultipartUpload") {
            return create(request);
        }
        if (request.operation == "UploadPart") {
            return take_part(request);
        }
        if (request.operation == "CompleteMultipartUpload") {
            return complete(request);
        }
        if (request.operation == "AbortMultipartUpload") {
            return uploads_.erase(request.asked("uploadId")) == 1 ? good({}, {}, 204) : s3_error(404, "NoSuchUpload");
        }
        if (request.operation == "PutObject") {
            return put(request);
        }
        if (request.operation == "HeadObject" || request.operation == "GetObject") {
            return get(request);
        }
        if (request.operation == "DeleteObject") {
            return remove(request);
        }
        if (request.operation == "ListMultipartUploads") {
            return list_uploads(request);
        }
        return list(request);
    }

    Version& store(const std::string& key, std::string content, const s3::Headers& headers, std::string etag) {
        auto& versions = objects_[key];
        if (!versioned) {
            versions.clear();
        }
        versions.push_back({versioned ? next_id("version") : "", std::move(content), std::move(etag), headers, false});
        return versions.back();
    }

    std::optional<s3::HttpReply> refused(const S3Request& request) {
        if (request.header("if-none-match").empty()) {
            return std::nullopt;
        }
        if (!knows_conditions) {
            return s3_error(501, "NotImplemented", "A header you provided implies functionality");
        }
        const auto found = objects_.find(request.key);
        const bool taken = found != objects_.end() && !found->second.empty() && !found->second.back().marker;
        return taken ? std::optional(s3_error(412, "PreconditionFailed")) : std::nullopt;
    }

    s3::HttpReply put(const S3Request& request) {
        if (auto reply = refused(request)) {
            return *std::move(reply);
        }
        const auto etag = quoted(s3::md5_hex(s3::md5_of(stream::as_bytes(request.body))));
        const auto& version = store(request.key, request.body, request.headers, etag);
        return good({}, {{"etag", etag}, {"x-amz-version-id", version.id}});
    }

    s3::HttpReply create(const S3Request& request) {
        const auto id = next_id("upload") + "+/=";
        uploads_[id] = {request.key, request.headers, {}};
        return good("<InitiateMultipartUploadResult><UploadId>" + id + "</UploadId></InitiateMultipartUploadResult>");
    }

    s3::HttpReply take_part(const S3Request& request) {
        const auto found = uploads_.find(request.asked("uploadId"));
        if (found == uploads_.end()) {
            return s3_error(404, "NoSuchUpload");
        }
        found->second.parts[std::stoi(request.asked("partNumber"))] = request.body;
        return good({}, {{"etag", quoted(s3::md5_hex(s3::md5_of(stream::as_bytes(request.body))))}});
    }

    s3::HttpReply complete(const S3Request& request) {
        const auto found = uploads_.find(request.asked("uploadId"));
        if (found == uploads_.end()) {
            return s3_error(404, "NoSuchUpload");
        }
        if (auto reply = refused(request)) {
            return *std::move(reply);
        }
        std::string content;
        std::vector<s3::Md5> digests;
        std::string wanted = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
        std::optional<std::size_t> part_size;
        for (const auto& [number, part] : found->second.parts) {
            digests.push_back(s3::md5_of(stream::as_bytes(part)));
            wanted += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>\"" +
                      s3::md5_hex(digests.back()) + "\"</ETag></Part>";
            if (part_size && (content.size() % *part_size != 0 || part.size() > *part_size)) {
                complaints_.emplace_back("parts of more than one size");
            }
            part_size = part_size.value_or(part.size());
            content += part;
        }
        if (request.body != wanted + "</CompleteMultipartUpload>") {
            return s3_error(400, "InvalidPart");
        }
        const auto etag = quoted(s3::multipart_etag(digests));
        const auto& version = store(request.key, content, found->second.headers, etag);
        uploads_.erase(found);
        return good("<CompleteMultipartUploadResult><ETag>" + (tells_etag_on_complete ? etag : "") +
                        "</ETag></CompleteMultipartUploadResult>",
                    {{"x-amz-version-id", version.id}});
    }

    const Version* find(const S3Request& request) const {
        const auto found = objects_.find(request.key);
        if (found == objects_.end() || found->second.empty()) {
            return nullptr;
        }
        const auto wanted = request.asked("versionId");
        for (const auto& version : found->second) {
            if (!wanted.empty() && version.id == (wanted == "null" ? "" : wanted)) {
                return version.marker ? nullptr : &version;
            }
        }
        return wanted.empty() && !found->second.back().marker ? &found->second.back() : nullptr;
    }

    s3::HttpReply get(const S3Request& request) {
        const bool head = request.operation == "HeadObject";
        if (!may_read) {
            return head ? good({}, {}, 403) : s3_error(403, "AccessDenied");
        }
        const auto* version = find(request);
        if (version == nullptr) {
            return head ? good({}, {}, 404) : s3_error(404, "NoSuchKey");
        }
        s3::Headers headers{{"etag", version->etag}, {"content-length", std::to_string(version->content.size())}};
        if (!version->id.empty()) {
            headers["x-amz-version-id"] = version->id;
        }
        for (const auto& [name, value] : version->headers) {
            if (name.starts_with("x-amz-meta-")) {
                headers[name] = value;
            }
        }
        if (head) {
            return good({}, std::move(headers));
        }
        if (!request.header("if-match").empty() && request.header("if-match") != version->etag) {
            return s3_error(412, "PreconditionFailed");
        }
        return ranged(request, *version, std::move(headers));
    }

    s3::HttpReply ranged(const S3Request& request, const Version& version, s3::Headers headers) const {
        const std::string range = request.header("range");
        if (!heeds_ranges || !range.starts_with("bytes=")) {
            return good(version.content, std::move(headers));
        }
        const auto first = std::stoull(range.substr(6));
        const auto last = std::stoull(range.substr(range.find('-') + 1));
        if (first >= version.content.size()) {
            return s3_error(416, "InvalidRange");
        }
        const auto end = std::min<std::uint64_t>(last + 1, version.content.size());
        headers["content-range"] = "bytes " + std::to_string(first) + "-" + std::to_string(end - 1) + "/" +
                                   std::to_string(version.content.size());
        return good(version.content.substr(first, end - first), std::move(headers), 206);
    }

    s3::HttpReply remove(const S3Request& request) {
        if (!may_delete) {
            return s3_error(403, "AccessDenied");
        }
        auto& versions = objects_[request.key];
        const auto asked = request.asked("versionId");
        const auto wanted = asked == "null" ? "" : asked;  // the version of a bucket that keeps none
        if (asked.empty() && versioned) {
            versions.push_back({next_id("marker"), {}, {}, {}, true});
        } else {
            std::erase_if(versions, [&](const auto& version) { return asked.empty() || version.id == wanted; });
        }
        if (versions.empty()) {
            objects_.erase(request.key);
        }
        return good({}, {}, 204);
    }

    // One entry of a listing, and where to go on after it.
    struct Entry {
        std::string key;
        std::string id;
        std::string xml;
    };

    static std::string page_of(const std::string& root, const std::vector<Entry>& entries, std::size_t from,
                               std::size_t page, const std::function<std::string(const Entry&)>& next) {
        const auto end = std::min(entries.size(), from + page);
        std::string xml = "<" + root + "><IsTruncated>" + (end < entries.size() ? "true" : "false") + "</IsTruncated>";
        for (auto i = from; i < end; ++i) {
            xml += entries[i].xml;
        }
        return xml + (end < entries.size() ? next(entries[end - 1]) : "") + "</" + root + ">";
    }

    // The first entry after the markers.
    static std::size_t place(const std::vector<Entry>& entries, const std::string& key, const std::string& id) {
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (entries[i].key == key && entries[i].id == id) {
                return i + 1;
            }
        }
        return static_cast<std::size_t>(
            std::count_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.key <= key; }));
    }

    s3::HttpReply list(const S3Request& request) {
        const bool with_versions = request.operation == "ListObjectVersions";
        const int status = with_versions ? versions_status : lists_status;
        if (status != 200) {
            return s3_error(status, status == 403 ? "AccessDenied" : "NotImplemented");
        }
        std::vector<Entry> entries;
        for (const auto& [key, versions] : objects_) {
            if (key.starts_with(request.asked("prefix"))) {
                add_entries(key, versions, with_versions, entries);
            }
        }
        if (with_versions) {
            const auto from = request.asked("key-marker").empty()
                                  ? 0
                                  : place(entries, request.asked("key-marker"), request.asked("version-id-marker"));
            return good(page_of("ListVersionsResult", entries, from, page, [](const Entry& last) {
                return "<NextKeyMarker>" + last.key + "</NextKeyMarker><NextVersionIdMarker>" + last.id +
                       "</NextVersionIdMarker>";
            }));
        }
        const auto token = request.asked("continuation-token");
        const auto from = token.empty() ? 0 : place(entries, token.substr(2), "");
        return good(page_of("ListBucketResult", entries, from, page, [](const Entry& last) {
            return "<NextContinuationToken>+/" + last.key + "</NextContinuationToken>";
        }));
    }

    static void add_entries(const std::string& key, const std::vector<Version>& versions, bool with_versions,
                            std::vector<Entry>& entries) {
        for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
            const bool latest = version == versions.rbegin();
            const std::string what = "<Key>" + key + "</Key><LastModified>" + os::utc_text(version->modified) +
                                     "</LastModified>" +
                                     (version->marker ? ""
                                                      : "<Size>" + std::to_string(version->content.size()) +
                                                            "</Size><ETag>" + version->etag + "</ETag>");
            if (!with_versions) {
                if (latest && !version->marker) {
                    entries.push_back({key, "", "<Contents>" + what + "</Contents>"});
                }
                continue;
            }
            const std::string id = version->id.empty() ? "null" : version->id;
            const std::string element = version->marker ? "DeleteMarker" : "Version";
            entries.push_back(
                {key, id, "<" + element + "><VersionId>" + id + "</VersionId>" + what + "</" + element + ">"});
        }
    }

    s3::HttpReply list_uploads(const S3Request& request) {
        std::vector<Entry> entries;
        for (const auto& [id, upload] : uploads_) {
            if (upload.key.starts_with(request.asked("prefix"))) {
                entries.push_back({upload.key, id,
                                   "<Upload><Key>" + upload.key + "</Key><UploadId>" + id + "</UploadId><Initiated>" +
                                       os::utc_text(std::chrono::system_clock::now()) + "</Initiated></Upload>"});
            }
        }
        std::sort(entries.begin(), entries.end(),
                  [](const auto& a, const auto& b) { return std::tie(a.key, a.id) < std::tie(b.key, b.id); });
        const auto from = request.asked("key-marker").empty()
                              ? 0
                              : place(entries, request.asked("key-marker"), request.asked("upload-id-marker"));
        return good(page_of("ListMultipartUploadsResult", entries, from, page, [](const Entry& last) {
            return "<NextKeyMarker>" + last.key + "</NextKeyMarker><NextUploadIdMarker>" + last.id +
                   "</NextUploadIdMarker>";
        }));
    }

    template <class Hook>
    Hook current(const Hook& hook) const {
        const std::lock_guard lock(mutex_);
        return hook;
    }

    mutable std::mutex mutex_;
    std::map<std::string, std::vector<Version>> objects_;  // newest last
    std::map<std::string, Open> uploads_;
    std::vector<S3Request> log_;
    std::vector<std::string> complaints_;
    int ids_ = 0;
};

}  // namespace lifeboat::test
