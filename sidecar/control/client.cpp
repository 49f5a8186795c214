#include "control/client.hpp"

#include "address.hpp"
#include "os/errno_text.hpp"
#include "os/fd.hpp"
#include "protocol.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

namespace lifeboat::control {
namespace {

using Monotonic = std::chrono::steady_clock;

constexpr std::size_t largest_table = std::size_t{64} * 1024 * 1024;
constexpr std::chrono::milliseconds between_knocks{20};

const char* word_of(Request request) {
    return request == Request::status ? "status\n" : "drain\n";
}

// The end of a wait: a time, or a request to stop that comes first.
class Patience {
public:
    Patience(std::chrono::milliseconds timeout, const std::stop_token& stop)
        : timeout_(timeout),
          until_(Monotonic::now() + timeout),
          stop_(stop),
          wake_(::eventfd(0, EFD_CLOEXEC)),
          ring_(stop, Ring{wake_.get()}) {}

    // Nothing when `fd` is ready or `at_most` has passed.
    std::optional<Error> wait(int fd, short events, std::chrono::milliseconds at_most = std::chrono::hours{1}) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Monotonic::now());
        if (left.count() <= 0) {
            return timed_out();
        }
        std::array<pollfd, 2> watched = {{{fd, events, 0}, {wake_.get(), POLLIN, 0}}};
        (void)::poll(watched.data(), watched.size(), static_cast<int>(std::min(left, at_most).count()));
        if (stop_.stop_requested()) {
            return Error{ErrorKind::interrupted, "interrupted", ""};
        }
        return std::nullopt;
    }

private:
    struct Ring {
        int fd;
        void operator()() const noexcept {
            const std::uint64_t one = 1;
            (void)!::write(fd, &one, sizeof one);
        }
    };

    [[nodiscard]] Error timed_out() const {
        return {ErrorKind::temporary,
                "the sidecar did not answer within " + std::to_string(timeout_.count() / 1000) + " s",
                "look at its log; its liveness probe restarts it if it hangs"};
    }

    std::chrono::milliseconds timeout_;
    Monotonic::time_point until_;
    std::stop_token stop_;
    os::Fd wake_;
    std::stop_callback<Ring> ring_;
};

// A connection to one that listens.
struct Found {
    Sidecar sidecar;
    os::Fd fd;
    uid_t user = 0;
};

// not_found when nobody listens there.
Result<Found> connect_to_sidecar(const std::string& instance, Patience& patience) {
    for (;;) {
        auto fd = open_socket();
        if (!fd) {
            return std::move(fd).error();
        }
        const int error = connect_to(fd->get(), instance);
        if (error == EAGAIN || error == EINTR) {  // too many wait there at the moment
            if (auto stopped = patience.wait(-1, 0, between_knocks)) {
                return *std::move(stopped);
            }
            continue;
        }
        if (error == ECONNREFUSED || error == ENAMETOOLONG) {
            return Error{ErrorKind::not_found, "no sidecar of instance '" + instance + "' runs here", ""};
        }
        const auto peer = error == 0 ? peer_of(fd->get()) : std::nullopt;
        if (!peer) {
            return Error{ErrorKind::temporary,
                         "cannot reach the sidecar at " + address_of(instance) + ": " +
                             os::errno_text(error == 0 ? errno : error),
                         "try again"};
        }
        return Found{{instance, peer->process != 0}, std::move(*fd), peer->user};
    }
}

Result<std::vector<std::string>> listening_names() {
    auto table = os::read_file("/proc/net/unix", largest_table);
    if (!table) {
        return in_context("cannot look for running sidecars", std::move(table).error());
    }
    return listening_instances(*table);
}

// All that listen, whoever's they are. One that has ended meanwhile is none.
Result<std::vector<Found>> find_all(Patience& patience) {
    const auto names = listening_names();
    if (!names) {
        return names.error();
    }
    std::vector<Found> all;
    for (const auto& name : *names) {
        auto found = connect_to_sidecar(name, patience);
        if (found) {
            all.push_back(std::move(*found));
        } else if (found.error().kind != ErrorKind::not_found) {
            return std::move(found).error();
        }
    }
    return all;
}

std::string title_of(const Sidecar& sidecar) {
    return sidecar.instance.empty() ? "(one without a name)" : sidecar.instance;
}

std::string titles_of(const std::vector<Found>& all) {
    std::string titles;
    for (const auto& found : all) {
        titles += (titles.empty() ? "" : ", ") + title_of(found.sidecar);
    }
    return titles;
}

Error of_another_user(const Found& found) {
    const std::string user = std::to_string(found.user);
    return {ErrorKind::refused,
            "the sidecar " + address_of(found.sidecar.instance) + " runs as user " + user + ", and this is user " +
                std::to_string(::geteuid()) + ": it answers to its own user alone",
            "ask in its own container (kubectl exec POD -c CONTAINER -- lifeboat …), or as user " + user};
}

Error none_runs() {
    return {ErrorKind::not_found, "no sidecar runs here",
            "ask in the container of a running `lifeboat run` (kubectl exec POD -c CONTAINER -- lifeboat …)"};
}

bool is_ours(const Found& found) {
    return found.user == ::geteuid();
}

Result<Found> the_only_one(std::vector<Found> all) {
    if (all.empty()) {
        return none_runs();
    }
    if (std::none_of(all.begin(), all.end(), is_ours)) {
        return of_another_user(all.front());
    }
    std::erase_if(all, [](const auto& found) { return !is_ours(found); });
    const auto here =
        std::count_if(all.begin(), all.end(), [](const auto& found) { return found.sidecar.own_container; });
    if (here == 1) {
        std::erase_if(all, [](const auto& found) { return !found.sidecar.own_container; });
    }
    if (all.size() > 1) {
        return Error{ErrorKind::usage, "several sidecars run here: " + titles_of(all), "choose one with --instance"};
    }
    return std::move(all.front());
}

Result<Found> the_named_one(const std::string& instance, Patience& patience) {
    auto found = connect_to_sidecar(instance, patience);
    if (found) {
        return is_ours(*found) ? std::move(found) : Result<Found>(of_another_user(*found));
    }
    Error error = std::move(found).error();
    if (error.kind == ErrorKind::not_found) {
        const auto others = find_all(patience);
        error.next = others && !others->empty() ? "these run here: " + titles_of(*others) : none_runs().next;
    }
    return error;
}

Error ended() {
    return {ErrorKind::temporary, "the sidecar ended while it was asked", "look at its log, and ask again"};
}

Result<std::string> converse(int fd, const char* word, Patience& patience) {
    // A request fits into any socket's buffer. One that is not taken was refused, and the reason is there to be read.
    (void)::send(fd, word, std::char_traits<char>::length(word), MSG_NOSIGNAL);
    AnswerReader reader;
    std::array<char, 16384> buffer{};
    for (;;) {
        const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got > 0) {
            if (auto whole = reader.take({buffer.data(), static_cast<std::size_t>(got)})) {
                return *std::move(whole);
            }
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return ended();
        } else if (auto gave_up = patience.wait(fd, POLLIN)) {
            return *std::move(gave_up);
        }
    }
}

}  // namespace

std::vector<std::string> listening_instances(const std::string& table) {
    constexpr const char* listens = "00010000";  // __SO_ACCEPTCON: connections that were accepted have the name, too
    const std::string head = address_of("");
    std::set<std::string> instances;
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string slot;
        std::string references;
        std::string protocol;
        std::string flags;
        std::string type;
        std::string state;
        std::string inode;
        std::string path;
        words >> slot >> references >> protocol >> flags >> type >> state >> inode >> path;
        const bool plain =
            path.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", head.size()) == std::string::npos;
        if (flags == listens && path.compare(0, head.size(), head) == 0 && plain && words.eof()) {
            instances.insert(path.substr(head.size()));
        }
    }
    return {instances.begin(), instances.end()};
}

Result<std::vector<Sidecar>> running_sidecars(std::chrono::milliseconds timeout) {
    Patience patience(timeout, {});
    auto all = find_all(patience);
    if (!all) {
        return std::move(all).error();
    }
    std::vector<Sidecar> sidecars;
    for (const auto& found : *all) {
        if (is_ours(found)) {
            sidecars.push_back(found.sidecar);
        }
    }
    return sidecars;
}

Result<std::string> ask(const std::optional<std::string>& instance, Request request, std::chrono::milliseconds timeout,
                        const std::stop_token& stop) {
    Patience patience(timeout, stop);
    auto found = instance ? the_named_one(*instance, patience) : [&]() -> Result<Found> {
        auto all = find_all(patience);
        return all ? the_only_one(*std::move(all)) : Result<Found>(std::move(all).error());
    }();
    if (!found) {
        return std::move(found).error();
    }
    return converse(found->fd.get(), word_of(request), patience);
}

}  // namespace lifeboat::control
