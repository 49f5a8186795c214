#include "postgres/client_program.hpp"

#include "os/memory_file.hpp"
#include "postgres/next_step.hpp"

#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <thread>

namespace lifeboat::postgres {
namespace {

// Set for the session, so that no database's and no role's own settings change the bytes of a dump or end it. (pg_dump
// itself sets IntervalStyle, extra_float_digits, search_path and its timeouts; pg_dumpall sets next to nothing.)
constexpr const char* pinned_settings =
    "-c TimeZone=UTC -c bytea_output=hex -c DateStyle=ISO -c standard_conforming_strings=on -c "
    "quote_all_identifiers=off "
    "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0";

// How long a client may take to cancel its statement on the server before it is killed.
constexpr std::chrono::milliseconds end_grace{2000};

constexpr int oldest_major = 10;
constexpr int newest_major = 30;

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

// " (majors found: 15, 17)"; empty where the folder is one and the same for every major.
std::string majors_present(const std::string& bin_dir) {
    if (bin_dir.find("{major}") == std::string::npos) {
        return {};
    }
    std::string list;
    for (int major = oldest_major; major <= newest_major; ++major) {
        if (runnable(bin_folder(bin_dir, major) + "/pg_dump")) {
            list += (list.empty() ? "" : ", ") + std::to_string(major);
        }
    }
    return " (majors found: " + (list.empty() ? "none" : list) + ")";
}

// "pg_dump (PostgreSQL) 15.20 (Debian …)" -> "15.20"
std::string version_in(std::string_view text) {
    const auto at = text.find(") ");
    if (at == std::string_view::npos) {
        return {};
    }
    text.remove_prefix(at + 2);
    return std::string(text.substr(0, text.find_first_of(" \n")));
}

std::vector<std::string> base_environment() {
    std::vector<std::string> environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    // libpq looks for client certificates and CA files below the home folder.
    if (const char* home = ::getenv("HOME"); home != nullptr) {  // NOLINT(concurrency-mt-unsafe): nobody sets it
        environment.push_back(std::string("HOME=") + home);
    }
    return environment;
}

Result<std::string> ask_version(const std::string& program) {
    os::ChildOptions options;
    options.program = program;
    options.arguments = {"--version"};
    options.environment = base_environment();
    options.pipe_stdout = true;
    auto child = os::ChildProcess::start(options);
    if (!child) {
        return std::move(child).error();
    }
    auto text = os::read_all(child->standard_output().get(), program, 4096);
    if (!text) {
        return std::move(text).error();
    }
    const auto exit = child->wait();
    const std::string version = version_in(*text);
    if (!exit.success() || version.empty()) {
        return failed(program + " --version ended with " + exit.text() + " and named no version",
                      "reinstall the PostgreSQL client package");
    }
    return version;
}

// "15.20" -> 20; 0 for what has no minor ("19rc1").
int minor_of(const std::string& version) {
    const auto dot = version.find('.');
    int minor = 0;
    if (dot != std::string::npos) {
        std::from_chars(version.data() + dot + 1, version.data() + version.size(), minor);
    }
    return minor;
}

// Where a pg_dump ends well and its archive is wrong. 18.0 and 18.1: a sequence that the role may not read is
// dumped with a made-up value (release notes of 18.2).
Status refuse_known_bad(const ClientPrograms& programs) {
    if (programs.major == 18 && minor_of(programs.version) < 2) {
        return failed(
            programs.pg_dump + " is of version " + programs.version + ", which can dump wrong values of sequences",
            "install 18.2 or newer of the package postgresql-client-18");
    }
    return done();
}

// In a password file, ':' and '\' are escaped by '\'. The child connects to one server only, so that every
// other field may match anything.
Secret password_file_content(const Secret& password) {
    std::string line = "*:*:*:*:";
    for (const char c : password.reveal()) {
        if (c == ':' || c == '\\') {
            line += '\\';
        }
        line += c;
    }
    return Secret(line + '\n');
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace

Result<ClientPrograms> find_client_programs(const std::string& bin_dir, int major) {
    const std::string folder = bin_folder(bin_dir, major);
    ClientPrograms programs{major, folder + "/pg_dump", folder + "/pg_dumpall", folder + "/pg_restore", {}};
    for (const auto& program : {programs.pg_dump, programs.pg_dumpall, programs.pg_restore}) {
        if (!runnable(program)) {
            return failed(
                "the server is PostgreSQL " + std::to_string(major) + ", and there is no " + program +
                    majors_present(bin_dir),
                "install the package postgresql-client-" + std::to_string(major) + ", or set postgres.bin_dir");
        }
    }
    auto version = ask_version(programs.pg_dump);
    if (!version) {
        return std::move(version).error();
    }
    if (std::atoi(version->c_str()) != major) {  // NOLINT(cert-err34-c): 0 is a mismatch too
        return failed(
            programs.pg_dump + " is of version " + *version + ", and the server is PostgreSQL " + std::to_string(major),
            "install the package postgresql-client-" + std::to_string(major) + ", or correct postgres.bin_dir");
    }
    programs.version = std::move(*version);
    if (auto checked = refuse_known_bad(programs); !checked) {
        return std::move(checked).error();
    }
    return programs;
}

bool ClientPrograms::outdated() const {
    static constexpr std::array<std::pair<int, int>, 5> closed_in = {{{14, 25}, {15, 20}, {16, 16}, {17, 12}, {18, 7}}};
    for (const auto& [with_major, minor] : closed_in) {
        if (major == with_major) {
            return minor_of(version) < minor;
        }
    }
    return major < closed_in.front().first;
}

ClientProgram::ClientProgram(std::string name, os::ChildProcess child, os::Fd password)
    : name_(std::move(name)),
      password_(std::move(password)),
      child_(std::move(child)),
      diagnostics_(std::make_unique<Diagnostics>(std::move(child_.standard_error()))) {}

Result<ClientProgram> ClientProgram::start(const std::string& program, std::vector<std::string> arguments,
                                           Streams streams, const Connection& connection, const std::string& database,
                                           Options options) {
    os::ChildOptions child_options;
    child_options.address_space = options.address_space;
    std::copy_if(options.inherited.begin(), options.inherited.end(), std::back_inserter(child_options.inherited),
                 [](int fd) { return fd >= 0; });
    child_options.program = program;
    child_options.arguments = std::move(arguments);
    if (options.server == Server::connects) {
        child_options.arguments.push_back(
            "--dbname=" + connection.child_conninfo(database,
                                                    std::string(pinned_settings) +
                                                        (options.writes ? " -c default_transaction_read_only=off" : ""),
                                                    options.session));
    }
    child_options.environment = base_environment();
    child_options.pipe_stdout = streams == Streams::output;
    child_options.pipe_stdin = streams == Streams::input;
    os::Fd password_file;
    if (const Secret password = connection.password(); options.server == Server::connects && !password.empty()) {
        auto file = os::memory_file("lifeboat", password_file_content(password));
        if (!file) {
            return std::move(file).error();
        }
        password_file = std::move(*file);
        child_options.inherited.push_back(password_file.get());
        child_options.environment.push_back("PGPASSFILE=" + os::memory_file_path(password_file.get()));
    }
    auto child = os::ChildProcess::start(child_options);
    if (!child) {
        return std::move(child).error();
    }
    return ClientProgram(base_name(program), std::move(*child), std::move(password_file));
}

ClientProgram::~ClientProgram() {
    if (diagnostics_) {  // not moved from
        // The signal first: the end of its input must not look to pg_restore like the end of the archive.
        child_.end(end_grace);
    }
}

Result<std::size_t> ClientProgram::read(std::span<std::byte> into, const std::stop_token& stop) {
    constexpr int stop_poll_ms = 100;
    for (;;) {
        if (stop.stop_requested()) {
            return Error{ErrorKind::interrupted, "stopped while reading from " + name_, {}};
        }
        pollfd entry{child_.standard_output().get(), POLLIN, 0};
        if (::poll(&entry, 1, stop_poll_ms) > 0) {
            auto got = os::read_some(entry.fd, into);
            return got ? std::move(got)
                       : Result<std::size_t>(in_context("the output of " + name_, std::move(got).error()));
        }
    }
}

void ClientProgram::end() noexcept {
    child_.end(end_grace);
}

void ClientProgram::ask_to_end() noexcept {
    child_.signal(SIGTERM);
}

Status ClientProgram::wait(const std::stop_token& stop) {
    const auto ended = child_.wait(stop);
    if (!ended) {
        return Error{ErrorKind::interrupted, "stopped while waiting for " + name_, {}};
    }
    const auto exit = *ended;
    diagnostics_->wait();
    if (exit.success()) {
        return done();
    }
    if (stop.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped while waiting for " + name_, {}};  // it was ended by us
    }
    const std::string said = diagnostics_->summary();
    return Error{ErrorKind::failed, name_ + " failed (" + exit.text() + ")", next_step(name_, said),
                 said.empty() ? "it said nothing" : said};
}

}  // namespace lifeboat::postgres
