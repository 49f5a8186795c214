#include "log/event_log.hpp"

#include "os/clock.hpp"
#include "os/fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

namespace lifeboat::log {
namespace {

constexpr std::array level_names = {"trace", "debug", "info", "warn", "error"};

const char* name_of(LogLevel level) {
    return level_names.at(static_cast<std::size_t>(level));
}

constexpr std::chrono::milliseconds patience_with_a_reader{5'000};
// Longer: whoever has the lock may wait for a reader, and is in the middle of a line then.
constexpr std::chrono::milliseconds patience_with_the_lock{6'000};

// Whole lines, though the sidecar and its children write to one pipe: the kernel keeps a write together up to PIPE_BUF
// (4 KiB) alone. So each line is written under a record lock, which processes exclude each other by on a pipe, too.
//
// And never for ever: where nobody reads, lines are lost rather than the sidecar's loop held up.
class WholeLines final : public spdlog::sinks::base_sink<std::mutex> {
protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        const bool locked = lock();
        if (!write(std::as_bytes(std::span(line.data(), line.size())))) {
            ++lost_;
        }
        if (locked) {
            (void)set(F_UNLCK);
        }
    }

    void flush_() override {}

public:
    // Lines that nobody took, since this was last asked.
    std::size_t take_lost() {
        const std::lock_guard lock(mutex_);
        return std::exchange(lost_, 0);
    }

    void add_lost(std::size_t lines) {
        const std::lock_guard lock(mutex_);
        lost_ += lines;
    }

private:
    // In pieces that a pipe takes without waiting once it says that it takes any.
    bool write(std::span<const std::byte> line) {
        if (cut_ && takes_more()) {
            cut_ = os::write_all(STDERR_FILENO, std::as_bytes(std::span("\n", 1))) != 0;
        }
        for (auto rest = line; !rest.empty();) {
            if (!takes_more()) {
                cut_ = cut_ || rest.size() < line.size();
                return false;
            }
            const auto piece = rest.first(std::min<std::size_t>(rest.size(), PIPE_BUF));
            if (os::write_all(STDERR_FILENO, piece) != 0) {
                return false;
            }
            rest = rest.subspan(piece.size());
        }
        return true;
    }

    // Waits once for a reader that is slow; as long as it has not come back, no more.
    bool takes_more() {
        pollfd stream{STDERR_FILENO, POLLOUT, 0};
        const bool takes = ::poll(&stream, 1, deaf_ ? 0 : static_cast<int>(patience_with_a_reader.count())) > 0;
        deaf_ = !takes;
        return takes;
    }

    // Not for ever: one that was stopped in the middle of a line must not stop the others. Waited for once; as long as
    // that one does not let go, no more. Where there is no such lock, it goes without.
    bool lock() {
        constexpr auto between_tries = std::chrono::milliseconds(1);
        const auto until =
            std::chrono::steady_clock::now() + (kept_out_ ? std::chrono::seconds(0) : patience_with_the_lock);
        while (!set(F_WRLCK)) {
            if (errno != EAGAIN && errno != EACCES) {
                return false;
            }
            kept_out_ = std::chrono::steady_clock::now() >= until;
            if (kept_out_) {
                return false;
            }
            std::this_thread::sleep_for(between_tries);
        }
        kept_out_ = false;
        return true;
    }

    static bool set(short type) {
        struct flock whole {};
        whole.l_type = type;
        whole.l_whence = SEEK_SET;
        return ::fcntl(STDERR_FILENO, F_SETLK, &whole) == 0;
    }

    std::size_t lost_ = 0;
    bool deaf_ = false;      // the last time, nobody read
    bool cut_ = false;       // what was written last ends in the middle of a line
    bool kept_out_ = false;  // the last time, another process did not let go of the lock
};

// One for the process: there is one stderr, and new settings of a log change nothing about who reads it.
const std::shared_ptr<WholeLines>& whole_lines() {
    static const auto lines = std::make_shared<WholeLines>();
    return lines;
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
    : format_(format), logger_(std::make_shared<spdlog::logger>("lifeboat", whole_lines())) {
    logger_->set_pattern("%v");
    logger_->set_level(static_cast<spdlog::level::level_enum>(least));
    logger_->flush_on(spdlog::level::trace);
}

void EventLog::write(LogLevel level, const std::string& event, const Fields& fields) {
    const auto spd_level = static_cast<spdlog::level::level_enum>(level);
    if (!logger_->should_log(spd_level)) {
        return;
    }
    const auto text = [this](LogLevel of, const std::string& name, const Fields& more) {
        return format_ == LogFormat::json ? as_json(of, name, more) : as_text(of, name, more);
    };
    auto& lines = *whole_lines();
    if (const std::size_t lost = lines.take_lost(); lost > 0) {
        logger_->log(spdlog::level::warn, text(LogLevel::warn, "log_lines_lost", {{"lines", lost}}));
        if (lines.take_lost() > 0) {  // and that one, too: it is told with the next
            lines.add_lost(lost);
        }
    }
    logger_->log(spd_level, text(level, event, fields));
}

}  // namespace lifeboat::log
