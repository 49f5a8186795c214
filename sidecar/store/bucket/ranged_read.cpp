#include "bucket/ranged_read.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace lifeboat::store {
namespace {

// So many bytes after a failure are worth as much time for the next one. Fewer could come for ever, a few at a time.
constexpr std::size_t worth_more_time = std::size_t{64} << 10U;

// The object as its first reply showed it.
struct Found {
    std::uint64_t size = 0;
    std::string etag;  // with its quotes, for If-Match
};

struct Range {
    std::uint64_t from = 0;
    std::uint64_t length = 0;
};

Error no_object(const Bucket& bucket, const ObjectKey& key) {
    return {ErrorKind::not_found, "no object '" + key.text() + "' in " + bucket.location(),
            "list what is there, or check that this is the right store"};
}

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t number = 0;
    const auto [stopped, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    return code == std::errc() && stopped == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// What a reply with a part of an object says it is.
struct Shown {
    std::uint64_t from = 0;
    std::uint64_t size = 0;  // of the whole object
};

// "bytes 0-99/1234"
std::optional<Shown> shown_by(const s3::HttpReply& reply) {
    constexpr std::string_view unit = "bytes ";
    const std::string text = header(reply, "content-range");
    const auto dash = text.find('-');
    const auto slash = text.find('/');
    if (reply.status != 206 || !text.starts_with(unit) || dash == std::string::npos || slash == std::string::npos ||
        dash > slash) {
        return std::nullopt;
    }
    const auto from = number_in(std::string_view(text).substr(unit.size(), dash - unit.size()));
    const auto size = number_in(std::string_view(text).substr(slash + 1));
    return from && size ? std::optional(Shown{*from, *size}) : std::nullopt;
}

// A refusal, 400 like that of one object, of whatever this key asks here: its token has run out (AWS), it was signed
// for another region, no bucket has such a name. Without a code it is the answer of something in between.
bool is_about_the_asker(std::string_view code) {
    static constexpr std::array<std::string_view, 8> words = {"Token",    "Auth",   "Security", "Signature",
                                                              "Location", "Region", "Bucket",   "Redirect"};
    return code.empty() || std::any_of(words.begin(), words.end(),
                                       [&](auto word) { return code.find(word) != std::string_view::npos; });
}

class RangedRead {
public:
    RangedRead(Bucket& bucket, const ObjectKey& key, const std::string& version_id)
        : bucket_(bucket),
          key_(key),
          // A store that is known to have no versions may stumble over the id of one.
          version_id_(bucket.versions == Versions::none ? std::string() : version_id),
          outer_stop_(bucket.options.stop, [this] { stop_.request_stop(); }) {}
    RangedRead(const RangedRead&) = delete;
    RangedRead& operator=(const RangedRead&) = delete;
    ~RangedRead() {
        stop_.request_stop();
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

    Status pass_on(stream::Sink& to);

private:
    [[nodiscard]] std::uint64_t range_size() const { return bucket_.options.part_size; }
    [[nodiscard]] std::size_t ranges() const {
        return static_cast<std::size_t>((found_.size + range_size() - 1) / range_size());
    }
    [[nodiscard]] Range range(std::size_t index) const {
        const std::uint64_t from = index * range_size();
        return {from, std::min(range_size(), found_.size - from)};
    }

    Result<std::string> first_range();
    Result<std::string> first_without_ranges(s3::HttpReply reply);
    Result<std::string> fetch(Range wanted, std::string bytes, bool broke);
    s3::Call call_for(Range wanted) const;
    Error error_of(const s3::Failure& failure) const;
    Status start_fetchers();
    void work();
    Result<std::string> wait_for(std::size_t index);
    Status pass_first(stream::Sink& to);
    static Status pass_slices(const std::string& bytes, stream::Sink& to);

    Bucket& bucket_;
    const ObjectKey& key_;
    std::string version_id_;
    Found found_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t next_to_fetch_ = 1;
    std::size_t next_to_pass_ = 1;
    std::map<std::size_t, Result<std::string>> fetched_;
    bool ended_ = false;
    std::stop_source stop_;
    std::stop_callback<std::function<void()>> outer_stop_;
    std::vector<std::jthread> fetchers_;  // last: they end before anything that they use
};

s3::Call RangedRead::call_for(Range wanted) const {
    s3::Call call{!version_id_.empty() ? s3::get_version : s3::get_object, "GET", bucket_.full_key(key_)};
    if (!version_id_.empty()) {
        call.query.emplace_back("versionId", version_id_);
    }
    call.headers["range"] =
        "bytes=" + std::to_string(wanted.from) + "-" + std::to_string(wanted.from + wanted.length - 1);
    if (!found_.etag.empty()) {
        call.headers["if-match"] = found_.etag;
    }
    call.largest_reply = std::max<std::size_t>(wanted.length, std::size_t{1} << 20U);  // an error's page, at the least
    return call;
}

Error RangedRead::error_of(const s3::Failure& failure) const {
    if (failure.status == 412) {
        return {ErrorKind::corrupt, "'" + key_.text() + "' was given other bytes while it was read",
                "find out who writes into the store, and verify this backup"};
    }
    if (failure.code == "NoSuchBucket") {
        return failure.error;
    }
    if (failure.status == 404) {
        return no_object(bucket_, key_);
    }
    if (failure.status != 400 || failure.retryable || is_about_the_asker(failure.code)) {
        return failure.error;
    }
    // The id of a version of another store is one that this one may not even be able to read. What was encrypted with a
    // key of its writer's own is answered alike, by some stores with the very same code: with a version, only a listing
    // tells the two apart.
    Error error = failure.error;
    error.kind = version_id_.empty() ? ErrorKind::corrupt : ErrorKind::not_found;
    error.next = version_id_.empty() ? "find out who wrote it, and whether with a key of encryption of their own"
                                     : no_object(bucket_, key_).next;
    return error;
}

// Also tells what there is: until it is back nobody knows how many ranges there are.
Result<std::string> RangedRead::first_range() {
    s3::Retry retry(bucket_.client.policy(), bucket_.client.timer());
    for (;;) {
        auto answer = bucket_.client.attempt(call_for({0, range_size()}), retry.failed() > 0, stop_.get_token());
        if (!answer.ok() && answer.failure->status == 416) {
            return std::string();  // there is no first byte
        }
        const auto shown = shown_by(answer.reply);
        if (shown && shown->from == 0 && answer.reply.body.size() <= std::min(shown->size, range_size())) {
            found_ = {shown->size, header(answer.reply, "etag")};
            return fetch(range(0), std::move(answer.reply.body), !answer.ok());
        }
        if (answer.ok()) {
            return first_without_ranges(std::move(answer.reply));
        }
        if (!s3::Client::again(retry, *answer.failure, stop_.get_token())) {
            return error_of(*answer.failure);
        }
    }
}

// A server may leave Range aside where the object is not longer than what was asked for.
Result<std::string> RangedRead::first_without_ranges(s3::HttpReply reply) {
    if (reply.status != 200) {
        return failed("what the store answered for '" + key_.text() + "' is not the range that was asked for",
                      "check that store.endpoint is an S3 server");
    }
    found_ = {reply.body.size(), header(reply, "etag")};
    return std::move(reply.body);
}

// `bytes`: what is there of it. `broke`: the reply that they are from ended too early.
Result<std::string> RangedRead::fetch(Range wanted, std::string bytes, bool broke) {
    std::optional<s3::Retry> retry;
    std::size_t had = bytes.size();  // when the time for tries began
    while (bytes.size() < wanted.length) {
        const Range rest{wanted.from + bytes.size(), wanted.length - bytes.size()};
        auto answer = bucket_.client.attempt(call_for(rest), broke || retry.has_value(), stop_.get_token());
        const auto shown = shown_by(answer.reply);
        const bool fits =
            shown && shown->from == rest.from && shown->size == found_.size && answer.reply.body.size() <= rest.length;
        if (fits && !answer.reply.body.empty()) {  // of a reply that broke, too: it goes on from there
            if (bytes.empty()) {
                bytes.swap(answer.reply.body);
            } else {
                bytes += answer.reply.body;
            }
        }
        if (bytes.size() == wanted.length) {
            break;
        }
        if (answer.ok()) {
            return failed("the store gave other bytes of '" + key_.text() + "' than those that were asked for",
                          "check that store.endpoint is an S3 server, without a cache in front of it");
        }
        if (!retry || bytes.size() >= had + worth_more_time) {
            retry.emplace(bucket_.client.policy(), bucket_.client.timer());
            had = bytes.size();
        }
        if (!s3::Client::again(*retry, *answer.failure, stop_.get_token())) {
            return error_of(*answer.failure);
        }
    }
    return bytes;
}

void RangedRead::work() {
    for (;;) {
        std::unique_lock lock(mutex_);
        // So many are in memory: those that are fetched, that wait, and the one that is passed on.
        changed_.wait(lock, [&] {
            return ended_ || next_to_fetch_ >= ranges() || next_to_fetch_ < next_to_pass_ + bucket_.options.uploads;
        });
        if (ended_ || next_to_fetch_ >= ranges()) {
            return;
        }
        const std::size_t index = next_to_fetch_++;
        lock.unlock();
        auto bytes = fetch(range(index), {}, false);
        lock.lock();
        fetched_.emplace(index, std::move(bytes));
        changed_.notify_all();
    }
}

// Fewer threads than wanted are enough, as long as there is one.
Status RangedRead::start_fetchers() {
    const std::size_t count = std::min<std::size_t>(bucket_.options.uploads, ranges() > 1 ? ranges() - 1 : 0);
    try {
        for (std::size_t i = 0; i < count; ++i) {
            fetchers_.emplace_back([this] { work(); });
        }
    } catch (const std::system_error& error) {
        if (fetchers_.empty()) {
            return failed("cannot start a thread to read '" + key_.text() + "': " + error.code().message(),
                          "raise the limit of processes (pids) for this container");
        }
    }
    return done();
}

Result<std::string> RangedRead::wait_for(std::size_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return fetched_.count(index) != 0; });
    auto bytes = std::move(fetched_.extract(index).mapped());
    next_to_pass_ = index + 1;
    changed_.notify_all();
    return bytes;
}

// A reader that has had enough is heard soon.
Status RangedRead::pass_slices(const std::string& bytes, stream::Sink& to) {
    constexpr std::size_t slice = std::size_t{256} * 1024;
    for (auto left = stream::as_bytes(bytes); !left.empty();) {
        const auto chunk = left.first(std::min(slice, left.size()));
        if (auto passed = to.write(chunk); !passed) {
            return passed;
        }
        left = left.subspan(chunk.size());
    }
    return done();
}

// Its memory is free again afterwards.
Status RangedRead::pass_first(stream::Sink& to) {
    auto first = first_range();
    if (!first) {
        return std::move(first).error();
    }
    if (auto started = start_fetchers(); !started) {
        return started;
    }
    return pass_slices(*first, to);
}

Status RangedRead::pass_on(stream::Sink& to) {
    if (auto passed = pass_first(to); !passed) {
        return passed;
    }
    for (std::size_t index = 1; index < ranges(); ++index) {
        auto bytes = wait_for(index);
        if (!bytes) {
            return std::move(bytes).error();
        }
        if (auto passed = pass_slices(*bytes, to); !passed) {
            return passed;
        }
    }
    return done();
}

}  // namespace

Status read_in_ranges(Bucket& bucket, const ObjectKey& key, const std::string& version_id, stream::Sink& to) {
    return RangedRead(bucket, key, version_id).pass_on(to);
}

}  // namespace lifeboat::store
