// A throw-away PostgreSQL server: started for a moment, and gone with everything that it held.
#pragma once

#include "os/child_process.hpp"
#include "os/confinement.hpp"
#include "postgres/connection.hpp"
#include "postgres/diagnostics.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace lifeboat::postgres {

struct ScratchOptions {
    std::string bin_dir;  // with "{major}" in it
    int major = 0;        // this one, or else the next newer one that is there
    // The role that initdb makes, and that owns what belongs to the server itself: named as on the server whose backup
    // comes here, or what the two own would differ.
    std::string superuser = "postgres";
    std::vector<std::pair<std::string, std::string>> settings = {};  // stronger than those that it has anyway
};

// A server's programs in one folder, by absolute path.
struct ServerPrograms {
    int major = 0;
    std::string initdb;
    std::string postgres;
};

// Of `options.major` or the next newer one that has its clients beside it. The error names what is there, and the cure.
Result<ServerPrograms> find_server_programs(const std::string& bin_dir, int major);

// What it needs of the disk beside what is restored: the cluster, and the write-ahead log.
inline constexpr std::uint64_t scratch_overhead = std::uint64_t{640} << 20U;

// The folder below which they are made: TMPDIR, else /tmp.
std::string scratch_parent();
// Free for who runs this; nothing where that is not to be known.
std::optional<std::uint64_t> scratch_room();

// Its data lie in a folder of mode 0700 below TMPDIR. It listens on a Unix socket in there and nowhere else, and keeps
// nothing safe from a crash. SQL that runs in it is to be taken for hostile, so it is confined:
// - Started by root, it runs as an account that nothing else runs as, such as nobody (PostgreSQL refuses to run as
//   root), in a network of its own where this process may make one.
// - Whoever it runs as, a NetworkFilter leaves it Unix sockets alone, and no connection to anybody else's.
// - Where the kernel has Landlock, it can open no file but the system's (/usr, /etc and the like), its programs' and
//   its own, whoever it runs as; so not the identity file of the user who started it either.
// - Its environment is empty but for a path and a locale, and it gets no descriptor.
//
// The destructor ends it, ends what it left running, and removes the folder. When this process is killed, the kernel
// ends the server, and a small process that waits for that (a shell, beside it) removes the folder; should that be
// killed too, the next start() removes what it finds below TMPDIR without an owner.
//
// Start it from a thread that outlives it, in a process that called os::adopt_orphans(). One at a time in a process.
class ScratchServer {
public:
    static Result<std::unique_ptr<ScratchServer>> start(const ScratchOptions& options, const std::stop_token& stop);

    ScratchServer(const ScratchServer&) = delete;
    ScratchServer& operator=(const ScratchServer&) = delete;
    ~ScratchServer();

    // Who may do everything, and is no role of the backup (Options::superuser is).
    [[nodiscard]] Server server() const;
    [[nodiscard]] const std::string& login() const { return login_; }
    // A database of its own to connect to; there is no other.
    [[nodiscard]] const std::string& home_database() const { return login_; }

    [[nodiscard]] int major() const { return programs_.major; }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
    // A folder inside of `folder` that the server may fill, such as a tablespace's.
    Result<std::filesystem::path> make_folder(const std::string& name);

    // What keeps SQL in it from us; in words, for people. `fenced`: see FileFence.
    [[nodiscard]] bool own_user() const { return user_.has_value(); }
    [[nodiscard]] bool fenced() const { return fence_.has_value(); }
    [[nodiscard]] bool reaches_network() const;  // this machine's, by whatever protocol

    // Whether it still runs. One that ended by itself has said why: last_words().
    [[nodiscard]] bool running();
    [[nodiscard]] std::string last_words();

private:
    ScratchServer() = default;

    Status make_home();
    Status keep();  // starts the process that removes the folder after us
    Status initialise(const ScratchOptions& options, const std::stop_token& stop);
    Status run(const ScratchOptions& options);
    Status wait_until_ready(const ScratchOptions& options, const std::stop_token& stop);
    os::ChildOptions child(const std::string& program) const;

    ServerPrograms programs_;
    std::filesystem::path folder_;
    os::Fd lock_;  // on the folder, for as long as we live: whoever finds one that is not locked may remove it
    std::string login_;
    std::optional<os::SpareUser> user_;
    std::optional<os::FileFence> fence_;
    std::optional<os::NetworkFilter> network_filter_;
    std::optional<os::ChildProcess> keeper_;
    std::optional<os::ChildProcess> process_;
    std::unique_ptr<Diagnostics> said_;
};

}  // namespace lifeboat::postgres
