#include "real_children.hpp"

#include "health/names.hpp"
#include "os/memory_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <utility>

namespace lifeboat::supervisor {
namespace {

constexpr std::size_t longest_line = std::size_t{8} << 20U;

// What is read at a time, of 64 KiB each: a child that never stops talking must not hold the loop. More than a pipe
// holds, so that one look at the pipe of a child that has ended takes all that it said.
constexpr int most_pieces = 64;

// Takes the whole lines off `unread`, of which only the last `fresh` bytes can hold a line's end.
void take_lines(std::string& unread, std::size_t fresh, std::vector<Result<Report>>& reports) {
    std::size_t begin = 0;
    std::size_t end = unread.find('\n', unread.size() - fresh);
    for (; end != std::string::npos; end = unread.find('\n', begin)) {
        reports.push_back(from_line(std::string_view(unread).substr(begin, end - begin)));
        begin = end + 1;
    }
    unread.erase(0, begin);
}

}  // namespace

Status RealChildren::start(health::Activity activity, const Secret& settings, const Known& known) {
    auto file = os::memory_file("lifeboat-settings", settings);
    if (!file) {
        return std::move(file).error();
    }
    auto pipe = os::make_pipe();
    if (!pipe) {
        return std::move(pipe).error();
    }
    if (::fcntl(pipe->read_end.get(), F_SETFL, O_NONBLOCK) != 0) {
        return failed("cannot prepare a pipe");
    }
    os::ChildOptions options;
    options.program = program_;
    options.arguments = {"child", std::string(health::name_of(activity)),
                         "--settings-fd=" + std::to_string(file->get()),
                         "--report-fd=" + std::to_string(pipe->write_end.get())};
    if (!known.newest_id.empty()) {
        options.arguments.push_back("--newest-known=" + known.newest_id);
    }
    if (known.server) {
        options.arguments.push_back("--server-known=" + *known.server);
    }
    options.environment = environment_;
    options.own_stderr = false;  // its lines of the log stand among ours
    options.inherited = {file->get(), pipe->write_end.get()};
    auto process = os::ChildProcess::start(options);
    if (!process) {
        return std::move(process).error();
    }
    children_.emplace(activity, Child{std::move(*process), std::move(pipe->read_end)});
    return done();
}

void RealChildren::signal(health::Activity activity, int signal) {
    if (const auto child = children_.find(activity); child != children_.end()) {
        child->second.process.signal(signal);
    }
}

void RealChildren::add_to(std::vector<pollfd>& entries) const {
    for (const auto& [activity, child] : children_) {
        if (child.reports) {
            entries.push_back({child.reports.get(), POLLIN, 0});
        }
        entries.push_back({child.process.end_fd(), POLLIN, 0});
    }
}

std::vector<Result<Report>> RealChildren::read_reports(Child& child) {
    std::vector<Result<Report>> reports;
    std::array<char, 65536> piece{};
    for (int i = 0; i < most_pieces && child.reports; ++i) {
        const ssize_t got = ::read(child.reports.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            break;  // nothing more for now
        }
        if (got == 0) {
            child.reports.reset();
        }
        child.unread.append(piece.data(), static_cast<std::size_t>(got));
        take_lines(child.unread, static_cast<std::size_t>(got), reports);
        if (child.unread.size() > longest_line) {
            reports.emplace_back(Error{ErrorKind::corrupt, "a child's report is too long", {}});
            child.reports.reset();  // its writes fail from now on, and do not hold it up
            std::string().swap(child.unread);
        }
    }
    return reports;
}

void RealChildren::attend(const Heard& heard, const Ended& ended) {
    std::vector<health::Activity> activities;
    for (const auto& [activity, child] : children_) {
        activities.push_back(activity);
    }
    for (const auto activity : activities) {
        Child& child = children_.at(activity);
        // Before the last look at its reports: what it said is in the pipe by then. The pipe's end is not waited for,
        // because whatever the child left behind may hold it open for ever.
        const auto exit = child.process.ended();
        for (const auto& report : read_reports(child)) {
            heard(activity, report);
        }
        if (exit) {
            children_.erase(activity);
            ended(activity, *exit);
        }
    }
}

std::vector<pid_t> RealChildren::ids() const {
    std::vector<pid_t> ids;
    for (const auto& [activity, child] : children_) {
        ids.push_back(child.process.id());
    }
    return ids;
}

}  // namespace lifeboat::supervisor
