// The children of the supervisor as processes: started, heard, signalled, reaped.
#pragma once

#include "health/facts.hpp"
#include "os/child_process.hpp"
#include "os/fd.hpp"
#include "result/result.hpp"
#include "secret/secret.hpp"
#include "supervisor/report.hpp"

#include <poll.h>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace lifeboat::supervisor {

// One thread. Destroying it kills what still runs.
class RealChildren {
public:
    RealChildren(std::string program, std::vector<std::string> environment)
        : program_(std::move(program)), environment_(std::move(environment)) {}

    // `settings`: config::Inputs as JSON.
    Status start(health::Activity activity, const Secret& settings, const Known& known);

    void signal(health::Activity activity, int signal);

    // What to wait for: reports to read, or an end.
    void add_to(std::vector<pollfd>& entries) const;

    using Heard = std::function<void(health::Activity, const Result<Report>&)>;
    using Ended = std::function<void(health::Activity, const os::ExitState&)>;
    // Takes what is there, without waiting: first every report of a child, then its end. Neither callback may destroy
    // this; both may start children.
    void attend(const Heard& heard, const Ended& ended);

    [[nodiscard]] std::vector<pid_t> ids() const;

private:
    struct Child {
        os::ChildProcess process;
        os::Fd reports;           // empty once nothing more comes
        std::string unread = {};  // of a line that has not come whole
    };

    static std::vector<Result<Report>> read_reports(Child& child);

    const std::string program_;
    const std::vector<std::string> environment_;
    std::map<health::Activity, Child> children_;
};

}  // namespace lifeboat::supervisor
