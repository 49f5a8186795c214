// `lifeboat run`: the supervisor in the real world. One thread waits for whatever comes (signals, children, changed
// files, the control socket, time) and lets the Supervisor decide.
#pragma once

#include "config/load.hpp"
#include "log/event_log.hpp"
#include "os/stop_signals.hpp"
#include "result/result.hpp"
#include "supervisor/supervisor.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lifeboat::supervisor {

struct RunOptions {
    config::Sources sources;
    // What of settings that load no backup could be made with all the same.
    std::function<Status(const config::Loaded&)> check;
    std::function<log::EventLog(const config::Loaded&)> open_log;
    std::string version;
    std::string program = "/proc/self/exe";  // what `child` is a verb of
    std::vector<std::string> environment;    // of children, "NAME=value": without what the settings are made of
    std::filesystem::path service_account;   // the folder with the pod's token; see kubernetes/reporter.hpp
    Limits limits = {};
};

// `signals` listen as a service's. Returns when they told it to end and every child is gone. The error: the system
// gives us not even what waiting takes. Whatever is wrong with settings, server, store or ports is no reason to return.
Status run(const RunOptions& options, const os::StopSignals& signals);

}  // namespace lifeboat::supervisor
