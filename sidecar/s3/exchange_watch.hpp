// Whether an exchange still moves.
#pragma once

#include "s3/http.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lifeboat::s3 {

// How far an exchange has come.
struct Progress {
    std::size_t sent = 0;           // of the body, into libcurl's hands
    std::uint64_t on_the_wire = 0;  // of it: `sent` moves by whole buffers, which a slow line takes long for
    std::uint64_t received = 0;     // of headers and body
    bool waits_for_rate = false;    // which is not the server's doing
};

// Ends an exchange that does not move, or that moves without ever coming to an end.
class ExchangeWatch {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // The request must outlive this.
    ExchangeWatch(const HttpRequest& request, TimePoint now)
        : request_(request), moved_at_(now), sent_at_(now), paced_at_(now) {}

    // `now` is a time before the look at the progress: what came while nobody could look has not stalled.
    bool stalled(const Progress& progress, TimePoint now) {
        const auto moved = progress.on_the_wire + progress.received;
        if (moved + progress.sent != moved_ || progress.waits_for_rate) {
            moved_ = moved + progress.sent;
            moved_at_ = now;
        }
        if (progress.sent < request_.body.size()) {
            sent_at_ = now;
        }
        return now - moved_at_ > request_.stall_after ||
               (request_.reply_within.count() > 0 && now - sent_at_ > request_.reply_within) ||
               crawls(progress, moved, now);
    }

private:
    bool crawls(const Progress& progress, std::uint64_t moved, TimePoint now) {
        const auto over = 2 * request_.stall_after;
        const auto least = request_.least_rate * static_cast<std::uint64_t>(over.count()) / 1000;
        // What is short may take its time: the reply to a request that does much comes with white space before it.
        const bool short_reply = progress.sent == request_.body.size() && request_.reply_within.count() > 0;
        if (short_reply || progress.waits_for_rate || moved - paced_ >= least) {
            paced_ = moved;
            paced_at_ = now;
        }
        return now - paced_at_ > over;
    }

    const HttpRequest& request_;
    std::uint64_t moved_ = 0;
    TimePoint moved_at_;
    TimePoint sent_at_;
    std::uint64_t paced_ = 0;  // what had moved by `paced_at_`
    TimePoint paced_at_;
};

}  // namespace lifeboat::s3
