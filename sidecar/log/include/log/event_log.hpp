// The log: one event a line on stderr, as JSON or as text, with stable event and field names. Lines are whole, however
// long, also where several processes write to the same pipe. Where nobody reads that pipe, a write waits for five
// seconds once; then lines are lost, and how many is told (`log_lines_lost`) as soon as somebody reads again. Where
// another process stopped in the middle of a line, one write waits for six seconds, and those after it do not.
#pragma once

#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace lifeboat::log {

enum class LogLevel { trace, debug, info, warn, error };
enum class LogFormat { json, text };

class EventLog {
public:
    using Fields = nlohmann::ordered_json;

    EventLog(LogLevel least, LogFormat format);

    // Fields must hold nothing that is secret, and no rows.
    void write(LogLevel level, const std::string& event, const Fields& fields = Fields::object());

    [[nodiscard]] LogFormat format() const { return format_; }

private:
    LogFormat format_;
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace lifeboat::log
