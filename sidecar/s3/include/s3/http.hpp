// One HTTP request and what came of it, whatever carries it.
#pragma once

#include "s3/signer.hpp"
#include "stream/sink.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

namespace lifeboat::s3 {

struct HttpRequest {
    std::string method;
    std::string url;                // final: encoded as it was signed
    Headers headers;                // all that are sent, "host" among them; "content-length" follows from `body`
    stream::Bytes body;             // must stay as it is until the reply; sent for PUT and POST, also when empty
    std::size_t largest_reply = 0;  // more bytes in the reply's body end the exchange
    bool fresh_connection = false;  // where the last one may lead to a server that is unwell
    std::chrono::milliseconds stall_after{};  // no byte in either direction for so long ends the exchange
    // However it moves, the reply must be whole so long after the body was sent: a server that sends white space for
    // ever moves, too. 0: no limit, for a reply that is as long as an object.
    std::chrono::milliseconds reply_within{};
    // Bytes a second, over twice `stall_after`: a body that is taken in, or a reply without limit that comes, more
    // slowly than this ends the exchange. Drop by drop is no better than not at all. 0: any byte will do.
    std::uint64_t least_rate = 0;
};

// How an exchange ended without a whole reply.
enum class Broken {
    not_reached,  // no connection came about: the server saw nothing of the request
    not_trusted,  // its certificate is none that we trust
    cut,          // the connection ended under way: the server may have done what was asked
    stalled,      // nothing moved, or hardly anything; the same holds
    too_long,     // more bytes than `largest_reply`
    interrupted,  // stop was requested
};

struct HttpReply {
    int status = 0;  // 0: none came; if `broken`, what came before it broke
    Headers headers;
    std::string body;  // what came of it, if `broken`
    std::optional<Broken> broken;
    std::string trouble;  // what `broken` was about, in the library's words
};

// The time of a Date header (RFC 9110, IMF-fixdate).
std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text);

// For how long the server wants to be left alone: Retry-After (seconds, or a time by the server's own clock where the
// reply has a Date, else by `now`) or x-amz-retry-after (milliseconds), a day at most.
std::optional<std::chrono::milliseconds> retry_after_of(const HttpReply& reply,
                                                        std::chrono::system_clock::time_point now);

class Transport {
public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    // Safe for use by several threads at once.
    virtual HttpReply perform(const HttpRequest& request, const std::stop_token& stop) = 0;
};

}  // namespace lifeboat::s3
