// One bucket of an S3 server: requests that are signed, tried again where that can help, and explained where not.
#pragma once

#include "result/result.hpp"
#include "s3/credentials.hpp"
#include "s3/endpoint.hpp"
#include "s3/http.hpp"
#include "s3/payload.hpp"
#include "s3/retry.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace lifeboat::s3 {

// An operation of the S3 API, and the right that a key needs for it.
struct Operation {
    std::string_view name;
    std::string_view b2_capability;
    std::string_view aws_action;
};

inline constexpr Operation put_object{"PutObject", "writeFiles", "s3:PutObject"};
inline constexpr Operation create_upload{"CreateMultipartUpload", "writeFiles", "s3:PutObject"};
inline constexpr Operation upload_part{"UploadPart", "writeFiles", "s3:PutObject"};
inline constexpr Operation complete_upload{"CompleteMultipartUpload", "writeFiles", "s3:PutObject"};
inline constexpr Operation abort_upload{"AbortMultipartUpload", "writeFiles", "s3:AbortMultipartUpload"};
inline constexpr Operation get_object{"GetObject", "readFiles", "s3:GetObject"};
inline constexpr Operation get_version{"GetObject", "readFiles", "s3:GetObjectVersion"};
inline constexpr Operation head_object{"HeadObject", "readFiles", "s3:GetObject"};
inline constexpr Operation delete_object{"DeleteObject", "deleteFiles", "s3:DeleteObject"};
inline constexpr Operation delete_version{"DeleteObject", "deleteFiles", "s3:DeleteObjectVersion"};
inline constexpr Operation list_objects{"ListObjectsV2", "listFiles", "s3:ListBucket"};
inline constexpr Operation list_versions{"ListObjectVersions", "listFiles", "s3:ListBucketVersions"};
inline constexpr Operation list_uploads{"ListMultipartUploads", "listFiles", "s3:ListBucketMultipartUploads"};
inline constexpr Operation get_lifecycle{"GetBucketLifecycleConfiguration", "readBuckets",
                                         "s3:GetLifecycleConfiguration"};
inline constexpr Operation get_versioning{"GetBucketVersioning", "readBuckets", "s3:GetBucketVersioning"};
inline constexpr Operation get_object_lock{"GetObjectLockConfiguration", "readBucketRetentions",
                                           "s3:GetBucketObjectLockConfiguration"};

struct Call {
    Operation operation;
    std::string method;
    std::string key;  // empty: the bucket itself
    Query query = {};
    Headers headers = {};  // beside what signing and the body need
    Payload body = {};     // its bytes must stay as they are until the answer; sent for PUT and POST
    std::size_t largest_reply = std::size_t{16} << 20U;
    // For all tries together, from the first one's beginning, instead of the policy's budget: for what must not take
    // long.
    std::optional<Milliseconds> within = std::nullopt;
    // Object lock in compliance mode until so long after the request, by the server's own clock; empty: not asked for.
    std::optional<std::chrono::seconds> lock_for = std::nullopt;
};

// Why a request failed, beside what is said to people.
struct Failure {
    Error error;
    int status = 0;          // 0: no reply
    std::string code;        // the server's own, as "NoSuchUpload"; may be empty
    bool retryable = false;  // another try can help
    bool uncertain = false;  // the server may have done it all the same
    std::optional<Milliseconds> retry_after;
    Milliseconds dead{};       // for how long nothing had moved when it failed
    std::string message = {};  // the server's own words, fit to be printed; may be empty
};

// What every request and every wait ends with on a stop.
Failure interrupted();

struct Answer {
    HttpReply reply;
    std::optional<Failure> failure;
    bool in_doubt = false;  // a try that failed, of this one or before it, may have been done all the same
    [[nodiscard]] bool ok() const noexcept { return !failure; }
};

struct ClientOptions {
    Endpoint endpoint;
    std::string bucket;
    Addressing addressing = Addressing::automatic;
    ReadCredentials credentials;
    RetryPolicy retry;
    Milliseconds stall_after{60'000};  // nothing moved for so long
};

// Safe for use by several threads at once. `transport` and `timer` must outlive it.
class Client {
public:
    Client(ClientOptions options, Transport& transport, Timer& timer);

    // One try. A clock that is off is learnt from the server the first time it says so, and that try does not count.
    // Neither does one whose credentials were refused, where there are others by then: those of FollowedCredentials.
    Answer attempt(const Call& call, bool fresh_connection, const std::stop_token& stop);

    // Tries until it is done, cannot be helped, or the policy's budget is spent: each time with a new signature, and
    // after a failure over a new connection.
    Answer send(Call call, const std::stop_token& stop);

    [[nodiscard]] const RetryPolicy& policy() const noexcept { return options_.retry; }
    [[nodiscard]] Timer& timer() noexcept { return timer_; }
    [[nodiscard]] const std::string& bucket() const noexcept { return options_.bucket; }
    [[nodiscard]] const std::string& host() const noexcept { return options_.endpoint.host; }

    // After a failed try that another may cure: waits, and says whether to try again. If not, `failure` is what to
    // report: a stop takes the place of what went wrong before it.
    static bool again(Retry& retry, Failure& failure, const std::stop_token& stop);

private:
    Answer once(const Call& call, const Credentials& signer, bool fresh_connection, const std::stop_token& stop);
    Answer by_others(const Call& call, FollowedCredentials::Signer refused, Answer answer, const std::stop_token& stop);
    HttpRequest signed_request(const Call& call, const Credentials& signer, bool fresh_connection);
    bool learn_clock(const Answer& answer);

    const ClientOptions options_;
    const BucketAddress address_;
    Transport& transport_;
    Timer& timer_;
    FollowedCredentials credentials_;
    std::mutex learning_;
    std::atomic<std::int64_t> clock_offset_s_{0};  // the server's clock less ours
    bool clock_learnt_ = false;                    // guarded by learning_
};

}  // namespace lifeboat::s3
