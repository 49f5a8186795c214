// What a client program says on stderr, kept for people and made fit for logs.
#pragma once

#include "os/fd.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace lifeboat::postgres {

// A line of pg_dump's, pg_dumpall's or pg_restore's stderr without values from rows and without SQL text, which
// may hold a password. Left out are: the values in "Key (…)=(…)" and "Failing row contains (…)", what stands
// in quotes in DETAIL and CONTEXT, quoted values after "invalid input syntax for type …", statements after
// "Command was:" or "Query was:" beyond their first words, and the whole of "LINE 1: …". Empty: the line says
// nothing that may be shown.
std::string fit_for_logs(std::string_view line);

// Reads a child's stderr on a thread of its own until it ends: a child stops when that pipe is full, and a
// stopped pg_dump looks just like a slow one. Keeps the first and the last lines, at most 8 KiB, each made
// fit for logs; lines that go on with what was left out of the one before are left out too.
class Diagnostics {
public:
    explicit Diagnostics(os::Fd from);
    Diagnostics(const Diagnostics&) = delete;
    Diagnostics& operator=(const Diagnostics&) = delete;
    ~Diagnostics();

    // Waits for the end of the child's stderr.
    void wait();

    [[nodiscard]] std::vector<std::string> lines() const;

    // In one line, errors first: for a message.
    [[nodiscard]] std::string summary() const;

private:
    void read_all();
    void take(std::string_view line);
    void take_line(std::string_view line);

    os::Fd from_;
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
    std::size_t size_ = 0;
    std::string before_statement_;  // "Command was: ": the statement itself begins on a later line
    bool in_quotation_ = false;     // the last line was cut at a value or statement, which may have further lines
    std::thread reader_;
};

}  // namespace lifeboat::postgres
