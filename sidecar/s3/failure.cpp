#include "failure.hpp"

#include "s3/replies.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <ctime>
#include <set>

namespace lifeboat::s3 {
namespace {

using std::chrono::system_clock;

// What the server said, whichever way it said it.
struct Said {
    int status = 0;
    std::string code;  // may be empty: HEAD has no body, and a proxy answers with a page of its own
    std::string message;
    std::string request_id;
    std::string region;
};

std::string header(const HttpReply& reply, const std::string& name) {
    const auto found = reply.headers.find(name);
    return found == reply.headers.end() ? std::string() : found->second;
}

// Foreign text, fit to be printed: one line, no control characters, not endless.
std::string printable(std::string text) {
    constexpr std::size_t most = 300;
    if (text.size() > most) {
        text = text.substr(0, most) + "...";
    }
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20U || c == 0x7FU; }, ' ');
    return text;
}

Said said_by(const HttpReply& reply) {
    Said said{reply.status, {}, {}, header(reply, "x-amz-request-id"), header(reply, "x-amz-bucket-region")};
    if (const auto error = parse_error(reply.body)) {
        said.code = printable(error->code);
        said.message = printable(error->message);
        if (said.request_id.empty()) {
            said.request_id = error->request_id;
        }
        if (!error->region.empty()) {
            said.region = error->region;
        }
    }
    said.request_id = printable(said.request_id);
    said.region = printable(said.region);
    return said;
}

std::string place(const Asked& asked) {
    return asked.call.key.empty() ? "bucket '" + asked.bucket + "'"
                                  : "'" + asked.call.key + "' in bucket '" + asked.bucket + "'";
}

std::string in_words(const Said& said, const Asked& asked) {
    std::string text = std::string(asked.call.operation.name) + " of " + place(asked) + ": " + asked.endpoint.host +
                       " answered " + std::to_string(said.status);
    if (!said.code.empty()) {
        text += " " + said.code;
    }
    if (!said.message.empty()) {
        text += " (" + said.message + ")";
    }
    if (!said.request_id.empty()) {
        text += ", request id " + said.request_id;
    }
    return text;
}

// ---- what to do next ------------------------------------------------------------------------------------------------

std::string next_for_access(const Asked& asked) {
    const auto& operation = asked.call.operation;
    return "give the key the right to do it: " + std::string(operation.b2_capability) + " on Backblaze B2, " +
           std::string(operation.aws_action) + " elsewhere";
}

std::string next_for_region(const Said& said, const Asked& asked) {
    if (said.region.empty() || said.region == asked.endpoint.region) {
        return "set store.region and store.endpoint to the bucket's own region";
    }
    return "set store.region = \"" + said.region + "\" (it was signed for '" + asked.endpoint.region +
           "'), and store.endpoint to that region's";
}

bool speaks_of_a_cap(const Said& said) {
    std::string text = said.code + " " + said.message;
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text.find("cap exceeded") != std::string::npos || text.find("cap_exceeded") != std::string::npos ||
           text.find("caps & alerts") != std::string::npos;
}

std::string next_for_403(const Said& said, const Asked& asked) {
    if (said.code == "InvalidAccessKeyId") {
        return "check store.access_key_id; on Backblaze B2 it is an application key's keyID, never the master key's";
    }
    if (said.code == "SignatureDoesNotMatch") {
        return "check store.secret_access_key, and that store.region is right (it was signed for '" +
               asked.endpoint.region + "')";
    }
    if (said.code == "ExpiredToken" || said.code == "InvalidToken" || said.code == "TokenRefreshRequired") {
        return "renew store.session_token and the key that it came with";
    }
    if (speaks_of_a_cap(said)) {
        return "raise the cap on the Caps & Alerts page of the Backblaze account";
    }
    return next_for_access(asked);
}

std::string next_for(const Said& said, const Asked& asked) {
    if (said.code == "NoSuchBucket") {
        return "create the bucket, or correct store.url";
    }
    if (said.code == "NoSuchUpload") {
        return "run again; a rule of the store may have dropped the unfinished upload";
    }
    if (said.code == "PermanentRedirect" || said.code == "TemporaryRedirect" ||
        said.code == "IllegalLocationConstraintException" || said.code == "AuthorizationHeaderMalformed" ||
        said.status / 100 == 3) {
        return next_for_region(said, asked);
    }
    if (said.code == "ExpiredToken" || said.code == "InvalidToken") {
        return next_for_403(said, asked);
    }
    if (said.status == 401 || said.status == 403) {
        return next_for_403(said, asked);
    }
    if (said.status == 404) {
        return "list what is there";
    }
    if (said.code == "NotImplemented" || said.status == 405 || said.status == 501) {
        return "this store does not know " + std::string(asked.call.operation.name) + "; docs/stores.md says which do";
    }
    return "see what the server's message says, and ask its operator with the request id";
}

// ---- for the program ------------------------------------------------------------------------------------------------

bool worth_another_try(const Said& said) {
    static const std::set<std::string, std::less<>> codes = {
        "BadDigest",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequests",
        "XAmzContentSHA256Mismatch",
        "IncompleteBody",
        "ConditionalRequestConflict",
    };
    if (codes.count(said.code) != 0) {
        return true;
    }
    // Backblaze B2, when its own front lost the body of a request that was sent again.
    if (said.status == 400 && said.message.find("body was too small") != std::string::npos) {
        return true;
    }
    static constexpr std::array statuses = {408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524};
    return std::find(statuses.begin(), statuses.end(), said.status) != statuses.end();
}

ErrorKind kind_of(const Said& said, const Asked& asked) {
    if (said.status == 404 && said.code != "NoSuchUpload") {
        return ErrorKind::not_found;
    }
    // 409 to a condition tells of another request at the same moment, and nothing of what became of it.
    if (said.status == 412 && asked.call.headers.count("if-none-match") != 0) {
        return ErrorKind::exists;
    }
    return worth_another_try(said) ? ErrorKind::temporary : ErrorKind::failed;
}

std::optional<std::int64_t> count_in(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = !text.empty() && code == std::errc() && end == text.data() + text.size();
    return whole && number >= 0 ? std::optional(number) : std::nullopt;
}

std::string minutes_off(const HttpReply& reply, system_clock::time_point now) {
    auto theirs = parse_http_date(header(reply, "date"));
    if (const auto error = parse_error(reply.body); error && error->server_time) {
        theirs = error->server_time;
    }
    if (!theirs) {
        return "correct this machine's clock";
    }
    const auto off = std::chrono::round<std::chrono::minutes>(now - *theirs).count();
    if (off == 0) {
        return "the clocks agree now: run again";
    }
    return "correct this machine's clock: it is " + std::to_string(std::abs(off)) + " min " +
           (off > 0 ? "ahead of" : "behind") + " the server's";
}

Failure answered(const HttpReply& reply, const Asked& asked, system_clock::time_point now) {
    const Said said = said_by(reply);
    Failure failure;
    failure.status = said.status;
    failure.code = said.code;
    failure.message = said.message;
    failure.retryable = worth_another_try(said);
    // A server or a gateway that gives up half way says so with one of these.
    failure.uncertain = said.status >= 500 || said.status == 408 || said.status == 499 || said.status == 200;
    failure.retry_after = failure.retryable ? retry_after_of(reply, now) : std::nullopt;
    failure.error = {kind_of(said, asked), in_words(said, asked), {}, {}};
    failure.error.next = said.code == "RequestTimeTooSkewed" ? minutes_off(reply, now)
                         : failure.retryable ? "run again later; the store is unwell or asks for less haste"
                                             : next_for(said, asked);
    return failure;
}

Failure not_answered(const HttpReply& reply, const Asked& asked) {
    Failure failure;
    failure.status = 0;
    const std::string about = std::string(asked.call.operation.name) + " of " + place(asked) + " at " +
                              asked.endpoint.host + ": " + printable(reply.trouble);
    switch (*reply.broken) {
        case Broken::not_reached:
            failure.retryable = true;
            failure.error = {
                ErrorKind::temporary, about, "check store.endpoint, the name service, the network and any proxy", {}};
            break;
        case Broken::not_trusted:
            failure.error = {ErrorKind::usage,
                             about,
                             "set store.ca_file to the certificate authority of this server, or correct store.endpoint",
                             {}};
            break;
        case Broken::cut:
        case Broken::stalled:
            failure.retryable = failure.uncertain = true;
            failure.error = {
                ErrorKind::temporary, about, "run again later; the connection to the store does not hold", {}};
            break;
        case Broken::too_long:
            failure.uncertain = true;
            failure.error = {ErrorKind::failed,
                             about + " (the reply is longer than it can be)",
                             "check that store.endpoint is an S3 server",
                             {}};
            break;
        case Broken::interrupted: return interrupted();
    }
    return failure;
}

// The numbers in "…, 22 Nov 2026 02:17:00 GMT".
bool real_date(const std::tm& parts) {
    const std::chrono::year_month_day day{std::chrono::year(parts.tm_year + 1900),
                                          std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
                                          std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
    // system_clock counts nanoseconds in 64 bits: it ends in 2262.
    return day.ok() && day.year() >= std::chrono::year(1970) && day.year() <= std::chrono::year(2261);
}

}  // namespace

Failure interrupted() {
    Failure failure;
    failure.uncertain = true;
    failure.error = {ErrorKind::interrupted, "stopped", {}, {}};
    return failure;
}

std::optional<system_clock::time_point> parse_http_date(const std::string& text) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0' || !real_date(parts)) {
        return std::nullopt;
    }
    return system_clock::from_time_t(::timegm(&parts));
}

std::optional<Milliseconds> retry_after_of(const HttpReply& reply, system_clock::time_point now) {
    constexpr Milliseconds most = std::chrono::hours(24);  // longer than any budget
    const std::string text = header(reply, "retry-after");
    if (const auto seconds = count_in(text)) {
        return std::min<Milliseconds>(most, std::chrono::seconds(std::min<std::int64_t>(*seconds, 86'400)));
    }
    if (const auto date = parse_http_date(text)) {
        // By the server's own clock, where it tells: ours may be off.
        const auto from = parse_http_date(header(reply, "date")).value_or(now);
        return std::clamp(std::chrono::ceil<Milliseconds>(*date - from), Milliseconds{0}, most);
    }
    if (const auto milliseconds = count_in(header(reply, "x-amz-retry-after"))) {
        return std::min(most, Milliseconds(*milliseconds));
    }
    return std::nullopt;
}

std::optional<Failure> failure_of(const HttpReply& reply, const Asked& asked, system_clock::time_point now) {
    if (reply.broken) {
        return not_answered(reply, asked);
    }
    const bool may_hold_an_error = asked.call.operation.name != get_object.name && reply.status == 200;
    if (reply.status / 100 == 2 && !(may_hold_an_error && parse_error(reply.body))) {
        return std::nullopt;
    }
    return answered(reply, asked, now);
}

}  // namespace lifeboat::s3
