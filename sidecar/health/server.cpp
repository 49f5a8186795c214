#include "health/server.hpp"

#include "answers.hpp"
#include "connections.hpp"
#include "listener.hpp"
#include "os/errno_text.hpp"
#include "os/fd.hpp"
#include "os/heap.hpp"

#include <microhttpd.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace lifeboat::health {

namespace {

// A request's head must fit in here, with the head of its answer. A browser sends the page all cookies of localhost,
// and libmicrohttpd keeps those twice.
constexpr std::size_t connection_memory = std::size_t{24} * 1024;

// By so much the room for a head grows. At each step libmicrohttpd looks through all that it has from the beginning.
constexpr std::size_t memory_step = std::size_t{8} * 1024;

// Small, so that it costs no more than the pages that are touched: the system may back a large one with huge pages.
constexpr std::size_t stack_size = std::size_t{256} * 1024;

// How many connections are taken before those that are there get their turn: far fewer than may be open, so that none
// has to make room for others that came with it.
constexpr int accepted_at_once = 32;

// So many connections at once leave memory behind that is worth giving back.
constexpr std::size_t crowd = 16;

constexpr std::array surfaces{Surface::pod, Surface::page};

struct DaemonEnd {
    void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
};
struct ResponseEnd {
    void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
using Daemon = std::unique_ptr<MHD_Daemon, DaemonEnd>;
using Response = std::unique_ptr<MHD_Response, ResponseEnd>;
using Body = std::shared_ptr<const std::string>;

void release_body(void* body) {
    delete static_cast<Body*>(body);
}

// The body is shared with every other answer that says the same.
Response response_of(const Answer& answer) {
    auto body = std::make_unique<Body>(answer.body);
    const auto& text = **body;
    // Not written to: libmicrohttpd 1.0 takes a pointer to const here.
    void* bytes = const_cast<char*>(text.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    Response response(
        MHD_create_response_from_buffer_with_free_callback_cls(text.size(), bytes, release_body, body.get()));
    if (response) {
        (void)body.release();  // release_body's now
    }
    return response;
}

void add_headers(MHD_Response* response, const Answer& answer) {
    const auto add = [response](const char* name, const char* value) {
        (void)MHD_add_response_header(response, name, value);
    };
    add(MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type);
    add(MHD_HTTP_HEADER_CONNECTION, "close");
    add(MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    add("X-Content-Type-Options", "nosniff");
    add("Content-Security-Policy", answer.content_security_policy);
    add("Referrer-Policy", "no-referrer");
    add("Cross-Origin-Resource-Policy", "same-origin");
    if (answer.location != nullptr) {
        add(MHD_HTTP_HEADER_LOCATION, answer.location);
    }
    if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        add(MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
}

Answer method_not_allowed() {
    static const auto text = std::make_shared<const std::string>("nothing here can be changed; use GET or HEAD\n");
    return {MHD_HTTP_METHOD_NOT_ALLOWED, Answer{}.content_type, text};
}

// Of the signals that others send, none is this thread's business.
sigset_t foreign_signals() {
    sigset_t set;
    sigfillset(&set);
    for (const int ours : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) {
        sigdelset(&set, ours);
    }
    return set;
}

std::size_t index_of(Surface surface) {
    return static_cast<std::size_t>(surface);
}

}  // namespace

class Server::Impl {
public:
    Impl(const Board& board, const Heartbeat& heartbeat, const os::Clock& clock, const Limits& limits)
        : answers_(board, heartbeat, clock, limits.wedged_after),
          connections_(limits.connections, limits.lifetime),
          most_connections_(limits.connections) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();

    Status start();

    void apply(const Endpoints& endpoints);
    bool retry_binding();
    [[nodiscard]] ListenersFacts listeners() const;
    [[nodiscard]] std::optional<Address> bound(Surface surface) const;

private:
    struct Place {
        std::string key;  // of the settings
        std::optional<Address> wanted = std::nullopt;
        std::optional<Listener> listener = std::nullopt;
        std::optional<Problem> problem = std::nullopt;  // why the listener is not at `wanted`
    };

    // What libmicrohttpd calls. It is C: nothing may be thrown through it.
    static MHD_Result handle(void* self, MHD_Connection* connection, const char* url, const char* method,
                             const char* version, const char* upload, std::size_t* upload_size,
                             void** context) noexcept;
    static void notice(void* self, MHD_Connection* connection, void** context,
                       MHD_ConnectionNotificationCode code) noexcept;
    static void* run(void* self) noexcept;

    // The supervisor's thread.
    Status start_daemon();
    Status start_thread();
    Status watch(int fd, std::uint64_t tag);
    void bind_at(Surface surface);
    void close_at(Surface surface);
    void bind_what_collides(const std::vector<Surface>& failed, const std::vector<Surface>& changed);
    Place& place(Surface surface) { return places_.at(index_of(surface)); }
    [[nodiscard]] const Place& place(Surface surface) const { return places_.at(index_of(surface)); }

    // The server's own thread.
    void loop();
    void rest();
    void take(std::uint64_t tag);
    void accept_at(Surface surface);
    std::vector<int> accept_some(Surface surface);
    void out_of_descriptors();
    [[nodiscard]] int patience() const;
    MHD_Result answer(MHD_Connection* connection, std::string_view path, std::string_view method);

    static constexpr std::uint64_t tag_wake = 100;
    static constexpr std::uint64_t tag_daemon = 101;  // below: the index of a surface

    Answers answers_;
    Connections connections_;
    std::size_t most_connections_;
    std::atomic<bool> livez_warns_{false};

    // Held by the supervisor's thread to exchange a socket, and by the server's to accept from it; by neither for
    // longer than that.
    mutable std::mutex mutex_;
    std::array<Place, surfaces.size()> places_{Place{"health.listen"}, Place{"health.page"}};

    os::Fd epoll_;
    os::Fd wake_;
    std::size_t most_open_ = 0;         // since the last rest
    Surface accepting_ = Surface::pod;  // where the connection came from that is being handed over
    Daemon daemon_;
    std::atomic<bool> ending_{false};
    std::optional<pthread_t> thread_;
};

Status Server::Impl::start() {
    epoll_ = os::Fd(epoll_create1(EPOLL_CLOEXEC));
    wake_ = os::Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll_ || !wake_) {
        return Error{ErrorKind::temporary, "cannot start the health endpoint: " + os::errno_text(errno), {}};
    }
    if (auto watched = watch(wake_.get(), tag_wake); !watched) {
        return watched;
    }
    if (auto started = start_daemon(); !started) {
        return started;
    }
    return start_thread();
}

// The daemon has no thread and no address of its own. Accepting ourselves is what lets new connections in when the
// old ones are held: libmicrohttpd stops accepting at its limit.
Status Server::Impl::start_daemon() {
    const auto most = static_cast<unsigned>(most_connections_ + std::size_t{2} * accepted_at_once);
    daemon_.reset(MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, handle, this,
                                   MHD_OPTION_NOTIFY_CONNECTION, notice, this,             //
                                   MHD_OPTION_CONNECTION_LIMIT, most,                      //
                                   MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory,  //
                                   MHD_OPTION_CONNECTION_MEMORY_INCREMENT, memory_step,    //
                                   MHD_OPTION_STRICT_FOR_CLIENT, 1,                        //
                                   MHD_OPTION_END));
    const auto* info = daemon_ ? MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD) : nullptr;
    if (info == nullptr) {
        return failed("cannot start the health endpoint: libmicrohttpd refused");
    }
    return watch(info->epoll_fd, tag_daemon);
}

Status Server::Impl::start_thread() {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_size);
    const auto blocked = foreign_signals();
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, &blocked, &before);  // the new thread inherits it
    pthread_t thread{};
    const int error = pthread_create(&thread, &attributes, run, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        return Error{ErrorKind::temporary, "cannot start the health endpoint's thread: " + os::errno_text(error), {}};
    }
    thread_ = thread;
    pthread_setname_np(thread, "health");
    return done();
}

Server::Impl::~Impl() {
    ending_ = true;
    if (thread_) {
        (void)eventfd_write(wake_.get(), 1);
        pthread_join(*thread_, nullptr);
    }
}

Status Server::Impl::watch(int fd, std::uint64_t tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return Error{ErrorKind::temporary, "cannot watch a socket: " + os::errno_text(errno), {}};
    }
    return done();
}

void Server::Impl::apply(const Endpoints& endpoints) {
    livez_warns_ = endpoints.livez_warns;
    std::vector<Surface> changed;
    for (const auto surface : surfaces) {
        const auto& address = surface == Surface::pod ? endpoints.pod : endpoints.page;
        if (place(surface).wanted != address) {
            place(surface).wanted = address;
            changed.push_back(surface);
        }
    }
    std::vector<Surface> failed;
    for (const auto surface : changed) {
        bind_at(surface);
        if (place(surface).problem) {
            failed.push_back(surface);
        }
    }
    bind_what_collides(failed, changed);
}

// A new address may be taken by an old one of ours: another address with the same port, or both exchanged.
void Server::Impl::bind_what_collides(const std::vector<Surface>& failed, const std::vector<Surface>& changed) {
    std::vector<Surface> again;
    for (const auto failure : failed) {
        for (const auto other : changed) {
            const auto& old = place(other).listener;
            if (place(other).problem && old && old->bound.port == place(failure).wanted->port) {
                close_at(other);
                again = failed;
            }
        }
    }
    for (const auto surface : again) {
        bind_at(surface);
    }
}

void Server::Impl::close_at(Surface surface) {
    const std::lock_guard lock(mutex_);
    place(surface).listener.reset();
}

void Server::Impl::bind_at(Surface surface) {
    auto& here = place(surface);
    auto fresh = listen_on(*here.wanted, here.key);
    if (!fresh) {
        here.problem = problem_of(fresh.error());
        return;
    }
    if (auto watched = watch(fresh->socket.get(), index_of(surface)); !watched) {
        here.problem = problem_of(watched.error());
        return;
    }
    here.problem.reset();
    const std::lock_guard lock(mutex_);
    here.listener = std::move(*fresh);  // the old one is closed, and is not watched any more
}

bool Server::Impl::retry_binding() {
    bool changed = false;
    for (const auto surface : surfaces) {
        if (place(surface).problem) {
            bind_at(surface);
            changed = changed || !place(surface).problem;
        }
    }
    return changed;
}

ListenersFacts Server::Impl::listeners() const {
    const auto facts_at = [this](Surface surface) {
        const auto& here = place(surface);
        ListenerFacts facts;
        if (here.problem && here.wanted) {
            facts.address = text_of(*here.wanted);
        } else if (here.listener) {
            facts.address = text_of(here.listener->bound);
        }
        facts.problem = here.problem;
        return facts;
    };
    return {facts_at(Surface::pod), facts_at(Surface::page)};
}

std::optional<Address> Server::Impl::bound(Surface surface) const {
    const auto& listener = place(surface).listener;
    return listener ? std::optional(listener->bound) : std::nullopt;
}

void* Server::Impl::run(void* self) noexcept {
    static_cast<Impl*>(self)->loop();
    return nullptr;
}

void Server::Impl::loop() {
    std::array<epoll_event, 8> events{};
    while (!ending_) {
        const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience());
        for (int i = 0; i < ready; ++i) {
            take(events.at(static_cast<std::size_t>(i)).data.u64);
        }
        connections_.shut_expired(Connections::Clock::now());
        (void)MHD_run(daemon_.get());
        most_open_ = std::max(most_open_, connections_.size());
        if (connections_.empty()) {
            rest();
        }
    }
}

// Nobody is here: what the last ones needed is let go.
void Server::Impl::rest() {
    answers_.forget();
    if (std::exchange(most_open_, 0) > crowd) {
        os::return_free_pages();
    }
}

void Server::Impl::take(std::uint64_t tag) {
    if (tag < surfaces.size()) {
        accept_at(surfaces.at(tag));
    }
    // For the daemon's descriptor MHD_run is called anyway, and being woken to end is seen by the loop.
}

void Server::Impl::accept_at(Surface surface) {
    accepting_ = surface;
    for (const int socket : accept_some(surface)) {
        (void)MHD_add_connection(daemon_.get(), socket, nullptr, 0);  // closes it where it fails
    }
}

std::vector<int> Server::Impl::accept_some(Surface surface) {
    std::vector<int> sockets;
    const std::lock_guard lock(mutex_);
    const auto& listener = place(surface).listener;
    for (int i = 0; i < accepted_at_once && listener; ++i) {
        const int socket = accept4(listener->socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket >= 0) {
            sockets.push_back(socket);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            out_of_descriptors();
            break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
    return sockets;
}

// The listening socket stays ready, so the loop comes back at once: with room made by the oldest connection, or, where
// it is not our connections that used everything up, a little later.
void Server::Impl::out_of_descriptors() {
    if (!connections_.shut_oldest()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

// How long nothing needs to be done if nobody comes, in milliseconds; -1: for ever.
int Server::Impl::patience() const {
    MHD_UNSIGNED_LONG_LONG daemons = 0;
    if (MHD_get_timeout(daemon_.get(), &daemons) == MHD_YES && daemons == 0) {
        return 0;
    }
    const auto deadline = connections_.next_deadline();
    if (!deadline) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Connections::Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

void Server::Impl::notice(void* self, MHD_Connection* connection, void** context,
                          MHD_ConnectionNotificationCode code) noexcept {
    auto& server = *static_cast<Impl*>(self);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        server.connections_.closed(static_cast<Connections::Connection*>(*context));
        return;
    }
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = server.connections_.opened(info->connect_fd, server.accepting_, Connections::Clock::now());
}

MHD_Result Server::Impl::handle(void* self, MHD_Connection* connection, const char* url, const char* method,
                                const char* /*version*/, const char* /*upload*/, std::size_t* /*upload_size*/,
                                void** /*context*/) noexcept {
    const auto text = [](const char* value) { return value == nullptr ? std::string_view() : std::string_view(value); };
    return static_cast<Impl*>(self)->answer(connection, text(url), text(method));
}

MHD_Result Server::Impl::answer(MHD_Connection* connection, std::string_view path, std::string_view method) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const auto surface = static_cast<Connections::Connection*>(info->socket_context)->surface;
    const bool reads = method == MHD_HTTP_METHOD_GET || method == MHD_HTTP_METHOD_HEAD;
    const auto said = reads ? answers_.to(surface, path, livez_warns_) : method_not_allowed();
    const auto response = response_of(said);
    if (!response) {
        return MHD_NO;  // no memory: the connection is closed
    }
    add_headers(response.get(), said);
    return MHD_queue_response(connection, said.status, response.get());
}

Result<std::unique_ptr<Server>> Server::start(const Board& board, const Heartbeat& heartbeat, const os::Clock& clock,
                                              Limits limits) {
    auto impl = std::make_unique<Impl>(board, heartbeat, clock, limits);
    if (auto started = impl->start(); !started) {
        return std::move(started).error();
    }
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() = default;

void Server::apply(const Endpoints& endpoints) {
    impl_->apply(endpoints);
}

bool Server::retry_binding() {
    return impl_->retry_binding();
}

ListenersFacts Server::listeners() const {
    return impl_->listeners();
}

std::optional<Address> Server::pod_address() const {
    return impl_->bound(Surface::pod);
}

std::optional<Address> Server::page_address() const {
    return impl_->bound(Surface::page);
}

}  // namespace lifeboat::health
