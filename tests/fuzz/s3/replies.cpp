// Bytes from anywhere, taken for each of the replies that an S3 server may send.
#include "s3/replies.hpp"
#include "s3/bucket_config.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

namespace s3 = lifeboat::s3;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void in_range(s3::TimePoint time) {
    require(time >= s3::TimePoint());
}

void check_objects(std::string_view body) {
    if (const auto page = s3::parse_object_page(body)) {
        for (const auto& object : page->objects) {
            require(!object.key.empty());
            in_range(object.modified);
        }
    }
}

void check_versions(std::string_view body) {
    if (const auto page = s3::parse_version_page(body)) {
        require(!page->next_key.empty() || page->next_version_id.empty());
        for (const auto& version : page->versions) {
            require(!version.key.empty() && !version.version_id.empty());
            require(!version.hide_marker || (version.size == 0 && version.etag.empty()));
            in_range(version.modified);
        }
    }
}

void check_uploads(std::string_view body) {
    if (const auto page = s3::parse_upload_page(body)) {
        require(!page->next_key.empty() || page->next_upload_id.empty());
        for (const auto& upload : page->uploads) {
            require(!upload.key.empty() && !upload.upload_id.empty());
            in_range(upload.initiated);
        }
    }
}

void check_configuration(std::string_view body) {
    if (const auto rules = s3::parse_lifecycle(body)) {
        for (const auto& rule : *rules) {
            require(rule.days || rule.date || rule.noncurrent_days || rule.abort_days || !rule.moves_to.empty());
        }
    }
    if (const auto lock = s3::parse_object_lock(body); lock && lock->retention) {
        require(lock->retention->mode == "COMPLIANCE" || lock->retention->mode == "GOVERNANCE");
        require(lock->retention->days <= std::uint64_t{365} * 36'500);
    }
    require(!s3::parse_versioning(body) || !s3::parse_object_lock(body));
}

// A body is one kind of reply at most: an error is never a success as well.
void check_kinds(std::string_view body) {
    const int kinds = (s3::parse_error(body) ? 1 : 0) + (s3::parse_upload_id(body) ? 1 : 0) +
                      (s3::parse_completed_etag(body) ? 1 : 0) + (s3::parse_object_page(body) ? 1 : 0) +
                      (s3::parse_version_page(body) ? 1 : 0) + (s3::parse_upload_page(body) ? 1 : 0);
    require(kinds <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);  // NOLINT(*-reinterpret-cast)
    check_objects(body);
    check_versions(body);
    check_uploads(body);
    check_configuration(body);
    check_kinds(body);
    if (const auto error = s3::parse_error(body)) {
        require(!error->code.empty());
    }
    if (const auto id = s3::parse_upload_id(body)) {
        require(!id->empty());
    }
    const std::string complete = s3::complete_body({std::string(body), "\"e\""});
    require(complete.ends_with("</CompleteMultipartUpload>"));
    return 0;
}
