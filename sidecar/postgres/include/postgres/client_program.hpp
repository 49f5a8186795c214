// PostgreSQL's own client programs: which ones, and how they run.
#pragma once

#include "os/child_process.hpp"
#include "postgres/connection.hpp"
#include "postgres/diagnostics.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>

namespace lifeboat::postgres {

// The clients of one major version, by absolute path.
struct ClientPrograms {
    int major = 0;
    std::string pg_dump;
    std::string pg_dumpall;
    std::string pg_restore;
    std::string version;  // pg_dump's own: "15.20"

    // Older than the minor that closed CVE-2026-116314 (a crafted archive runs code in pg_restore).
    [[nodiscard]] bool outdated() const;
};

// Minor releases whose pg_dump is known to lose data are refused by name.
// `bin_dir` with "{major}" in it. Only the clients of exactly this major: a newer pg_dump's archive may not
// load into the older server, an older one refuses the server. The error names the package to install and
// the majors that are there.
Result<ClientPrograms> find_client_programs(const std::string& bin_dir, int major);

// One client program under way. Its password comes by a file in memory, its environment holds nothing of ours,
// and no argument holds a secret. Start it from a thread that outlives it. Destroying it ends it: pg_dump then
// cancels what the server is doing for it, so that no lock is held for longer.
class ClientProgram {
public:
    // The standard streams that Lifeboat holds the other end of.
    enum class Streams { output, input };
    // Whether it talks to the server itself. pg_restore can write a script instead.
    enum class Server { connects, stays_away };

    struct Options {
        // Bounds its memory, in bytes: pg_dump needs about twice its widest row, and with a bound it fails
        // alone, with the table's name, where otherwise the container would be killed.
        std::optional<std::uint64_t> address_space = std::nullopt;
        std::vector<int> inherited = {};  // descriptors that it shall have too; -1 is passed over
        Server server = Server::connects;
        std::string session = "lifeboat";  // what the server shows as its application_name
        bool writes = false;               // it may, whatever role and database have for default_transaction_read_only
    };

    // `arguments` without connection: "--dbname=…" is added for `database` of the server of `connection`.
    static Result<ClientProgram> start(const std::string& program, std::vector<std::string> arguments, Streams streams,
                                       const Connection& connection, const std::string& database, Options options);

    ClientProgram(ClientProgram&&) noexcept = default;
    ClientProgram& operator=(ClientProgram&&) = delete;
    ~ClientProgram();

    // Its output; 0 at its end, which is not yet success. ErrorKind::interrupted when asked to stop.
    Result<std::size_t> read(std::span<std::byte> into, const std::stop_token& stop);
    [[nodiscard]] int input() noexcept { return child_.standard_input().get(); }
    void close_input() noexcept { child_.standard_input().reset(); }

    // Waits for its end. Anything but exit code 0 is an error with what it said on stderr; a stop request ends
    // the waiting with ErrorKind::interrupted, and the program with its destruction.
    Status wait(const std::stop_token& stop);

    // Ends it from another thread, while it is being read, written or waited for: by SIGTERM, upon which it cancels
    // its statement on the server, and after two seconds by SIGKILL.
    void end() noexcept;

    // Only the SIGTERM, without waiting for what comes of it. Any thread.
    void ask_to_end() noexcept;

    // What it said on stderr, made fit for logs; whole once wait() has returned.
    [[nodiscard]] std::vector<std::string> said() const { return diagnostics_->lines(); }

private:
    ClientProgram(std::string name, os::ChildProcess child, os::Fd password);

    std::string name_;
    os::Fd password_;
    os::ChildProcess child_;
    std::unique_ptr<Diagnostics> diagnostics_;
};

}  // namespace lifeboat::postgres
