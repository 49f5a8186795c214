// What S3 servers answer, as far as Lifeboat reads it: XML into values.
//
// Foreign bytes: nothing here throws or crashes on any input, and what cannot be understood is an empty optional,
// never a guess. Element names are taken without their namespace prefix; white space around the document is no harm.
// Numbers out of range, missing keys and ids, fields given twice, dates that are none (or outside of 1970 to 2261),
// and a truncated listing that does not say where it goes on make the whole reply one that is not understood. Keys
// and key markers are decoded (s3/encoding.hpp) where the reply says EncodingType url; tokens and ids never are.
// Texts are the server's: any bytes, to be made printable before a terminal or a log sees them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::s3 {

using TimePoint = std::chrono::system_clock::time_point;

// <Error>, also where a server sends it with status 200.
struct ErrorReply {
    std::string code;  // "NoSuchKey"; never empty
    std::string message;
    std::string request_id;
    std::string region;                    // where the server names the right one
    std::optional<TimePoint> server_time;  // RequestTimeTooSkewed; empty too where it is no date
};
std::optional<ErrorReply> parse_error(std::string_view body);

// <InitiateMultipartUploadResult>: the upload id.
std::optional<std::string> parse_upload_id(std::string_view body);

// <CompleteMultipartUploadResult>: the ETag without its quotes, which some servers leave empty. A result without any
// ETag element is not understood: take it for no success.
std::optional<std::string> parse_completed_etag(std::string_view body);

// <ListBucketResult> (version 2)
struct ListedObject {
    std::string key;
    std::uint64_t size = 0;
    TimePoint modified;
    std::string etag;  // without quotes
};
struct ObjectPage {
    std::vector<ListedObject> objects;
    std::string next;  // the continuation token; empty on the last page
};
std::optional<ObjectPage> parse_object_page(std::string_view body);

// <ListVersionsResult>
struct ListedVersion {
    std::string key;
    std::string version_id;
    bool hide_marker = false;  // a delete marker: it has neither size nor etag
    bool latest = false;
    std::uint64_t size = 0;
    TimePoint modified;
    std::string etag;
};
struct VersionPage {
    std::vector<ListedVersion> versions;  // in the reply's order: keys ascending, each with its newest version first
    std::string next_key;                 // both empty on the last page, and only then is this one
    std::string next_version_id;          // may be empty: then go on with next_key alone
};
std::optional<VersionPage> parse_version_page(std::string_view body);

// <ListMultipartUploadsResult>
struct ListedUpload {
    std::string key;
    std::string upload_id;
    TimePoint initiated;
};
struct UploadPage {
    std::vector<ListedUpload> uploads;
    std::string next_key;  // both empty on the last page, and only then is this one
    std::string next_upload_id;
};
std::optional<UploadPage> parse_upload_page(std::string_view body);

// <LifecycleConfiguration>: the enabled rules. Those for markers alone, and for objects with tags (ours have none), are
// left out. Backblaze B2 shows its daysFromUploadingToHiding as Expiration/Days, its daysFromHidingToDeleting as
// NoncurrentDays, and daysFromStartingToCancelingUnfinishedLargeFiles as DaysAfterInitiation.
struct LifecycleRule {
    std::string prefix;
    std::optional<std::uint64_t> days;             // so old, current objects are taken away, or hidden
    std::optional<TimePoint> date;                 // the same on a day
    std::optional<std::uint64_t> noncurrent_days;  // hidden or written over for so long, versions are deleted
    std::optional<std::uint64_t> abort_days;       // so old, unfinished uploads are dropped
    std::string moves_to;                          // "GLACIER" or "DEEP_ARCHIVE", out of which nothing is read at once
};
std::optional<std::vector<LifecycleRule>> parse_lifecycle(std::string_view body);

// The body of CompleteMultipartUpload: part numbers from 1, and the ETags as the server gave them.
std::string complete_body(const std::vector<std::string>& etags);

}  // namespace lifeboat::s3
