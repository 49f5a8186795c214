#include "log/event_log.hpp"

#include "os/clock.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <array>

namespace lifeboat::log {
namespace {

constexpr std::array level_names = {"trace", "debug", "info", "warn", "error"};

const char* name_of(LogLevel level) {
    return level_names.at(static_cast<std::size_t>(level));
}

std::string now() {
    return os::utc_text(std::chrono::system_clock::now());
}

std::string as_json(LogLevel level, const std::string& event, const EventLog::Fields& fields) {
    EventLog::Fields line = {{"time", now()}, {"level", name_of(level)}, {"event", event}};
    line.update(fields);
    return line.dump(-1, ' ', false, EventLog::Fields::error_handler_t::replace);
}

std::string as_text(LogLevel level, const std::string& event, const EventLog::Fields& fields) {
    std::string line = now() + " " + name_of(level) + " " + event;
    for (const auto& [name, value] : fields.items()) {
        line += " " + name + "=" + value.dump(-1, ' ', false, EventLog::Fields::error_handler_t::replace);
    }
    return line;
}

}  // namespace

EventLog::EventLog(LogLevel least, LogFormat format)
    : format_(format),
      logger_(std::make_shared<spdlog::logger>("lifeboat", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    logger_->set_pattern("%v");
    logger_->set_level(static_cast<spdlog::level::level_enum>(least));
    logger_->flush_on(spdlog::level::trace);
}

void EventLog::write(LogLevel level, const std::string& event, const Fields& fields) {
    const auto spd_level = static_cast<spdlog::level::level_enum>(level);
    if (logger_->should_log(spd_level)) {
        logger_->log(spd_level,
                     format_ == LogFormat::json ? as_json(level, event, fields) : as_text(level, event, fields));
    }
}

}  // namespace lifeboat::log
