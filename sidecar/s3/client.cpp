#include "s3/client.hpp"

#include "failure.hpp"
#include "os/clock.hpp"
#include "s3/replies.hpp"

#include <algorithm>
#include <set>

namespace lifeboat::s3 {
namespace {

constexpr Milliseconds reply_within{120'000};  // S3 itself may take minutes to complete a large upload
constexpr Milliseconds shortest_try{1'000};
constexpr std::uint64_t least_rate = 1024;  // of each of several requests at once: an analogue modem gives more

bool carries_body(const Call& call) {
    return call.method == "PUT" || call.method == "POST";
}

Refusal refusal_in(const Answer& answer) {
    static const std::set<std::string, std::less<>> of_identity = {
        "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired",
    };
    if (answer.ok()) {
        return Refusal::none;
    }
    if (answer.failure->status == 401 || of_identity.contains(answer.failure->code)) {
        return Refusal::identity;
    }
    // HEAD has no body, and so no code.
    return answer.failure->status == 403 ? Refusal::unclear : Refusal::none;
}

}  // namespace

Client::Client(ClientOptions options, Transport& transport, Timer& timer)
    : options_(std::move(options)),
      address_(address_bucket(options_.endpoint, options_.bucket, options_.addressing)),
      transport_(transport),
      timer_(timer),
      credentials_(options_.credentials) {}

HttpRequest Client::signed_request(const Call& call, const Credentials& signer, bool fresh_connection) {
    SigningInput input;
    input.method = call.method;
    input.path = address_.path_prefix + "/" + call.key;
    input.query = call.query;
    input.headers = call.headers;
    input.headers["host"] = address_.host;
    if (carries_body(call)) {
        input.headers["content-md5"] = md5_base64(call.body.md5);
    }
    input.payload_hash = carries_body(call) ? call.body.sha256 : std::string(empty_payload);
    const auto now = timer_.wall() + std::chrono::seconds(clock_offset_s_.load());
    if (call.lock_for) {
        input.headers["x-amz-object-lock-mode"] = "COMPLIANCE";
        input.headers["x-amz-object-lock-retain-until-date"] = os::utc_text(now + *call.lock_for);
    }
    Headers headers = sign(input, signer, options_.endpoint.region, now);
    headers.merge(input.headers);

    HttpRequest request;
    request.method = call.method;
    request.url = options_.endpoint.scheme + "://" + address_.host + encode_path(input.path);
    if (!call.query.empty()) {
        request.url += "?" + canonical_query(call.query);
    }
    request.headers = std::move(headers);
    request.body = call.body.bytes;
    request.largest_reply = call.largest_reply;
    request.fresh_connection = fresh_connection;
    request.stall_after = std::min(options_.stall_after, call.within.value_or(options_.stall_after));
    // A reply that streams an object is as long as the object; every other one is short.
    request.reply_within = call.operation.name == get_object.name
                               ? Milliseconds{0}
                               : std::min(reply_within, call.within.value_or(options_.retry.budget / 2));
    request.least_rate = least_rate;
    return request;
}

Answer Client::once(const Call& call, const Credentials& signer, bool fresh_connection, const std::stop_token& stop) {
    Answer answer;
    const auto request = signed_request(call, signer, fresh_connection);
    const auto began = timer_.now();
    answer.reply = transport_.perform(request, stop);
    answer.failure = failure_of(answer.reply, {call, options_.bucket, options_.endpoint}, timer_.wall());
    if (answer.reply.broken == Broken::stalled) {
        answer.failure->dead = std::min(std::chrono::floor<Milliseconds>(timer_.now() - began),
                                        std::max(request.stall_after, request.reply_within));
    }
    return answer;
}

// Whether the clock is known now, by this answer or by one that came to another thread.
bool Client::learn_clock(const Answer& answer) {
    if (answer.ok() || answer.failure->code != "RequestTimeTooSkewed") {
        return false;
    }
    const auto date = answer.reply.headers.find("date");
    auto theirs = date == answer.reply.headers.end() ? std::nullopt : parse_http_date(date->second);
    if (const auto error = parse_error(answer.reply.body); error && error->server_time) {
        theirs = error->server_time;
    }
    const std::lock_guard lock(learning_);
    if (!clock_learnt_ && theirs) {
        clock_offset_s_ = std::chrono::round<std::chrono::seconds>(*theirs - timer_.wall()).count();
        clock_learnt_ = true;
    }
    return clock_learnt_;
}

Answer Client::attempt(const Call& call, bool fresh_connection, const std::stop_token& stop) {
    auto signer = credentials_.current();
    auto answer = once(call, signer.credentials, fresh_connection, stop);
    if (learn_clock(answer)) {
        answer = once(call, signer.credentials, true, stop);
    }
    if (answer.ok()) {
        credentials_.accepted(signer.credentials);
        return answer;
    }
    return by_others(call, std::move(signer), std::move(answer), stop);
}

// Two more at most: what the owner has by now, and what was good before.
Answer Client::by_others(const Call& call, FollowedCredentials::Signer refused, Answer answer,
                         const std::stop_token& stop) {
    constexpr int most = 2;
    for (int tries = 0; tries < most; ++tries) {
        const Refusal why = refusal_in(answer);
        auto other = why == Refusal::none ? std::nullopt : credentials_.instead_of(refused, why);
        if (!other) {
            break;
        }
        refused = *std::move(other);
        answer = once(call, refused.credentials, true, stop);
        if (answer.ok()) {
            credentials_.accepted(refused.credentials);
        }
    }
    return answer;
}

Answer Client::send(Call call, const std::stop_token& stop) {
    RetryPolicy policy = options_.retry;
    Retry retry(policy, timer_);
    const auto began = timer_.now();
    const auto whole = call.within;
    bool in_doubt = false;
    for (;;) {
        auto answer = attempt(call, retry.failed() > 0, stop);
        answer.in_doubt = in_doubt = in_doubt || (!answer.ok() && answer.failure->uncertain);
        if (answer.ok()) {
            return answer;
        }
        if (whole) {
            const auto left = *whole - std::chrono::ceil<Milliseconds>(timer_.now() - began);
            if (left.count() <= 0) {
                return answer;
            }
            policy.budget = retry.failed() == 0 ? left : policy.budget;  // it counts from the first failure
            call.within = left;
        }
        if (!again(retry, *answer.failure, stop)) {
            return answer;
        }
        if (!whole) {  // a last try that stalls is to end with the budget
            call.within = std::max(retry.left(), shortest_try);
        }
    }
}

bool Client::again(Retry& retry, Failure& failure, const std::stop_token& stop) {
    if (!failure.retryable || retry.again(failure.error, failure.retry_after, stop, failure.dead)) {
        return failure.retryable;
    }
    if (stop.stop_requested()) {
        failure = interrupted();
    }
    return false;
}

}  // namespace lifeboat::s3
