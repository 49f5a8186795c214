#include "control/server.hpp"

#include "address.hpp"
#include "os/errno_text.hpp"
#include "os/fd.hpp"
#include "protocol.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace lifeboat::control {
namespace {

using Monotonic = std::chrono::steady_clock;

// What epoll gives back for each descriptor. Numbers of lines are never used twice, so that what is told of one that
// has gone meanwhile is not taken for another's.
constexpr std::uint64_t listener_number = 0;
constexpr std::uint64_t timer_number = 1;
constexpr std::uint64_t first_line_number = 2;

// In one call of on_ready(): the loop has other things to do.
constexpr int accepted_at_once = 32;
constexpr int events_at_once = 32;
constexpr int backlog = 16;  // fewer than are accepted at once: so that a name is given up with nobody waiting there

// When the process is out of descriptors, a connection that waits would wake the loop without end.
constexpr std::chrono::milliseconds pause_without_descriptors{250};

// The descriptors that a line tells of its changes. They live as long as any line is open.
struct Bell {
    int epoll;
    int timer;
};

void set_alarm(int timer, Monotonic::duration since_boot) noexcept {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
    itimerspec at{};
    at.it_value.tv_sec = seconds.count();
    at.it_value.tv_nsec = std::chrono::nanoseconds(since_boot - seconds).count();
    ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, nullptr);
}

bool watch(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t number) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.u64 = number;
    return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}

Error no_answer() {
    return failed("the sidecar gave no answer", "see its log");
}

}  // namespace

// ---- one connection ----

class Reply::Line {
public:
    enum class Does { asking, waiting, sending };

    Line(std::uint64_t number, os::Fd fd, Bell bell, const Limits& limits)
        : number_(number), fd_(std::move(fd)), bell_(bell), limits_(limits), until_(Monotonic::now() + limits.asking) {}

    [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd_); }
    [[nodiscard]] Does does() const noexcept { return does_; }
    [[nodiscard]] Monotonic::time_point until() const noexcept { return until_; }

    bool join() noexcept { return watch(bell_.epoll, EPOLL_CTL_ADD, fd_.get(), EPOLLIN, number_); }
    void close() noexcept { fd_.reset(); }

    // The request without its line break, once it is there.
    std::optional<std::string> read_request();
    void begin_waiting();

    void send(std::string bytes);
    void send_later_answer(std::string bytes);  // from outside of on_ready()
    void go_on_sending();

private:
    std::uint64_t number_;
    os::Fd fd_;
    Bell bell_;
    const Limits limits_;
    Does does_ = Does::asking;
    Monotonic::time_point until_;
    std::string request_;
    std::string bytes_;  // to be sent
    std::size_t sent_ = 0;
};

std::optional<std::string> Reply::Line::read_request() {
    std::array<char, 512> buffer{};
    const auto got = ::recv(fd_.get(), buffer.data(), std::min(buffer.size(), limits_.request), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return std::nullopt;
    }
    if (got <= 0) {
        close();
        return std::nullopt;
    }
    request_.append(buffer.data(), static_cast<std::size_t>(got));
    if (const std::size_t end = request_.find('\n'); end != std::string::npos && end < limits_.request) {
        request_.resize(end);
        return std::exchange(request_, {});
    }
    if (request_.size() >= limits_.request) {
        send(framed_error(
            {ErrorKind::usage, "the request is too long", "ask with `lifeboat status` or `lifeboat drain`"}));
    }
    return std::nullopt;
}

// Nothing more is read: only that the client hangs up is of interest, and that is always told.
void Reply::Line::begin_waiting() {
    does_ = Does::waiting;
    until_ = Monotonic::now() + limits_.answer;
    if (!watch(bell_.epoll, EPOLL_CTL_MOD, fd_.get(), 0, number_)) {
        close();
    }
}

void Reply::Line::send(std::string bytes) {
    if (!open() || does_ == Does::sending) {
        return;
    }
    does_ = Does::sending;
    until_ = Monotonic::now() + limits_.sending;
    bytes_ = std::move(bytes);
    go_on_sending();
    if (open() && !watch(bell_.epoll, EPOLL_CTL_MOD, fd_.get(), EPOLLOUT, number_)) {
        close();
    }
}

// The server looks at its lines and its alarm as soon as the loop comes around: this one is done with, or may take no
// longer than `sending` from now.
void Reply::Line::send_later_answer(std::string bytes) {
    if (open()) {
        send(std::move(bytes));
        set_alarm(bell_.timer, Monotonic::duration{1});
    }
}

void Reply::Line::go_on_sending() {
    while (sent_ < bytes_.size()) {
        const auto taken = ::send(fd_.get(), bytes_.data() + sent_, bytes_.size() - sent_, MSG_NOSIGNAL);
        if (taken < 0 && errno == EINTR) {
            continue;
        }
        if (taken < 0 && errno == EAGAIN) {
            return;
        }
        if (taken < 0) {
            break;
        }
        sent_ += static_cast<std::size_t>(taken);
    }
    close();
}

// ---- a reply that may come later ----

Reply::Reply(std::weak_ptr<Line> line) noexcept : line_(std::move(line)) {}
Reply::Reply(Reply&&) noexcept = default;
Reply::~Reply() {
    fail(no_answer());
}

Reply& Reply::operator=(Reply&& other) noexcept {
    if (this != &other) {
        fail(no_answer());
        line_ = std::move(other.line_);
    }
    return *this;
}

void Reply::answer(const std::string& json) {
    if (const auto line = std::exchange(line_, {}).lock()) {
        line->send_later_answer(framed_answer(json));
    }
}

void Reply::fail(const Error& error) {
    if (const auto line = std::exchange(line_, {}).lock()) {
        line->send_later_answer(framed_error(error));
    }
}

bool Reply::wanted() const noexcept {
    const auto line = line_.lock();
    return line && line->open() && line->does() == Line::Does::waiting;
}

// ---- the server ----

class Server::Desk {
public:
    using Line = Reply::Line;

    Desk(Handler& handler, const Limits& limits, os::Fd epoll, os::Fd timer)
        : handler_(handler), limits_(limits), epoll_(std::move(epoll)), timer_(std::move(timer)) {}
    Desk(const Desk&) = delete;
    Desk& operator=(const Desk&) = delete;
    ~Desk();

    [[nodiscard]] int fd() const noexcept { return epoll_.get(); }
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

    void listen_as(const std::string& instance);
    void on_ready();

private:
    void take_name();
    Result<os::Fd> listener_for(const std::string& instance) const;
    void move_to(os::Fd listener);
    void tell_unreachable(const Error& why);
    void accept_some();
    void receive(os::Fd connection);
    bool make_room();
    void serve(const std::shared_ptr<Line>& line, std::uint32_t events);
    void handle(const std::shared_ptr<Line>& line, const std::string& request);
    void expire(Monotonic::time_point now);
    void forget_closed();
    void set_timer();

    Handler& handler_;
    const Limits limits_;
    os::Fd epoll_;
    os::Fd timer_;
    os::Fd listener_;
    std::string address_;                // as held
    std::optional<std::string> wanted_;  // the instance whose name we are to have
    std::optional<Error> trouble_;       // why we have not, as last told
    std::optional<Monotonic::time_point> retry_at_;
    std::optional<Monotonic::time_point> accept_again_at_;
    std::uint64_t next_number_ = first_line_number;
    std::map<std::uint64_t, std::shared_ptr<Line>> lines_;  // by age
};

Server::Desk::~Desk() {
    for (const auto& [number, line] : lines_) {
        line->send(framed_error({ErrorKind::temporary, "the sidecar has ended", ""}));
        line->close();
    }
}

void Server::Desk::listen_as(const std::string& instance) {
    if (wanted_ == instance) {
        return;
    }
    wanted_ = instance;
    take_name();
    set_timer();
}

void Server::Desk::take_name() {
    retry_at_.reset();
    if (address_ != address_of(*wanted_)) {
        auto listener = listener_for(*wanted_);
        if (!listener) {
            retry_at_ = Monotonic::now() + limits_.retry;
            tell_unreachable(listener.error());
            return;
        }
        move_to(std::move(*listener));
    }
    trouble_.reset();
    handler_.reachable(address_);
}

namespace {

// Whose it is, as far as the kernel tells.
std::string holder_of(const std::string& instance) {
    auto fd = open_socket();
    if (!fd || connect_to(fd->get(), instance) != 0) {
        return "another process";
    }
    const auto peer = peer_of(fd->get());
    if (!peer) {
        return "another process";
    }
    return (peer->process == 0 ? std::string("a process of another container")
                               : "process " + std::to_string(peer->process)) +
           ", user " + std::to_string(peer->user);
}

Error taken(const std::string& instance) {
    return {ErrorKind::temporary, "the control socket " + address_of(instance) + " is taken by " + holder_of(instance),
            "containers of one pod share these names: give each sidecar in it an instance.name of its own, or end the "
            "other one"};
}

}  // namespace

Result<os::Fd> Server::Desk::listener_for(const std::string& instance) const {
    auto fd = open_socket();
    if (!fd) {
        return std::move(fd).error();
    }
    const auto problem = [&](int error) {
        return Error{ErrorKind::temporary,
                     "cannot open the control socket " + address_of(instance) + ": " + os::errno_text(error), ""};
    };
    if (const int error = bind_to(fd->get(), instance); error != 0) {
        return error == EADDRINUSE ? taken(instance) : problem(error);
    }
    if (::listen(fd->get(), backlog) != 0) {
        return problem(errno);
    }
    // Edges would be lost while we do not look, so levels. The listener before it is still among them: what epoll
    // knows is the descriptor, not the number.
    if (!watch(epoll_.get(), EPOLL_CTL_ADD, fd->get(), EPOLLIN, listener_number)) {
        return problem(errno);
    }
    return fd;
}

// Whoever had connected by the old name is still served.
void Server::Desk::move_to(os::Fd listener) {
    if (listener_) {
        accept_some();
    }
    listener_ = std::move(listener);
    address_ = address_of(*wanted_);
    accept_again_at_.reset();
}

void Server::Desk::tell_unreachable(const Error& why) {
    if (!trouble_ || trouble_->what != why.what) {
        trouble_ = why;
        handler_.unreachable(why);
    }
}

void Server::Desk::accept_some() {
    for (int i = 0; i < accepted_at_once; ++i) {
        os::Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (connection) {
            receive(std::move(connection));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            accept_again_at_ = Monotonic::now() + pause_without_descriptors;
            watch(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), 0, listener_number);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;  // nobody waits
        }
    }
}

void Server::Desk::receive(os::Fd connection) {
    const auto peer = peer_of(connection.get());
    const auto line =
        std::make_shared<Line>(next_number_++, std::move(connection), Bell{epoll_.get(), timer_.get()}, limits_);
    if (!peer || peer->user != ::geteuid()) {
        line->send(
            framed_error({ErrorKind::refused,
                          "the sidecar runs as user " + std::to_string(::geteuid()) + " and answers to nobody else",
                          "ask as that user, in the sidecar's own container"}));
        return;  // closed, whether or not all of it could be sent
    }
    if (!make_room()) {
        line->send(
            framed_error({ErrorKind::temporary, "the sidecar answers too many others at the moment", "try again"}));
        return;
    }
    if (!line->join()) {
        return;
    }
    lines_.emplace(next_number_ - 1, line);
    serve(line, EPOLLIN);  // most have asked already
}

// For a newcomer goes the oldest that has not asked yet, or does not take its answer: no client in order does that for
// long. Whoever waits for an answer stays.
bool Server::Desk::make_room() {
    forget_closed();
    if (lines_.size() < limits_.connections) {
        return true;
    }
    const auto idle = std::find_if(lines_.begin(), lines_.end(),
                                   [](const auto& entry) { return entry.second->does() != Line::Does::waiting; });
    if (idle == lines_.end()) {
        return false;
    }
    idle->second->send(framed_error({ErrorKind::temporary, "no request came, and others wait", ""}));
    idle->second->close();
    lines_.erase(idle);
    return true;
}

void Server::Desk::serve(const std::shared_ptr<Line>& line, std::uint32_t events) {
    switch (line->does()) {
        case Line::Does::asking:
            if (const auto request = line->read_request()) {
                handle(line, *request);
            }
            break;
        case Line::Does::waiting:
            if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
                line->close();
            }
            break;
        case Line::Does::sending: line->go_on_sending(); break;
    }
}

void Server::Desk::handle(const std::shared_ptr<Line>& line, const std::string& request) {
    if (request == "status") {
        line->send(framed_answer(handler_.status()));
    } else if (request == "drain") {
        line->begin_waiting();
        handler_.drain(Reply(line));
    } else {
        line->send(framed_error({ErrorKind::usage, "the sidecar does not know this request",
                                 "use the `lifeboat` of the sidecar's own container: another version may be asking"}));
    }
}

void Server::Desk::expire(Monotonic::time_point now) {
    for (const auto& [number, line] : lines_) {
        if (!line->open() || line->until() > now) {
            continue;
        }
        if (line->does() == Line::Does::sending) {
            line->close();
        } else {
            line->send(framed_error(
                {ErrorKind::temporary,
                 line->does() == Line::Does::asking ? "no request came in time" : "the sidecar found no answer in time",
                 ""}));
        }
    }
    if (accept_again_at_ && *accept_again_at_ <= now) {
        accept_again_at_.reset();
        watch(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), EPOLLIN, listener_number);
    }
    if (retry_at_ && *retry_at_ <= now) {
        take_name();
    }
}

void Server::Desk::forget_closed() {
    std::erase_if(lines_, [](const auto& entry) { return !entry.second->open(); });
}

void Server::Desk::set_timer() {
    auto due = std::min(retry_at_.value_or(Monotonic::time_point::max()),
                        accept_again_at_.value_or(Monotonic::time_point::max()));
    for (const auto& [number, line] : lines_) {
        due = std::min(due, line->until());
    }
    const bool never = due == Monotonic::time_point::max();
    set_alarm(timer_.get(), never ? Monotonic::duration::zero() : due.time_since_epoch());  // zero: none
}

void Server::Desk::on_ready() {
    std::array<epoll_event, events_at_once> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), events_at_once, 0);
    for (int i = 0; i < count; ++i) {
        const auto& event = events.at(static_cast<std::size_t>(i));
        if (event.data.u64 == listener_number) {
            accept_some();
        } else if (const auto found = lines_.find(event.data.u64); found != lines_.end() && found->second->open()) {
            serve(std::shared_ptr(found->second), event.events);
        }
    }
    expire(Monotonic::now());
    forget_closed();
    set_timer();  // also takes back an alarm that has gone off
}

Result<std::unique_ptr<Server>> Server::open(Handler& handler, const Limits& limits) {
    os::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    os::Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!epoll || !timer || !watch(epoll.get(), EPOLL_CTL_ADD, timer.get(), EPOLLIN, timer_number)) {
        return Error{ErrorKind::temporary, "cannot prepare the control socket: " + os::errno_text(errno), ""};
    }
    return std::unique_ptr<Server>(
        new Server(std::make_shared<Desk>(handler, limits, std::move(epoll), std::move(timer))));
}

Server::Server(std::shared_ptr<Desk> desk) noexcept : desk_(std::move(desk)) {}
Server::~Server() = default;

void Server::listen_as(const std::string& instance) {
    desk_->listen_as(instance);
}
int Server::fd() const noexcept {
    return desk_->fd();
}
void Server::on_ready() {
    desk_->on_ready();
}
const std::string& Server::address() const noexcept {
    return desk_->address();
}

}  // namespace lifeboat::control
