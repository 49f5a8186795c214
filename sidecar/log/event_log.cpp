#include "log/event_log.hpp"

#include "os/clock.hpp"
#include "os/fd.hpp"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <span>
#include <thread>

namespace lifeboat::log {
namespace {

constexpr std::array level_names = {"trace", "debug", "info", "warn", "error"};

const char* name_of(LogLevel level) {
    return level_names.at(static_cast<std::size_t>(level));
}

// Whole lines, though the sidecar and its children write to one pipe: the kernel keeps a write together up to PIPE_BUF
// (4 KiB) alone. So each line is written under a record lock, which processes exclude each other by on a pipe, too.
class WholeLines final : public spdlog::sinks::base_sink<std::mutex> {
protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        const bool locked = lock();
        (void)os::write_all(STDERR_FILENO, std::as_bytes(std::span(line.data(), line.size())));
        if (locked) {
            (void)set(F_UNLCK);
        }
    }

    void flush_() override {}

private:
    // Not for ever: one that was stopped in the middle of a line must not stop the others. Where there is no such lock,
    // it goes without.
    static bool lock() {
        constexpr int most_tries = 2000;
        for (int i = 0; i < most_tries; ++i) {
            if (set(F_WRLCK)) {
                return true;
            }
            if (errno != EAGAIN && errno != EACCES) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }

    static bool set(short type) {
        struct flock whole {};
        whole.l_type = type;
        whole.l_whence = SEEK_SET;
        return ::fcntl(STDERR_FILENO, F_SETLK, &whole) == 0;
    }
};

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
    : format_(format), logger_(std::make_shared<spdlog::logger>("lifeboat", std::make_shared<WholeLines>())) {
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
