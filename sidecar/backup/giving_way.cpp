#include "giving_way.hpp"

#include "os/random.hpp"

#include <utility>

namespace lifeboat::backup {

using postgres::GaveWay;

GivingWay::GivingWay(const BackupPlan& plan, postgres::ServerLock& lock, bool in_recovery, std::function<void()> let_go)
    : plan_(plan),
      lock_(lock),
      in_recovery_(in_recovery),
      let_go_(std::move(let_go)),
      pinger_(plan.server, lock.connection()),
      shutdown_watch_(pinger_, turn_, [this] { note({GaveWay::To::shutdown}); }) {}

std::unique_ptr<postgres::LockWatch> GivingWay::watch(const std::string& session,
                                                      postgres::LockWatch::Actions actions) {
    return std::make_unique<postgres::LockWatch>(
        lock_.connection(), postgres::LockWatch::Options{session, plan_.yield_to_ddl, in_recovery_},
        std::move(actions));
}

void GivingWay::note(const GaveWay& gave_way) {
    const bool of_the_server = is_of_the_server(gave_way);
    {
        const std::lock_guard lock(mutex_);
        auto& noted = of_the_server ? server_ : statement_;
        noted = gave_way;
    }
    if (of_the_server) {
        let_go_();
    }
}

std::optional<GaveWay> GivingWay::take_statement() {
    const std::lock_guard lock(mutex_);
    return std::exchange(statement_, std::nullopt);
}

std::optional<GaveWay> GivingWay::to_the_server() const {
    const std::lock_guard lock(mutex_);
    return server_;
}

bool GivingWay::server_crashed() noexcept {
    return lock_.connection().was_crashed_on();
}

bool GivingWay::server_went_away(const std::stop_token& stop) {
    (void)lock_.check();  // asked something, so that it says why it is gone
    if (server_crashed() || lock_.connection().was_told_to_go()) {
        return !server_crashed();
    }
    // A smart shutdown lets this session live and turns away the next, which may be what failed.
    const auto alone = without_pings();
    return pinger_.turned_away(std::chrono::seconds(2), stop);
}

std::string new_session_name() {
    return "lifeboat dump " + os::random_hex(4);
}

}  // namespace lifeboat::backup
