#include "desk.hpp"

#include "health/names.hpp"
#include "os/clock.hpp"

#include <algorithm>
#include <utility>

namespace lifeboat::kubernetes {
namespace {

using health::ReasonCode;
using health::ReportObject;
using health::ReportResult;

std::size_t index_of(ReportObject object) {
    return static_cast<std::size_t>(object);
}

// The first backup of a new database is about to be made.
bool is_being_cured(const Moment& moment) {
    constexpr std::chrono::minutes soon{10};
    const auto& facts = moment.facts;
    const bool running = facts.running && facts.running->activity == health::Activity::backup;
    const auto& start = facts.schedule.start;
    return facts.runs.consecutive_failures == 0 && !moment.verdict.has(ReasonCode::drained) &&
           (running || (start && *start <= moment.now + soon));
}

// A drain is somebody's order, at the end of most pods, and no failure. Nor is it one that a new database has no
// backup.
bool is_worth_an_event(const health::Reason& reason, const Moment& moment) {
    switch (reason.code) {
        case ReasonCode::drained: return false;
        case ReasonCode::no_backup_yet: return !is_being_cured(moment);
        default: return true;
    }
}

bool knows_nothing(const Moment& moment) {
    const auto& store = moment.facts.store;
    return !store.surveyed && !store.problem && moment.facts.settings.problems.empty();
}

}  // namespace

Desk::Desk(Api& api, Surroundings surroundings, Means means, const Rhythm& rhythm)
    : api_(api),
      surroundings_(std::move(surroundings)),
      means_(std::move(means)),
      rhythm_(rhythm),
      allowed_(rhythm.events_at_once),
      refilled_(means_.steady()) {}

void Desk::want(const Wanted& wanted) {
    if (wanted.configmap != wanted_.configmap) {
        status_ = {};
    }
    wanted_ = wanted;
    api_pauses_.reset();
    for (const auto object : health::report_objects) {
        pauses_.at(index_of(object)).reset();
        auto& facts = of(object);
        facts.wanted = is_wanted(object);
        if (!facts.wanted) {
            facts.problem.reset();
            told_.erase(std::string(health::name_of(object)));
        }
    }
}

SteadyPoint Desk::work(const Moment& moment, const std::stop_token& stop) {
    if (!wanted_.any()) {
        return SteadyPoint::max();
    }
    follow(moment);
    const auto next_look = means_.steady() + rhythm_.look_every;
    if (is_only_looking(moment)) {
        return next_look;
    }
    auto next = next_look;
    for (const auto object : health::report_objects) {
        if (!is_wanted(object) || stop.stop_requested()) {
            continue;
        }
        if (std::max(due(object, moment), api_pauses_.until()) <= means_.steady()) {
            if (const auto failure = write(object, moment, stop)) {
                failed(object, *failure);
            }
        }
        next = std::min(next, std::max(due(object, moment), api_pauses_.until()));
    }
    return next;
}

std::vector<Line> Desk::take_lines() {
    return std::exchange(lines_, {});
}

health::ReportFacts& Desk::of(ReportObject object) {
    return facts_.at(index_of(object));
}

bool Desk::is_wanted(ReportObject object) const {
    switch (object) {
        case ReportObject::configmap: return wanted_.configmap.has_value();
        case ReportObject::event: return wanted_.events;
        case ReportObject::condition: return wanted_.condition;
    }
    return false;
}

// Soon after the start the store is read, and then it is known how things are. Until then whatever was written before
// is nearer to the truth.
bool Desk::is_only_looking(const Moment& moment) {
    if (!knows_nothing(moment)) {
        looking_since_.reset();
        return false;
    }
    const auto now = means_.steady();
    looking_since_ = looking_since_.value_or(now);
    return now - *looking_since_ < rhythm_.patience;
}

SteadyPoint Desk::due(const Sheet& sheet, const std::string& gist, std::chrono::milliseconds every) const {
    if (!sheet.written) {
        return SteadyPoint::min();
    }
    return *sheet.written + (sheet.gist == gist ? every : rhythm_.least_between);
}

SteadyPoint Desk::due(ReportObject object, const Moment& moment) const {
    auto when = SteadyPoint::max();
    switch (object) {
        case ReportObject::configmap:
            // One object for all pods of a server: it is written by the one whose turn the backups are.
            if (moment.facts.turn.turn != health::Turn::not_ours) {
                when = due(status_, gist_of_status(moment), rhythm_.status_every);
            }
            break;
        case ReportObject::condition:
            when = due(condition_sheet_, gist_of_condition(moment), rhythm_.condition_every);
            break;
        case ReportObject::event: when = events_due(moment); break;
    }
    return std::max(when, pauses_.at(index_of(object)).until());
}

SteadyPoint Desk::events_due(const Moment& moment) const {
    auto when = SteadyPoint::max();
    const auto new_one = allowed_ > 0 ? SteadyPoint::min() : refilled_ + rhythm_.event_allowed_every;
    if (!recovery_.empty()) {
        when = new_one;
    }
    for (const auto& reason : moment.verdict.reasons) {
        if (is_worth_an_event(reason, moment)) {
            const auto posted = posted_.find(reason.code);
            when = std::min(when, posted == posted_.end() ? new_one : posted->second.last + rhythm_.event_every);
        }
    }
    return when;
}

// What changed by itself since the last time, whether it could be told or not.
void Desk::follow(const Moment& moment) {
    if (truth_ != moment.verdict.healthy()) {
        truth_ = moment.verdict.healthy();
        truth_since_ = moment.now;
    }
    if (!wanted_.events) {
        posted_.clear();
        drafts_.clear();
        recovery_.clear();
        return;
    }
    refill();
    const auto is_over = [&](const auto& entry) { return !moment.verdict.has(entry.first); };
    // Whose turn it no longer is cannot say that it is in order again.
    const bool elsewhere = moment.facts.turn.turn == health::Turn::not_ours;
    const bool any_over = std::any_of(posted_.begin(), posted_.end(), [&](const auto& entry) {
        return is_over(entry) && !(elsewhere && health::is_for_whose_turn_it_is(entry.first));
    });
    std::erase_if(drafts_, is_over);
    std::erase_if(posted_, is_over);
    const auto& reasons = moment.verdict.reasons;
    if (std::any_of(reasons.begin(), reasons.end(),
                    [&](const health::Reason& reason) { return is_worth_an_event(reason, moment); })) {
        recovery_.clear();
    } else if (any_over) {
        recovery_ = means_.unique();
    }
}

void Desk::refill() {
    const auto now = means_.steady();
    const auto more = (now - refilled_) / rhythm_.event_allowed_every;
    if (more > 0) {
        allowed_ = static_cast<int>(std::min<decltype(more)>(rhythm_.events_at_once, allowed_ + more));
        refilled_ += more * rhythm_.event_allowed_every;
    }
}

std::optional<Failure> Desk::write(ReportObject object, const Moment& moment, const std::stop_token& stop) {
    switch (object) {
        case ReportObject::configmap: return write_status(moment, stop);
        case ReportObject::event: return write_events(moment, stop);
        case ReportObject::condition: return write_condition(moment, stop);
    }
    return std::nullopt;
}

std::optional<Failure> Desk::write_status(const Moment& moment, const std::stop_token& stop) {
    const auto& name = *wanted_.configmap;
    const Target target{ReportObject::configmap, name, "patch"};
    if (auto failure = ask(
            target, [&](const Identity& identity) { return status_request(moment, identity, name); }, stop)) {
        return failure;
    }
    status_ = {gist_of_status(moment), means_.steady()};
    succeeded(ReportObject::configmap, moment.now);
    return std::nullopt;
}

std::optional<Failure> Desk::write_condition(const Moment& moment, const std::stop_token& stop) {
    const Target target{ReportObject::condition, {}, "patch"};
    if (!condition_asked_) {
        std::string pod;
        if (auto failure = ask(target, condition_question, stop, &pod)) {
            return failure;
        }
        condition_ = condition_in(pod);
        condition_asked_ = true;
    }
    const bool truth = moment.verdict.healthy();
    const bool same = condition_ && condition_->truth == truth && !condition_->since.empty();
    const std::string since = same ? condition_->since : os::utc_text(truth_since_);
    if (auto failure = ask(
            target, [&](const Identity& identity) { return condition_request(moment, identity, since); }, stop)) {
        return failure;
    }
    condition_ = Condition{truth, since};
    condition_sheet_ = {gist_of_condition(moment), means_.steady()};
    succeeded(ReportObject::condition, moment.now);
    return std::nullopt;
}

std::optional<Failure> Desk::write_events(const Moment& moment, const std::stop_token& stop) {
    if (!recovery_.empty() && allowed_ > 0) {
        const auto make = [&](const Identity& identity) {
            return recovery_request(moment, identity, event_name(identity, recovery_));
        };
        if (auto failure = post(make, stop)) {
            return failure;
        }
        recovery_.clear();
        succeeded(ReportObject::event, moment.now);
    }
    for (const auto& reason : moment.verdict.reasons) {
        const auto posted = posted_.find(reason.code);
        if (!is_worth_an_event(reason, moment)) {
            continue;
        }
        if (posted == posted_.end()) {
            if (allowed_ <= 0) {
                continue;
            }
            auto& draft = drafts_.try_emplace(reason.code, means_.unique()).first->second;
            std::string name;
            const auto make = [&](const Identity& identity) {
                name = event_name(identity, draft);
                return event_request(moment, identity, name, reason);
            };
            if (auto failure = post(make, stop)) {
                return failure;
            }
            posted_[reason.code] = {name, 1, means_.steady()};
            drafts_.erase(reason.code);
        } else if (means_.steady() >= posted->second.last + rhythm_.event_every) {
            auto& event = posted->second;
            const auto make = [&](const Identity& identity) {
                return again_request(identity, event.name, event.count + 1, moment.now);
            };
            auto failure = ask({ReportObject::event, event.name, "patch"}, make, stop);
            if (failure && failure->result == ReportResult::missing) {
                posted_.erase(posted);  // forgotten by the server: it is a new one next time
                continue;
            }
            if (failure) {
                return failure;
            }
            ++event.count;
            event.last = means_.steady();
        } else {
            continue;
        }
        succeeded(ReportObject::event, moment.now);
    }
    return std::nullopt;
}

std::optional<Failure> Desk::post(const Make& make, const std::stop_token& stop) {
    auto failure = ask({ReportObject::event, {}, "create"}, make, stop);
    if (failure && failure->result == ReportResult::conflict) {
        failure.reset();  // it is there: the reply to an earlier try was lost
    }
    if (!failure) {
        --allowed_;
    }
    return failure;
}

std::optional<Failure> Desk::ask(const Target& target, const Make& make, const std::stop_token& stop,
                                 std::string* whole) {
    const auto count = [&](ReportResult result) { ++of(target.object).counts.at(static_cast<std::size_t>(result)); };
    for (bool again = false;; again = true) {
        auto account = read_account(surroundings_);
        if (!account) {
            count(ReportResult::unreachable);
            return failure_of(account.error());
        }
        auto reply = api_.perform(*account, make(account->identity), stop);
        auto failure = failure_of(reply, target, *account);
        count(failure ? failure->result : ReportResult::written);
        if (!failure) {
            if (whole != nullptr) {
                *whole = std::move(reply.body);
            }
            return std::nullopt;
        }
        // A token that was exchanged just now.
        constexpr int unauthorized = 401;
        if (reply.status != unauthorized || again) {
            return failure;
        }
        const auto now = read_account(surroundings_);
        if (!now || now->token.reveal() == account->token.reveal()) {
            return failure;
        }
    }
}

void Desk::succeeded(ReportObject object, TimePoint now) {
    auto& facts = of(object);
    const std::string name(health::name_of(object));
    forget_problem_of_api();
    const bool had_problem = told_.erase(name) + told_.erase("api") != 0;  // both, whatever the first says
    if (had_problem || !facts.written) {
        lines_.push_back({log::LogLevel::info, "kubernetes_reported", {{"object", name}}});
    }
    facts.written = now;
    facts.problem.reset();
    api_pauses_.reset();
    pauses_.at(index_of(object)).reset();
}

// The API server answers. What was the same for every object is over for every object, also for those of which nothing
// is to be written now.
void Desk::forget_problem_of_api() {
    const auto told = told_.find("api");
    for (auto& facts : facts_) {
        if (told != told_.end() && facts.problem && facts.problem->what == told->second) {
            facts.problem.reset();
        }
    }
}

void Desk::failed(ReportObject object, const Failure& failure) {
    if (!failure.of_the_api) {
        forget_problem_of_api();
        pauses_.at(index_of(object)).failed(means_.steady(), means_.chance(), failure.retry_after);
        if (failure.result == ReportResult::conflict) {
            return;  // it happens, and the next try a second later is for it
        }
        of(object).problem = failure.problem;
        tell(std::string(health::name_of(object)), failure);
        return;
    }
    api_pauses_.failed(means_.steady(), means_.chance(), failure.retry_after);
    for (const auto each : health::report_objects) {
        if (is_wanted(each)) {
            of(each).problem = failure.problem;
        }
    }
    tell("api", failure);
}

// Once, and again when it is another.
void Desk::tell(const std::string& place, const Failure& failure) {
    auto& told = told_[place];
    if (told == failure.problem.what) {
        return;
    }
    told = failure.problem.what;
    log::EventLog::Fields fields = {{"object", place}, {"error", failure.problem.what}, {"next", failure.problem.next}};
    if (!failure.detail.empty()) {
        fields["detail"] = failure.detail;
    }
    lines_.push_back({log::LogLevel::warn, "kubernetes_not_reported", std::move(fields)});
}

}  // namespace lifeboat::kubernetes
