#include "s3/curl_transport.hpp"

#include "exchange_watch.hpp"

#include <curl/curl.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::s3 {
namespace {

using std::chrono::steady_clock;

// A stop is noticed within this time, and a sender that waits for its rate asks again.
constexpr int tick_ms = 100;
constexpr int tick_when_limited_ms = 10;
constexpr long connect_within_ms = 20'000;
constexpr long buffer_size = 256L * 1024;
constexpr std::size_t largest_headers = std::size_t{256} << 10U;

template <auto Release>
struct Releaser {
    void operator()(auto* handle) const { Release(handle); }
};
using Multi = std::unique_ptr<CURLM, Releaser<curl_multi_cleanup>>;
using Easy = std::unique_ptr<CURL, Releaser<curl_easy_cleanup>>;
using List = std::unique_ptr<curl_slist, Releaser<curl_slist_free_all>>;

// Each has its own multi handle, which holds its open connection: no two threads ever share one. The order matters:
// an easy handle goes before the multi handle that it was used in.
struct Connection {
    Multi multi{curl_multi_init()};
    Easy easy{curl_easy_init()};
};

// What the callbacks of one exchange see.
struct Exchange {
    const HttpRequest& request;
    stream::RateLimit* limit;
    CURL* easy;
    HttpReply reply;
    std::size_t sent = 0;          // of the body, into libcurl's hands
    std::uint64_t received = 0;    // of headers and body
    std::size_t header_bytes = 0;  // of them
    bool headers_ended = false;
    bool waits_for_rate = false;
    bool too_long = false;
};

std::size_t send_body(char* buffer, std::size_t size, std::size_t count, void* context) {
    auto& exchange = *static_cast<Exchange*>(context);
    auto length = std::min(size * count, exchange.request.body.size() - exchange.sent);
    if (length != 0 && exchange.limit != nullptr) {
        length = exchange.limit->take(length, steady_clock::now());
        exchange.waits_for_rate = length == 0;
        if (exchange.waits_for_rate) {
            return CURL_READFUNC_PAUSE;
        }
    }
    std::memcpy(buffer, exchange.request.body.data() + exchange.sent, length);
    exchange.sent += length;
    return length;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::size_t take_header(char* line, std::size_t size, std::size_t count, void* context) {
    auto& exchange = *static_cast<Exchange*>(context);
    const std::string_view text(line, size * count);
    exchange.received += text.size();
    exchange.header_bytes += text.size();
    if (exchange.header_bytes > largest_headers) {
        exchange.too_long = true;
        return 0;
    }
    if (text.starts_with("HTTP/")) {
        exchange.reply.headers.clear();  // of a 100 Continue before, or of a proxy's answer to CONNECT
        exchange.headers_ended = false;
    } else if (trimmed(text).empty()) {
        exchange.headers_ended = true;
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        exchange.reply.headers[lower(trimmed(text.substr(0, colon)))] = trimmed(text.substr(colon + 1));
    }
    return size * count;
}

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* context) {
    auto& exchange = *static_cast<Exchange*>(context);
    const std::size_t length = size * count;
    exchange.received += length;
    if (exchange.reply.body.size() + length > exchange.request.largest_reply) {
        exchange.too_long = true;
        return 0;
    }
    if (exchange.reply.body.empty()) {  // all at once where the server says how much: no doubling of what is large
        curl_off_t announced = 0;
        (void)curl_easy_getinfo(exchange.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
        if (announced > 0 && static_cast<std::uint64_t>(announced) <= exchange.request.largest_reply) {
            exchange.reply.body.reserve(static_cast<std::size_t>(announced));
        }
    }
    exchange.reply.body.append(bytes, length);
    return length;
}

// Else every process that is started meanwhile would have the connection, too, and keep it open for as long as it
// lives.
curl_socket_t open_socket(void* /*context*/, curlsocktype /*purpose*/, curl_sockaddr* address) {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    (void)curl_easy_setopt(easy, option, value);  // fails only for options that this libcurl was built without
}

List header_list(const HttpRequest& request) {
    List list;
    const auto add = [&list](const std::string& line) {
        if (curl_slist* grown = curl_slist_append(list.get(), line.c_str()); grown != nullptr) {
            (void)list.release();  // its head now is `grown`
            list.reset(grown);
        }
    };
    for (const auto& [name, value] : request.headers) {
        add(value.empty() ? name + ";" : std::string(name).append(": ").append(value));
    }
    // libcurl adds these on its own; signed or not, they are not wanted.
    for (const char* none : {"Expect:", "Accept:", "Transfer-Encoding:"}) {
        add(none);
    }
    if (request.headers.count("content-type") == 0) {
        add("Content-Type:");
    }
    return list;
}

void set_method(CURL* easy, const HttpRequest& request) {
    if (request.method == "HEAD") {
        set(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT") {
        set(easy, CURLOPT_UPLOAD, 1L);
        set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else if (request.method == "POST") {
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else if (request.method != "GET") {
        set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
}

Progress progress_of(const Exchange& exchange) {
    curl_off_t on_the_wire = 0;
    (void)curl_easy_getinfo(exchange.easy, CURLINFO_SIZE_UPLOAD_T, &on_the_wire);
    return {exchange.sent, static_cast<std::uint64_t>(on_the_wire), exchange.received, exchange.waits_for_rate};
}

Broken broken_by(CURLcode code, const Exchange& exchange) {
    switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR: return Broken::not_trusted;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
        case CURLE_SSL_CONNECT_ERROR: return Broken::not_reached;
        case CURLE_SEND_FAIL_REWIND: return Broken::cut;  // libcurl would have sent it again
        default: break;
    }
    if (exchange.too_long) {
        return Broken::too_long;
    }
    if (exchange.reply.status != 0) {
        return Broken::cut;
    }
    long sent = 0;
    (void)curl_easy_getinfo(exchange.easy, CURLINFO_REQUEST_SIZE, &sent);
    return sent == 0 ? Broken::not_reached : Broken::cut;
}

class CurlTransport final : public Transport {
public:
    explicit CurlTransport(CurlOptions options) : options_(std::move(options)) {
        static const auto initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
        (void)initialised;
    }

    HttpReply perform(const HttpRequest& request, const std::stop_token& stop) override {
        // A request without a body is sent again by libcurl itself when a kept connection ends without a reply. That
        // is no harm but to what is not the same twice: a POST, by which an upload begins.
        const bool only_once = request.method == "POST" && request.body.empty();
        auto connection = take(request.fresh_connection || only_once);
        Exchange exchange{
            request, request.body.empty() ? nullptr : options_.upload_rate.get(), connection->easy.get(), {}};
        const List headers = header_list(request);
        std::array<char, CURL_ERROR_SIZE> trouble{};
        prepare(exchange, headers.get(), trouble.data());
        (void)curl_multi_add_handle(connection->multi.get(), exchange.easy);
        drive(*connection, exchange, stop);
        (void)curl_multi_remove_handle(connection->multi.get(), exchange.easy);
        if (exchange.reply.broken) {
            if (exchange.reply.trouble.empty()) {
                exchange.reply.trouble = trouble.data();
            }
            return std::move(exchange.reply);  // the connection goes with it
        }
        curl_easy_reset(exchange.easy);
        give_back(std::move(connection));
        return std::move(exchange.reply);
    }

private:
    std::unique_ptr<Connection> take(bool fresh) {
        std::unique_ptr<Connection> connection;
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                connection = std::move(idle_.back());
                idle_.pop_back();
            }
        }
        // The one that came back last is most likely the one that is not wanted again.
        if (!connection || fresh) {
            connection = std::make_unique<Connection>();
        }
        return connection;
    }

    void give_back(std::unique_ptr<Connection> connection) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(connection));
    }

    void prepare(Exchange& exchange, curl_slist* headers, char* trouble) const {
        CURL* easy = exchange.easy;
        const HttpRequest& request = exchange.request;
        set(easy, CURLOPT_ERRORBUFFER, trouble);
        set(easy, CURLOPT_URL, request.url.c_str());
        set(easy, CURLOPT_PATH_AS_IS, 1L);  // it is what was signed
        set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(easy, CURLOPT_NOSIGNAL, 1L);
        set(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        set(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_within_ms);
        set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        set(easy, CURLOPT_UPLOAD_BUFFERSIZE, buffer_size);
        set(easy, CURLOPT_BUFFERSIZE, buffer_size);
        set(easy, CURLOPT_QUICK_EXIT, 1L);  // giving up does not wait for a name server that does not answer
        if (options_.ca_file) {
            set(easy, CURLOPT_CAINFO, options_.ca_file->c_str());
            set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
        }
        set_method(easy, request);
        set(easy, CURLOPT_HTTPHEADER, headers);
        set(easy, CURLOPT_READFUNCTION, send_body);
        set(easy, CURLOPT_READDATA, &exchange);
        // No CURLOPT_SEEKFUNCTION. With one, libcurl by itself sends a body again when a kept connection ends without
        // a reply, and what the server did with the first one is forgotten: the object would be there twice.
        set(easy, CURLOPT_HEADERFUNCTION, take_header);
        set(easy, CURLOPT_HEADERDATA, &exchange);
        set(easy, CURLOPT_WRITEFUNCTION, take_body);
        set(easy, CURLOPT_WRITEDATA, &exchange);
    }

    static void drive(Connection& connection, Exchange& exchange, const std::stop_token& stop) {
        ExchangeWatch watch(exchange.request, steady_clock::now());
        for (;;) {
            if (stop.stop_requested()) {
                exchange.reply.broken = Broken::interrupted;
                return;
            }
            if (std::exchange(exchange.waits_for_rate, false)) {  // until the rate is asked again and says no
                (void)curl_easy_pause(exchange.easy, CURLPAUSE_CONT);
            }
            // The time first, then what came: one that was held up here for long has not waited for the server so long.
            const auto now = steady_clock::now();
            int running = 0;
            (void)curl_multi_perform(connection.multi.get(), &running);
            if (running == 0) {
                conclude(connection, exchange);
                return;
            }
            if (watch.stalled(progress_of(exchange), now)) {
                exchange.reply.status = status_of(exchange);
                exchange.reply.broken = Broken::stalled;
                exchange.reply.trouble = exchange.sent < exchange.request.body.size()
                                             ? "the server stopped taking bytes"
                                             : "the server's reply did not come to an end";
                return;
            }
            (void)curl_multi_poll(connection.multi.get(), nullptr, 0,
                                  exchange.waits_for_rate ? tick_when_limited_ms : tick_ms, nullptr);
        }
    }

    static int status_of(const Exchange& exchange) {
        long status = 0;
        (void)curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
        return static_cast<int>(status);
    }

    static void conclude(Connection& connection, Exchange& exchange) {
        exchange.reply.status = status_of(exchange);
        int left = 0;
        const CURLMsg* message = curl_multi_info_read(connection.multi.get(), &left);
        const CURLcode code = message == nullptr ? CURLE_RECV_ERROR : message->data.result;
        if (code != CURLE_OK) {
            exchange.reply.broken = broken_by(code, exchange);
        } else if (!exchange.headers_ended) {  // libcurl is content with a connection that ends among the headers
            exchange.reply.broken = Broken::cut;
            exchange.reply.trouble = "the connection ended in the middle of the reply's headers";
        }
    }

    const CurlOptions options_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace

std::unique_ptr<Transport> curl_transport(CurlOptions options) {
    return std::make_unique<CurlTransport>(std::move(options));
}

}  // namespace lifeboat::s3
