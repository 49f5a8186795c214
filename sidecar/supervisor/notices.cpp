#include "notices.hpp"

#include "health/names.hpp"
#include "s3/curl_transport.hpp"

#include <utility>

namespace lifeboat::supervisor {
namespace {

using log::LogLevel;

// The same failure is logged so often at most.
constexpr auto log_again_after = std::chrono::hours(1);
constexpr auto arrive_within = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<Notices>> Notices::open(const std::string& version) {
    auto sender = notify::Sender::open(version, [] { return s3::curl_transport({}); });
    if (!sender) {
        return std::move(sender).error();
    }
    return std::unique_ptr<Notices>(new Notices(std::move(*sender)));
}

void Notices::use(const config::Notify& settings, health::TimePoint now) {
    const auto changed = sender_->use({settings.on_failure, settings.on_success, settings.ping});
    if (changed.at(static_cast<std::size_t>(health::Hook::on_failure))) {
        teller_.readdressed(now);
    }
}

void Notices::tell(const health::Facts& facts, health::TimePoint now) {
    for (auto& message : teller_.hear(facts, now, sender_->wanted())) {
        sender_->send(std::move(message));
    }
}

bool Notices::hear_outcomes(log::EventLog& log, health::TimePoint now) {
    const auto outcomes = sender_->outcomes();
    for (const auto& outcome : outcomes) {
        auto& counts = counts_.at(static_cast<std::size_t>(outcome.hook));
        ++(outcome.error ? counts.failed : counts.delivered);
        if (outcome.hook == health::Hook::on_failure) {
            outcome.error ? teller_.undelivered(outcome.number, outcome.readdressed, now)
                          : teller_.delivered(outcome.number);
        }
        log_outcome(outcome, log, now);
    }
    return !outcomes.empty();
}

// That it works is told once, and that it does not at its first failure and then hourly: a web server that is away must
// not fill the log.
void Notices::log_outcome(const notify::Outcome& outcome, log::EventLog& log, health::TimePoint now) {
    auto& told = told_.at(static_cast<std::size_t>(outcome.hook));
    const std::string error = outcome.error ? outcome.error->what : "";
    const bool news = !told.anything || told.error != error || (outcome.error && now - told.at >= log_again_after);
    if (news) {
        told = {error, now, true};
    }
    log::EventLog::Fields fields = {{"target", std::string(health::name_of(outcome.hook))}};
    if (!outcome.error) {
        log.write(news ? LogLevel::info : LogLevel::debug, "notification_delivered", fields);
        return;
    }
    fields["error"] = error;
    fields["next"] = outcome.error->next;
    log.write(news ? LogLevel::warn : LogLevel::debug, "notification_failed", fields);
}

void Notices::stop() {
    end_by_ = Steady::now() + arrive_within;
    sender_->close();
}

void Notices::end(log::EventLog& log) {
    const auto left = sender_->drain(end_by_.value_or(Steady::now()));
    (void)hear_outcomes(log, health::TimePoint::clock::now());
    if (left != 0) {
        log.write(LogLevel::warn, "notifications_dropped", {{"messages", left}});
    }
}

}  // namespace lifeboat::supervisor
