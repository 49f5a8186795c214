// Decides what to write, when, and what to make of the answers: without a thread or a clock of its own.
#pragma once

#include "api.hpp"
#include "kubernetes/reporter.hpp"
#include "objects.hpp"
#include "outcome.hpp"
#include "pauses.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::kubernetes {

struct Rhythm {
    // What is written again although nothing happened, so that readers see that somebody still looks.
    std::chrono::milliseconds status_every = std::chrono::minutes(5);
    std::chrono::milliseconds condition_every = std::chrono::minutes(15);
    std::chrono::milliseconds event_every = std::chrono::minutes(30);  // API servers forget events after an hour
    // Of one object, whatever happens.
    std::chrono::milliseconds least_between = std::chrono::seconds(2);
    // How often to look whether time alone has changed something.
    std::chrono::milliseconds look_every = std::chrono::seconds(15);
    // How long to wait for the first look at the store before telling that nothing is known.
    std::chrono::milliseconds patience = std::chrono::minutes(2);
    // So many new events at once, and one more each time.
    int events_at_once = 20;
    std::chrono::milliseconds event_allowed_every = std::chrono::minutes(3);
};

// What it does not have itself.
struct Means {
    std::function<SteadyPoint()> steady;
    std::function<double()> chance;       // 0 to 1
    std::function<std::string()> unique;  // a part of a name
};

class Desk {
public:
    Desk(Api& api, Surroundings surroundings, Means means, const Rhythm& rhythm = {});

    // What was wanted and no longer is stays as it was last written.
    void want(const Wanted& wanted);

    // Writes what is due; takes as long as the API server does. When to call it next, if nothing happens before.
    SteadyPoint work(const Moment& moment, const std::stop_token& stop);

    [[nodiscard]] const health::KubernetesFacts& facts() const noexcept { return facts_; }
    std::vector<Line> take_lines();

private:
    // Of the ConfigMap and of the condition.
    struct Sheet {
        std::string gist;  // as written
        std::optional<SteadyPoint> written;
    };
    struct Posted {
        std::string name;
        int count = 1;
        SteadyPoint last;
    };
    using Make = std::function<Request(const Identity&)>;

    health::ReportFacts& of(health::ReportObject object);
    [[nodiscard]] bool is_wanted(health::ReportObject object) const;
    [[nodiscard]] bool is_only_looking(const Moment& moment);
    [[nodiscard]] SteadyPoint due(const Sheet& sheet, const std::string& gist, std::chrono::milliseconds every) const;
    [[nodiscard]] SteadyPoint due(health::ReportObject object, const Moment& moment) const;
    [[nodiscard]] SteadyPoint events_due(const Moment& moment) const;
    void follow(const Moment& moment);
    void refill();

    // What went wrong; empty: it was done, or there is no more to do.
    std::optional<Failure> write(health::ReportObject object, const Moment& moment, const std::stop_token& stop);
    std::optional<Failure> write_status(const Moment& moment, const std::stop_token& stop);
    std::optional<Failure> write_condition(const Moment& moment, const std::stop_token& stop);
    std::optional<Failure> write_events(const Moment& moment, const std::stop_token& stop);
    std::optional<Failure> post(const Make& make, const std::stop_token& stop);
    // `whole`: where the reply's body goes.
    std::optional<Failure> ask(const Target& target, const Make& make, const std::stop_token& stop,
                               std::string* whole = nullptr);
    void succeeded(health::ReportObject object, TimePoint now);
    void forget_problem_of_api();
    void failed(health::ReportObject object, const Failure& failure);
    void tell(const std::string& place, const Failure& failure);

    Api& api_;
    const Surroundings surroundings_;
    const Means means_;
    const Rhythm rhythm_;
    Wanted wanted_;
    health::KubernetesFacts facts_{};
    std::vector<Line> lines_;

    Pauses api_pauses_;
    std::array<Pauses, health::report_objects.size()> pauses_;
    std::map<std::string, std::string> told_;  // the problem of each object, and of "api", that stands in the log
    std::optional<SteadyPoint> looking_since_;

    Sheet status_;
    Sheet condition_sheet_;
    bool condition_asked_ = false;
    std::optional<Condition> condition_;  // as it stands at the pod
    std::optional<bool> truth_;           // what is true now, and since when
    TimePoint truth_since_;

    std::map<health::ReasonCode, Posted> posted_;
    std::map<health::ReasonCode, std::string> drafts_;  // names of events that are not posted yet
    std::string recovery_;                              // the name of the one that is owed; empty: none is
    int allowed_;
    SteadyPoint refilled_;
};

}  // namespace lifeboat::kubernetes
