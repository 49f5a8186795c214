// Tells the cluster's API whether backups are in order, for those who look with kubectl: a status ConfigMap, events of
// the pod, and the pod's condition BackupHealthy. Each is opt-in (docs/kubernetes.md, Reporting).
//
// It is told on a thread of its own, and nothing waits for that: neither a backup, nor the supervisor's loop, nor the
// end of the process. What is not told in time is not told later either: the newest state wins.
#pragma once

#include "health/board.hpp"
#include "health/facts.hpp"
#include "log/event_log.hpp"
#include "os/clock.hpp"
#include "result/result.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::kubernetes {

// Where every pod finds its token, the CA of the API server, and its namespace.
inline constexpr const char* account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

// What the pod was given.
struct Surroundings {
    std::string host;                               // KUBERNETES_SERVICE_HOST; empty: not in a cluster
    std::string port;                               // KUBERNETES_SERVICE_PORT
    std::filesystem::path folder = account_folder;  // read anew for each request: what is in it is exchanged
    std::string host_name;                          // the pod's name, where the token does not tell it
    std::string version;                            // of Lifeboat
};

// What to write; nothing is the default.
struct Wanted {
    std::optional<std::string> configmap;  // its name
    bool events = false;
    bool condition = false;

    [[nodiscard]] bool any() const noexcept { return configmap || events || condition; }
    friend bool operator==(const Wanted&, const Wanted&) = default;
};

// A line for the log.
struct Line {
    log::LogLevel level = log::LogLevel::info;
    std::string event;
    log::EventLog::Fields fields;
};

// What a Reporter has to say.
struct News {
    std::vector<Line> lines;
    health::KubernetesFacts facts;
};

class Reporter {
public:
    // The references must outlive the reporter. The error: the system gives no descriptor.
    static Result<std::unique_ptr<Reporter>> open(Surroundings surroundings, const health::Board& board,
                                                  const os::Clock& clock);

    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;
    // Gives up what is under way. Returns within milliseconds.
    ~Reporter();

    // All of the following: one thread, the supervisor's. None of them waits.

    // From now on this is wanted. There is no thread before something is.
    void apply(const Wanted& wanted);

    // The board has changed. (What changes with time alone, the reporter sees by itself.)
    void look();

    // Readable while there is news.
    [[nodiscard]] int fd() const;
    // Empty: there was none.
    std::optional<News> take_news();

private:
    class Impl;
    explicit Reporter(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace lifeboat::kubernetes
