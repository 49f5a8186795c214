#include "postgres/scratch_server.hpp"

#include "os/errno_text.hpp"
#include "os/fd.hpp"
#include "os/random.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>

namespace lifeboat::postgres {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view folder_prefix = "lifeboat-drill-";
constexpr const char* port = "5432";
constexpr int newest_major = 30;
constexpr std::size_t longest_socket_path = 107;  // sockaddr_un's

// A cluster of an overloaded machine may take its time; one that does not come up at all says so much sooner.
constexpr auto start_patience = std::chrono::minutes(3);
constexpr auto stop_patience = std::chrono::seconds(10);

std::string bin_folder(const std::string& bin_dir, int major) {
    std::string folder = bin_dir;
    constexpr std::string_view placeholder = "{major}";
    if (const auto at = folder.find(placeholder); at != std::string::npos) {
        folder.replace(at, placeholder.size(), std::to_string(major));
    }
    return folder;
}

bool runnable(const std::string& path) {
    return ::access(path.c_str(), X_OK) == 0;
}

bool is_whole(const std::string& folder) {
    constexpr std::array<const char*, 5> programs = {"initdb", "postgres", "pg_dump", "pg_dumpall", "pg_restore"};
    return std::all_of(programs.begin(), programs.end(),
                       [&](const char* name) { return runnable(folder + "/" + name); });
}

// Where one folder stands for every major, the server itself is asked which it is.
Result<int> major_in(const std::string& folder) {
    os::ChildOptions options;
    options.program = folder + "/postgres";
    options.arguments = {"--version"};
    options.environment = {"LC_ALL=C"};
    options.pipe_stdout = true;
    auto child = os::ChildProcess::start(options);
    if (!child) {
        return std::move(child).error();
    }
    constexpr std::size_t most = 4096;
    auto text = os::read_all(child->standard_output().get(), options.program, most);
    if (!text) {
        return std::move(text).error();
    }
    const auto at = text->find(") ");
    if (!child->wait().success() || at == std::string::npos) {
        return failed(options.program + " --version named no version", "reinstall PostgreSQL's server package");
    }
    return std::atoi(text->c_str() + at + 2);  // NOLINT(cert-err34-c): 0 fits nothing
}

std::string found_majors(const std::string& bin_dir) {
    std::string list;
    for (int major = 10; major <= newest_major; ++major) {
        if (is_whole(bin_folder(bin_dir, major))) {
            list += (list.empty() ? "" : ", ") + std::to_string(major);
        }
    }
    return list.empty() ? "none" : list;
}

// libpq's keyword/value form.
void add_option(std::string& conninfo, const std::string& name, const std::string& value) {
    conninfo += (conninfo.empty() ? "" : " ") + name + "='";
    for (const char c : value) {
        conninfo += c == '\'' || c == '\\' ? "\\" : "";
        conninfo += c;
    }
    conninfo += "'";
}

Server server_at(const fs::path& folder, const std::string& user, const std::string& database) {
    std::string conninfo;
    // Nothing of it from the environment, which tells of another server.
    for (const auto& [name, value] :
         std::initializer_list<std::pair<std::string, std::string>>{{"host", folder.string()},
                                                                    {"hostaddr", ""},
                                                                    {"port", port},
                                                                    {"user", user},
                                                                    {"dbname", database},
                                                                    {"password", ""},
                                                                    {"passfile", (folder / "no-passwords").string()},
                                                                    {"options", ""},
                                                                    {"sslmode", "disable"},
                                                                    {"gssencmode", "disable"},
                                                                    {"target_session_attrs", "any"}}) {
        add_option(conninfo, name, value);
    }
    return {Secret(conninfo)};
}

Error no_room_for_socket(const fs::path& folder) {
    return failed("the path of the folder " + folder.string() + " is too long for a Unix socket in it",
                  "set TMPDIR to a folder with a shorter path");
}

// Opens the folder and takes its lock. Empty where somebody has it, or where the folder is not the one of that name any
// more.
os::Fd locked(const fs::path& folder) {
    os::Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat ours {};
    struct stat there {};
    const bool taken = opened && ::flock(opened.get(), LOCK_EX | LOCK_NB) == 0 && ::fstat(opened.get(), &ours) == 0 &&
                       ::lstat(folder.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
                       ours.st_dev == there.st_dev;
    return taken ? std::move(opened) : os::Fd();
}

// Left by those who were killed together with their keepers. Another user's cannot be removed, which is no matter.
void sweep(const fs::path& parent) {
    std::error_code error;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(parent, error)) {
        if (entry.path().filename().string().rfind(folder_prefix, 0) == 0) {
            found.push_back(entry.path());
        }
    }
    for (const auto& folder : found) {
        if (const os::Fd lock = locked(folder); lock) {
            fs::remove_all(folder, error);
        }
    }
}

// Waits for the end of whoever holds the other end of its input, and removes the folder. It outlives us on purpose.
constexpr const char* keeper_script = R"(trap '' HUP INT TERM
cat > /dev/null
tries=0
while [ -e "$1" ] && [ "$tries" -lt 100 ]; do
    if [ -n "${2:-}" ]; then
        setpriv --reuid "$2" --regid "$3" --clear-groups -- /bin/sh -c 'kill -9 -1' 2> /dev/null
    fi
    rm -rf -- "$1" 2> /dev/null || sleep 0.1
    tries=$((tries + 1))
done
)";

// Of /etc only what programs need to run: lifeboat's own settings and keys may lie there, too.
std::vector<std::string> readable(const std::string& programs) {
    std::vector<std::string> paths = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store", "/proc", "/sys"};
    for (const char* name : {"alternatives", "group", "host.conf", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
                             "locale.alias", "localtime", "nsswitch.conf", "passwd", "perl", "postgresql-common",
                             "python3", "python3.11", "resolv.conf", "ssl/certs", "ssl/openssl.cnf", "timezone"}) {
        paths.push_back(std::string("/etc/") + name);
    }
    for (const char* name : {"null", "zero", "full", "random", "urandom", "fd"}) {
        paths.push_back(std::string("/dev/") + name);
    }
    // The libraries and files of a server lie beside its programs, where those truly are: in <prefix>/lib and share, or
    // as Debian has them, in <prefix>/lib/postgresql/<major> and <prefix>/share. Nothing else of <prefix>, which may be
    // somebody's home.
    std::error_code unknown;
    for (const auto& program : {fs::path(programs), fs::weakly_canonical(programs, unknown)}) {
        paths.push_back(program.parent_path().string());
        fs::path prefix = program.parent_path().parent_path();
        for (const char* name : {"lib", "lib64", "share"}) {
            paths.push_back((prefix / name).string());
        }
        for (int up = 0; up < 3; ++up) {
            prefix = prefix.parent_path();
            paths.push_back((prefix / "share" / "postgresql").string());
        }
    }
    return paths;
}

std::vector<std::string> writable(const fs::path& folder) {
    return {folder.string(), "/dev/null", "/dev/zero", "/dev/full"};
}

bool give(const fs::path& path, const std::optional<os::SpareUser>& user) {
    return !user || ::chown(path.c_str(), user->ids().user, user->ids().group) == 0;
}

using Setting = std::pair<std::string, std::string>;

std::vector<Setting> settings_for(const fs::path& folder, const ScratchOptions& options) {
    std::vector<Setting> settings = {
        {"listen_addresses", ""},
        {"port", port},
        {"unix_socket_directories", folder.string()},
        {"unix_socket_permissions", "0700"},
        {"fsync", "off"},
        {"synchronous_commit", "off"},
        {"full_page_writes", "off"},
        {"wal_level", "minimal"},
        {"max_wal_senders", "0"},
        {"max_wal_size", "256MB"},
        {"autovacuum", "off"},
        {"logging_collector", "off"},
        {"log_destination", "stderr"},
        {"log_statement", "none"},
        {"lc_messages", "C"},
        {"dynamic_shared_memory_type", "mmap"},  // in its folder, and gone with it
        {"max_connections", "20"},
        {"max_logical_replication_workers", "0"},
        {"restart_after_crash", "off"},  // what ended a session would end the next one
        {"jit", "off"},
    };
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    return settings;
}

}  // namespace

std::string scratch_parent() {
    const char* chosen = ::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

std::optional<std::uint64_t> scratch_room() {
    struct statvfs about {};
    if (::statvfs(scratch_parent().c_str(), &about) != 0) {
        return std::nullopt;
    }
    return std::uint64_t{about.f_bavail} * about.f_frsize;
}

Result<ServerPrograms> find_server_programs(const std::string& bin_dir, int major) {
    const std::string cure = "install the package postgresql-" + std::to_string(major) +
                             " (it need not run), set drill.bin_dir, or give a server with --to";
    if (bin_dir.find("{major}") == std::string::npos) {
        if (!is_whole(bin_dir)) {
            return failed("there is no PostgreSQL server with its client programs in " + bin_dir, cure);
        }
        auto there = major_in(bin_dir);
        if (!there) {
            return std::move(there).error();
        }
        if (*there < major) {
            return failed("the backup is of PostgreSQL " + std::to_string(major) + ", and the server in " + bin_dir +
                              " is the older PostgreSQL " + std::to_string(*there),
                          cure);
        }
        return ServerPrograms{*there, bin_dir + "/initdb", bin_dir + "/postgres"};
    }
    for (int candidate = major; candidate <= newest_major; ++candidate) {
        if (const std::string folder = bin_folder(bin_dir, candidate); is_whole(folder)) {
            return ServerPrograms{candidate, folder + "/initdb", folder + "/postgres"};
        }
    }
    return failed("the backup is of PostgreSQL " + std::to_string(major) +
                      ", and there is no server of it or a newer "
                      "one (initdb, postgres and the client programs) in " +
                      bin_dir + " (majors found: " + found_majors(bin_dir) + ")",
                  cure);
}

Result<std::unique_ptr<ScratchServer>> ScratchServer::start(const ScratchOptions& options,
                                                            const std::stop_token& stop) {
    auto programs = find_server_programs(options.bin_dir, options.major);
    if (!programs) {
        return std::move(programs).error();
    }
    std::unique_ptr<ScratchServer> server(new ScratchServer());
    server->programs_ = std::move(*programs);
    constexpr std::size_t random_bytes = 4;
    server->login_ = "lifeboat_drill_" + os::random_hex(random_bytes);
    if (auto made = server->make_home(); !made) {
        return std::move(made).error();
    }
    if (auto made = server->initialise(options, stop); !made) {
        return in_context("a throw-away server could not be made", std::move(made).error());
    }
    if (auto ran = server->run(options); !ran) {
        return std::move(ran).error();
    }
    if (auto ready = server->wait_until_ready(options, stop); !ready) {
        return in_context("the throw-away server did not start", std::move(ready).error());
    }
    return server;
}

Status ScratchServer::make_home() {
    const fs::path parent = scratch_parent();
    sweep(parent);
    for (int tries = 0; !lock_ && tries < 10; ++tries) {  // another's sweep may take one before it is locked
        std::string name = (parent / (std::string(folder_prefix) + "XXXXXX")).string();
        if (name.size() + std::string_view("/.s.PGSQL.").size() + std::string_view(port).size() > longest_socket_path) {
            return no_room_for_socket(parent);
        }
        if (::mkdtemp(name.data()) == nullptr) {
            return failed("cannot make a folder in " + parent.string() + ": " + os::errno_text(errno),
                          "set TMPDIR to a folder in which there may be one");
        }
        lock_ = locked(name);
        folder_ = lock_ ? fs::path(name) : fs::path();
    }
    if (!lock_) {
        return failed("cannot keep a folder in " + parent.string());
    }
    if (::geteuid() == 0) {
        auto user = os::SpareUser::find();
        if (!user) {
            return std::move(user).error();
        }
        user_.emplace(std::move(*user));
        if (!give(folder_, user_)) {
            return failed("cannot hand " + folder_.string() + " to another user: " + os::errno_text(errno),
                          "run this as a plain user, or give a server with --to");
        }
    }
    network_filter_ = os::NetworkFilter::build();
    fence_ = os::FileFence::build(readable(programs_.postgres), writable(folder_));
    return keep();
}

Status ScratchServer::keep() {
    os::ChildOptions options;
    options.program = "/bin/sh";
    options.arguments = {"-c", keeper_script, "lifeboat-drill", folder_.string()};
    if (user_) {
        const auto [user, group] = user_->ids();
        options.arguments.insert(options.arguments.end(), {std::to_string(user), std::to_string(group)});
        options.inherited = {user_->lock()};  // nobody gets this user before all of it is gone
    }
    options.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
    options.folder = "/";
    options.pipe_stdin = true;
    options.own_stderr = false;
    options.death_signal = 0;
    auto keeper = os::ChildProcess::start(options);
    if (!keeper) {
        return std::move(keeper).error();
    }
    keeper_.emplace(std::move(*keeper));
    return done();
}

os::ChildOptions ScratchServer::child(const std::string& program) const {
    os::ChildOptions options;
    options.program = program;
    options.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=" + folder_.string()};
    options.folder = folder_.string();
    options.user = user_ ? std::optional(user_->ids()) : std::nullopt;
    options.fence = fence_ ? &*fence_ : nullptr;
    options.leave_network = user_.has_value();
    return options;
}

Status ScratchServer::initialise(const ScratchOptions& options, const std::stop_token& stop) {
    auto made = child(programs_.initdb);
    // Every database is made from template0, with its own encoding and locale: C goes with all of them.
    made.arguments = {"--pgdata=" + (folder_ / "data").string(),
                      "--username=" + options.superuser,
                      "--auth=trust",
                      "--encoding=UTF8",
                      "--locale=C",
                      "--no-sync"};
    auto initdb = os::ChildProcess::start(made);
    if (!initdb) {
        return std::move(initdb).error();
    }
    Diagnostics said(std::move(initdb->standard_error()));
    const auto ended = initdb->wait(stop);
    if (!ended) {
        initdb->end(std::chrono::milliseconds(0));
        return Error{ErrorKind::interrupted, "stopped", {}};
    }
    said.wait();
    if (!ended->success()) {
        return Error{ErrorKind::failed, "initdb failed (" + ended->text() + ")",
                     "see whether TMPDIR has room and lets programs write", said.summary()};
    }
    return done();
}

Status ScratchServer::run(const ScratchOptions& options) {
    auto server = child(programs_.postgres);
    // Not for initdb, which runs nobody's code, and may have to ask a name service for who it is.
    server.network_filter = network_filter_ ? &*network_filter_ : nullptr;
    server.death_signal = SIGQUIT;  // an immediate shutdown: no process of it stays, and no shared memory
    server.arguments = {"-D", (folder_ / "data").string()};
    for (const auto& [name, value] : settings_for(folder_, options)) {
        std::string setting = name;
        setting += "=" + value;
        server.arguments.insert(server.arguments.end(), {"-c", std::move(setting)});
    }
    auto process = os::ChildProcess::start(server);
    if (!process) {
        return std::move(process).error();
    }
    process_.emplace(std::move(*process));
    said_ = std::make_unique<Diagnostics>(std::move(process_->standard_error()));
    return done();
}

namespace {

// The eighth line of postmaster.pid.
bool says_ready(const fs::path& file) {
    std::ifstream lines(file);
    std::string line;
    for (int i = 0; i < 8; ++i) {
        if (!std::getline(lines, line)) {
            return false;
        }
    }
    return line.rfind("ready", 0) == 0;
}

}  // namespace

Status ScratchServer::wait_until_ready(const ScratchOptions& options, const std::stop_token& stop) {
    constexpr int look_every_ms = 20;
    const auto deadline = std::chrono::steady_clock::now() + start_patience;
    while (!says_ready(folder_ / "data" / "postmaster.pid")) {
        if (stop.stop_requested()) {
            return Error{ErrorKind::interrupted, "stopped", {}};
        }
        pollfd ended{process_->end_fd(), POLLIN, 0};
        if (::poll(&ended, 1, look_every_ms) > 0 || std::chrono::steady_clock::now() > deadline) {
            return Error{ErrorKind::failed, "it ended, or takes no connections", "see what it said", last_words()};
        }
    }
    auto first = Connection::open(server_at(folder_, options.superuser, "template1"), std::nullopt, stop);
    if (!first) {
        return std::move(first).error();
    }
    // A role and a database that no backup has. Those that initdb made are in the way of the backup's. A database may
    // come back with a role for its sessions (ALTER DATABASE … SET role), which is not to be ours.
    for (const std::string& sql :
         {"CREATE ROLE " + login_ + " LOGIN SUPERUSER", "ALTER ROLE " + login_ + " SET role = none",
          "CREATE DATABASE " + login_, std::string("DROP DATABASE postgres")}) {
        if (auto ran = first->execute(sql); !ran) {
            return ran;
        }
    }
    return done();
}

Server ScratchServer::server() const {
    return server_at(folder_, login_, login_);
}

Result<fs::path> ScratchServer::make_folder(const std::string& name) {
    const fs::path path = folder_ / name;
    constexpr mode_t private_folder = 0700;
    if (::mkdir(path.c_str(), private_folder) != 0 || !give(path, user_)) {
        return failed("cannot make the folder " + path.string() + ": " + os::errno_text(errno));
    }
    return path;
}

bool ScratchServer::reaches_network() const {
    return !network_filter_ && !(process_ && os::has_other_network(process_->id()));
}

bool ScratchServer::running() {
    return process_ && !process_->ended();
}

std::string ScratchServer::last_words() {
    const auto lines = said_ ? said_->lines() : std::vector<std::string>();
    std::string text;
    constexpr std::size_t most = 6;
    for (std::size_t i = lines.size() > most ? lines.size() - most : 0; i < lines.size(); ++i) {
        text += (text.empty() ? "" : "; ") + lines[i];
    }
    return text;
}

ScratchServer::~ScratchServer() {
    if (process_) {
        process_->signal(SIGQUIT);
        pollfd ended{process_->end_fd(), POLLIN, 0};
        ::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(stop_patience).count()));
        process_.reset();  // with all of its group, where it is still there
    }
    // What SQL started, and what has left the server's group.
    if (user_) {
        user_->end_all();
    }
    os::end_orphans({keeper_ ? keeper_->id() : 0});
    said_.reset();
    if (!folder_.empty()) {
        std::error_code error;
        fs::remove_all(folder_, error);
    }
    if (keeper_) {
        keeper_->standard_input().reset();  // it removes what is left, and ends
        (void)keeper_->wait();
    }
}

}  // namespace lifeboat::postgres
