// One request to the API server, and its reply.
#pragma once

#include "account.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace lifeboat::kubernetes {

struct Request {
    std::string method;
    std::string path;  // with its query, as it goes out
    std::string content_type;
    std::string body;
    // Of a success only what is needed is asked for: the object's metadata, instead of all of it.
    bool whole_reply = false;
};

// Why there is no reply.
enum class Broken {
    not_reached,
    not_trusted,  // its certificate is none of the CA's, or is for another name
    timed_out,
    too_long,
    interrupted,
};

struct Reply {
    int status = 0;
    std::string body;
    std::optional<std::chrono::seconds> retry_after;
    std::optional<Broken> broken;
    std::string trouble;  // of a broken one: libcurl's words, which name host and port and nothing else of ours
};

class Api {
public:
    Api() = default;
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;
    virtual ~Api() = default;

    virtual Reply perform(const Account& account, const Request& request, const std::stop_token& stop) = 0;
};

struct CurlApiOptions {
    std::string user_agent;
    std::chrono::milliseconds connect_within = std::chrono::seconds(5);
    std::chrono::milliseconds reply_within = std::chrono::seconds(10);  // in all
    std::size_t largest_reply = std::size_t{2} << 20U;                  // etcd holds nothing larger
};

// HTTP/1.1 by libcurl. TLS with the account's CA alone; no proxy, whatever the environment says: what is in the cluster
// is reached directly, and a proxy outside would get the token; no redirect is followed, for the same reason. Each
// request has a connection of its own: there are few, and the CA and the token may be others by the next.
std::unique_ptr<Api> curl_api(CurlApiOptions options);

}  // namespace lifeboat::kubernetes
