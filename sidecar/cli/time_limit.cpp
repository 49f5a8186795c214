#include "time_limit.hpp"

namespace lifeboat::cli {

TimeLimit::TimeLimit(const std::stop_token& outer, std::chrono::milliseconds limit)
    : forward_(outer, [this] { source_.request_stop(); }),
      timer_([this, limit](const std::stop_token& lifted) { wait(lifted, limit); }) {}

void TimeLimit::wait(const std::stop_token& lifted, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    end_.wait_for(lock, lifted, limit, [] { return false; });
    if (!lifted.stop_requested()) {
        passed_ = !source_.stop_requested();
        source_.request_stop();
    }
}

}  // namespace lifeboat::cli
