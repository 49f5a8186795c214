#include "log/event_log.hpp"

#include "os/fd.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <chrono>
#include <csignal>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace lifeboat::log {
namespace {

// stderr of this process leads into a pipe for as long as this lives.
class CapturedStderr {
public:
    CapturedStderr() : before_(::dup(STDERR_FILENO)), pipe_(*os::make_pipe()) {
        ::dup2(pipe_.write_end.get(), STDERR_FILENO);
    }
    CapturedStderr(const CapturedStderr&) = delete;
    CapturedStderr& operator=(const CapturedStderr&) = delete;
    ~CapturedStderr() { restore(); }

    [[nodiscard]] int read_end() const { return pipe_.read_end.get(); }

    // What is in the pipe now.
    [[nodiscard]] std::string read_some() const {
        std::array<char, 65536> piece{};
        const ssize_t got = ::read(pipe_.read_end.get(), piece.data(), piece.size());
        return {piece.data(), static_cast<std::size_t>(got)};
    }

    // Everything that was and will be written, until nobody can write any more.
    std::string read_to_the_end(std::size_t piece_size = 65536, std::chrono::milliseconds pause = {}) {
        restore();
        std::string text;
        std::string piece(piece_size, '\0');
        for (ssize_t got = 0; (got = ::read(pipe_.read_end.get(), piece.data(), piece.size())) > 0;) {
            text.append(piece.data(), static_cast<std::size_t>(got));
            std::this_thread::sleep_for(pause);
        }
        return text;
    }

private:
    void restore() {
        ::dup2(before_.get(), STDERR_FILENO);
        pipe_.write_end = {};
    }

    os::Fd before_;
    os::Pipe pipe_;
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

// What a process of its own does, and no more.
template <class Work>
pid_t in_a_process(Work work) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        work();
        ::_exit(0);
    }
    return pid;
}

EventLog::Fields line_of(int writer, int number) {
    return {{"writer", writer}, {"number", number}, {"text", std::string(20'000, static_cast<char>('a' + writer))}};
}

TEST(EventLog, LongLinesOfSeveralProcessesStayWholeOnOnePipe) {
    constexpr int writers = 4;
    constexpr int lines_each = 100;
    CapturedStderr captured;
    std::vector<pid_t> processes;
    processes.reserve(writers);
    for (int writer = 0; writer < writers; ++writer) {
        processes.push_back(in_a_process([writer] {
            EventLog log(LogLevel::info, LogFormat::json);
            for (int number = 0; number < lines_each; ++number) {
                log.write(LogLevel::info, "tested", line_of(writer, number));
            }
        }));
    }
    const auto lines = lines_of(captured.read_to_the_end());
    for (const pid_t process : processes) {
        ::waitpid(process, nullptr, 0);
    }
    ASSERT_EQ(lines.size(), std::size_t{writers} * lines_each);
    std::map<int, int> next;
    for (const auto& line : lines) {
        const auto event = nlohmann::json::parse(line, nullptr, false);
        ASSERT_TRUE(event.is_object()) << line.substr(0, 200);
        const int writer = event.at("writer");
        EXPECT_EQ(event.at("number"), next[writer]++);
        EXPECT_EQ(event.at("text"), std::string(20'000, static_cast<char>('a' + writer)));
    }
}

TEST(EventLog, OneEventIsOneLineWhateverItsTextsHold) {
    for (const auto format : {LogFormat::json, LogFormat::text}) {
        CapturedStderr captured;
        EventLog(LogLevel::info, format).write(LogLevel::warn, "tested", {{"text", "a\nb\r\n\x1b[31m\xff"}});
        const auto lines = lines_of(captured.read_to_the_end());
        ASSERT_EQ(lines.size(), 1U);
        EXPECT_EQ(lines.front().find('\x1b'), std::string::npos);
        EXPECT_NE(lines.front().find("tested"), std::string::npos);
    }
}

TEST(EventLog, WritesWhatIsAtLeastAsGraveAsAskedFor) {
    CapturedStderr captured;
    EventLog log(LogLevel::warn, LogFormat::json);
    log.write(LogLevel::info, "small");
    log.write(LogLevel::error, "large");
    const auto lines = lines_of(captured.read_to_the_end());
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(nlohmann::json::parse(lines.front()).at("event"), "large");
    EXPECT_EQ(nlohmann::json::parse(lines.front()).at("level"), "error");
}

// A log that nobody reads must not hold up who writes it.
TEST(EventLog, LosesLinesThatNobodyReadsAndTellsHowMany) {
    CapturedStderr captured;
    EventLog log(LogLevel::info, LogFormat::json);
    const std::string kilobyte(1000, 'x');
    constexpr int written = 200;  // far more than a pipe holds
    const auto began = std::chrono::steady_clock::now();
    for (int number = 0; number < written; ++number) {
        log.write(LogLevel::info, "tested", {{"number", number}, {"text", kilobyte}});
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(15)) << "it waits once";

    auto lines = lines_of(captured.read_some());
    const auto kept = static_cast<int>(lines.size());
    EXPECT_LT(kept, written);
    log.write(LogLevel::info, "tested", {{"number", written}});
    lines = lines_of(captured.read_to_the_end());

    ASSERT_EQ(lines.size(), 2U);
    const auto told = nlohmann::json::parse(lines[0]);
    EXPECT_EQ(told.at("event"), "log_lines_lost");
    EXPECT_EQ(told.at("lines"), written - kept);
    EXPECT_EQ(nlohmann::json::parse(lines[1]).at("number"), written);
}

// As a child that was stopped in the middle of a line, or a stranger where stderr is /dev/null, which all share.
TEST(EventLog, IsHeldUpOnceByAProcessThatKeepsTheLock) {
    CapturedStderr captured;
    auto ready = *os::make_pipe();
    auto release = *os::make_pipe();
    const pid_t keeper = in_a_process([&] {
        struct flock whole {};
        whole.l_type = F_WRLCK;
        (void)::fcntl(STDERR_FILENO, F_SETLK, &whole);
        ready.write_end = {};
        release.write_end = {};
        char byte = 0;
        (void)!::read(release.read_end.get(), &byte, 1);
    });
    ready.write_end = {};
    char byte = 0;
    ASSERT_EQ(::read(ready.read_end.get(), &byte, 1), 0) << "it has the lock";

    EventLog log(LogLevel::info, LogFormat::json);
    constexpr int written = 20;
    const auto began = std::chrono::steady_clock::now();
    for (int number = 0; number < written; ++number) {
        log.write(LogLevel::info, "tested", {{"number", number}});
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20)) << "it waits once";

    release.write_end = {};
    ::waitpid(keeper, nullptr, 0);
    EXPECT_EQ(lines_of(captured.read_to_the_end()).size(), std::size_t{written}) << "and nothing is lost";
}

// What two processes write, of which the first waits for a reader in the middle of its line.
std::vector<std::string> lines_of_two_with_a_slow_reader() {
    CapturedStderr captured;
    // The processes inherit what this one remembers of a lock that was not let go of: nothing, after this.
    EventLog(LogLevel::info, LogFormat::json).write(LogLevel::info, "begun");
    (void)captured.read_some();
    const auto process = [](int writer) {
        return in_a_process([writer] {
            EventLog(LogLevel::info, LogFormat::json)
                .write(LogLevel::info, "tested", {{"writer", writer}, {"text", std::string(100'000, 'x')}});
        });
    };
    const pid_t first = process(1);
    for (int held = 0, before = -1; held == 0 || held != before;) {  // until the pipe is full
        before = held;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        ::ioctl(captured.read_end(), FIONREAD, &held);
    }
    const pid_t second = process(2);
    std::this_thread::sleep_for(std::chrono::milliseconds(3500));
    // A page at a time, so that each who may write comes to its turn.
    auto lines = lines_of(captured.read_to_the_end(4096, std::chrono::milliseconds(2)));
    ::waitpid(first, nullptr, 0);
    ::waitpid(second, nullptr, 0);
    return lines;
}

// Up to three times: a reader that the machine holds up for longer than a writer waits is one that does not read.
TEST(EventLog, WaitsForWhoeverWaitsForAReaderInTheMiddleOfALine) {
    std::vector<int> whole;
    for (int i = 0; i < 3 && whole != std::vector{1, 2}; ++i) {
        whole.clear();
        for (const auto& line : lines_of_two_with_a_slow_reader()) {
            const auto event = nlohmann::json::parse(line, nullptr, false);
            whole.push_back(event.is_object() ? event.value("writer", 0) : 0);
        }
    }
    EXPECT_EQ(whole, (std::vector{1, 2}));
}

TEST(EventLog, BeginsANewLineAfterOneThatCouldNotBeEnded) {
    CapturedStderr captured;
    EventLog log(LogLevel::info, LogFormat::json);
    log.write(LogLevel::info, "tested", {{"text", std::string(100'000, 'x')}});
    const auto half = captured.read_some();
    EXPECT_EQ(half.find('\n'), std::string::npos);
    log.write(LogLevel::info, "tested");
    const auto lines = lines_of(captured.read_to_the_end());
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0], "") << "the end of the half line";
    EXPECT_EQ(nlohmann::json::parse(lines[1]).at("event"), "log_lines_lost");
    EXPECT_EQ(nlohmann::json::parse(lines[2]).at("event"), "tested");
}

}  // namespace
}  // namespace lifeboat::log
