// A client whose server says what the test wrote down for it.
#pragma once

#include "s3/client.hpp"
#include "support/fake_timer.hpp"

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace lifeboat::s3 {

class ScriptedTransport final : public Transport {
public:
    HttpReply perform(const HttpRequest& request, const std::stop_token& stop) override {
        requests.push_back(request);
        if (on_request) {
            on_request();
        }
        if (stop.stop_requested()) {
            return broken(Broken::interrupted);
        }
        if (replies.empty()) {
            return {200, {}, {}, {}, {}};
        }
        auto reply = replies.front();
        replies.pop_front();
        return reply;
    }

    static HttpReply broken(Broken how, std::string trouble = "trouble") {
        return {0, {}, {}, how, std::move(trouble)};
    }

    std::deque<HttpReply> replies;  // 200 without a body when there are no more
    std::vector<HttpRequest> requests;
    std::function<void()> on_request;
};

inline std::string error_body(const std::string& code, const std::string& message = "why",
                              const std::string& more = {}) {
    return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + message + "</Message>" + more +
           "</Error>";
}

inline HttpReply error_reply(int status, const std::string& code, const std::string& message = "why",
                             const std::string& more = {}) {
    return {status, {}, error_body(code, message, more), {}, {}};
}

struct ScriptedClient {
    ScriptedTransport transport;
    test::FakeTimer timer;
    Credentials credentials{"THE-KEY-ID", Secret("the-secret-key"), Secret("the-session-token")};  // may be exchanged
    Client client{{{"https", "s3.example.org", "eu-west-1"},
                   "pg-main",
                   Addressing::path,
                   [this] { return credentials; },
                   {},
                   Milliseconds{60'000}},
                  transport,
                  timer};

    Answer ask(const Call& call, const HttpReply& reply) {
        transport.replies = {reply};
        return client.attempt(call, false, {});
    }
};

inline Call get_call() {
    return {get_object, "GET", "data/app"};
}
inline Call put_call() {
    return {put_object, "PUT", "data/app"};
}

}  // namespace lifeboat::s3
