#include "api.hpp"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

namespace lifeboat::kubernetes {
namespace {

template <auto Release>
struct Releaser {
    void operator()(auto* handle) const { Release(handle); }
};
using Multi = std::unique_ptr<CURLM, Releaser<curl_multi_cleanup>>;
using Easy = std::unique_ptr<CURL, Releaser<curl_easy_cleanup>>;
using List = std::unique_ptr<curl_slist, Releaser<curl_slist_free_all>>;

struct Exchange {
    const CurlApiOptions& options;
    Reply reply;
    bool too_long = false;
};

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    (void)curl_easy_setopt(easy, option, value);  // fails only for options that this libcurl was built without
}

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* context) {
    auto& exchange = *static_cast<Exchange*>(context);
    const auto length = size * count;
    if (exchange.reply.body.size() + length > exchange.options.largest_reply) {
        exchange.too_long = true;
        return 0;
    }
    exchange.reply.body.append(bytes, length);
    return length;
}

// Of the headers only one matters. It may also be a date, which no API server sends.
std::size_t take_header(char* line, std::size_t size, std::size_t count, void* context) {
    auto& exchange = *static_cast<Exchange*>(context);
    std::string text(line, size * count);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::string_view name = "retry-after:";
    if (text.starts_with(name)) {
        const auto first = text.find_first_not_of(" \t", name.size());
        int seconds = 0;
        if (first != std::string::npos &&
            std::from_chars(text.data() + first, text.data() + text.size(), seconds).ec == std::errc() &&
            seconds >= 0) {
            exchange.reply.retry_after = std::chrono::seconds(seconds);
        }
    }
    return size * count;
}

void add(List& list, const std::string& line) {
    if (curl_slist* grown = curl_slist_append(list.get(), line.c_str()); grown != nullptr) {
        (void)list.release();  // its head now is `grown`
        list.reset(grown);
    }
}

List headers_of(const Request& request) {
    List list;
    add(list, "Content-Type: " + request.content_type);
    add(list, request.whole_reply
                  ? "Accept: application/json"
                  : "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");
    add(list, "Expect:");
    return list;
}

// No program that is started meanwhile gets hold of the connection.
curl_socket_t open_socket(void* /*context*/, curlsocktype /*purpose*/, curl_sockaddr* address) {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Broken broken_by(CURLcode code, const Exchange& exchange) {
    if (exchange.too_long) {
        return Broken::too_long;
    }
    switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR: return Broken::not_trusted;
        case CURLE_OPERATION_TIMEDOUT: return Broken::timed_out;
        default: return Broken::not_reached;
    }
}

class CurlApi final : public Api {
public:
    explicit CurlApi(CurlApiOptions options) : options_(std::move(options)) {
        static const auto initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
        (void)initialised;
    }

    Reply perform(const Account& account, const Request& request, const std::stop_token& stop) override {
        const Multi multi{curl_multi_init()};
        const Easy easy{curl_easy_init()};
        Exchange exchange{options_, {}};
        const List headers = headers_of(request);
        const std::string url = account.url + request.path;
        std::array<char, CURL_ERROR_SIZE> trouble{};
        prepare(easy.get(), exchange, request);
        set(easy.get(), CURLOPT_URL, url.c_str());
        set(easy.get(), CURLOPT_HTTPHEADER, headers.get());
        set(easy.get(), CURLOPT_ERRORBUFFER, trouble.data());
        trust(easy.get(), account);
        const std::stop_callback wake(stop, [&multi] { (void)curl_multi_wakeup(multi.get()); });
        (void)curl_multi_add_handle(multi.get(), easy.get());
        const auto code = drive(multi.get(), stop);
        if (!code) {
            exchange.reply.broken = Broken::interrupted;
        } else if (*code != CURLE_OK) {
            exchange.reply.broken = broken_by(*code, exchange);
            exchange.reply.trouble = trouble.front() != '\0' ? trouble.data() : curl_easy_strerror(*code);
        } else {
            long status = 0;
            (void)curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
            exchange.reply.status = static_cast<int>(status);
        }
        (void)curl_multi_remove_handle(multi.get(), easy.get());
        return std::move(exchange.reply);
    }

private:
    void prepare(CURL* easy, Exchange& exchange, const Request& request) const {
        set(easy, CURLOPT_PROTOCOLS_STR, "https");
        set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(easy, CURLOPT_PROXY, "");  // none, and none from the environment
        set(easy, CURLOPT_FOLLOWLOCATION, 0L);
        set(easy, CURLOPT_NOSIGNAL, 1L);
        set(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        set(easy, CURLOPT_QUICK_EXIT, 1L);  // giving up does not wait for a name server that does not answer
        set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_within.count()));
        set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.reply_within.count()));
        set(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
        set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(easy, CURLOPT_POSTFIELDS, request.body.data());
        set(easy, CURLOPT_WRITEFUNCTION, take_body);
        set(easy, CURLOPT_WRITEDATA, &exchange);
        set(easy, CURLOPT_HEADERFUNCTION, take_header);
        set(easy, CURLOPT_HEADERDATA, &exchange);
    }

    // From memory: libcurl keeps no copy of such a CA for a day, as it does of a file.
    static void trust(CURL* easy, const Account& account) {
        curl_blob ca{};
        // libcurl only reads it.
        ca.data = const_cast<char*>(account.ca.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        ca.len = account.ca.size();
        ca.flags = CURL_BLOB_COPY;
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
        set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
        set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
        const std::string token(account.token.reveal());
        set(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
        set(easy, CURLOPT_XOAUTH2_BEARER, token.c_str());
    }

    // Empty: told to stop.
    static std::optional<CURLcode> drive(CURLM* multi, const std::stop_token& stop) {
        constexpr int longest_wait_ms = 1000;
        for (int running = 1; running > 0;) {
            if (stop.stop_requested()) {
                return std::nullopt;
            }
            (void)curl_multi_perform(multi, &running);
            if (running > 0) {
                (void)curl_multi_poll(multi, nullptr, 0, longest_wait_ms, nullptr);
            }
        }
        int left = 0;
        const CURLMsg* message = curl_multi_info_read(multi, &left);
        return message == nullptr ? CURLE_RECV_ERROR : message->data.result;
    }

    const CurlApiOptions options_;
};

}  // namespace

std::unique_ptr<Api> curl_api(CurlApiOptions options) {
    return std::make_unique<CurlApi>(std::move(options));
}

}  // namespace lifeboat::kubernetes
