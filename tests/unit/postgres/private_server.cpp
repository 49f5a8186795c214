#include "private_server.hpp"

#include <poll.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace lifeboat::postgres {
namespace {

using std::chrono_literals::operator""s;

[[noreturn]] void give_up(const std::string& why) {
    ADD_FAILURE() << why;
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): no test can go on without a server
}

std::string newest_bin_dir() {
    std::string newest;
    int newest_major = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql")) {
        const int major = std::atoi(entry.path().filename().c_str());  // NOLINT(cert-err34-c): 0 is none
        if (major > newest_major && std::filesystem::exists(entry.path() / "bin/initdb")) {
            newest_major = major;
            newest = entry.path() / "bin";
        }
    }
    return newest;
}

// PostgreSQL refuses to run as root. setpriv becomes the program itself, which is asked to end at once when this
// one dies.
os::ChildOptions as_server_user(const std::string& command) {
    const std::string user = ::geteuid() == 0 ? "--reuid postgres --regid postgres --init-groups " : "";
    os::ChildOptions options;
    options.program = "/bin/sh";
    options.arguments = {"-c", "exec setpriv " + user + "--pdeathsig QUIT -- " + command};
    options.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
    return options;
}

}  // namespace

PrivateServer& PrivateServer::instance() {
    static const std::unique_ptr<PrivateServer> server = [] {
        std::string folder = std::filesystem::temp_directory_path() / "lifeboat-postgres-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) {
            give_up("cannot make a folder for the server");
        }
        auto made = std::make_unique<PrivateServer>(folder);
        made->start();
        return made;
    }();
    return *server;
}

PrivateServer::~PrivateServer() {
    if (postmaster_) {
        postmaster_->signal(SIGQUIT);  // its immediate shutdown, which leaves no process and no shared memory
        postmaster_->wait();
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void PrivateServer::start() {
    bin_dir_ = newest_bin_dir();
    if (::geteuid() == 0) {
        const std::string chown = "chown postgres:postgres " + folder_;
        if (std::system(chown.c_str()) != 0) {  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
            give_up("cannot give the folder to postgres");
        }
    }
    const std::string data = folder_ + "/data";
    const std::string log = folder_ + "/log";
    auto initdb = os::ChildProcess::start(
        as_server_user(bin_dir_ + "/initdb -D " + data +
                       " -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >" + log + " 2>&1"));
    if (!initdb || !initdb->wait().success()) {
        give_up("initdb failed: " + os::read_file(log, 100000).value());
    }
    std::ofstream(data + "/pg_hba.conf") << "local all scrambled scram-sha-256\nlocal all all trust\n";
    auto postmaster = os::ChildProcess::start(as_server_user(
        bin_dir_ + "/postgres -D " + data + " -k " + folder_ +
        " -c listen_addresses= -c fsync=off -c max_connections=30 -c shared_buffers=16MB >>" + log + " 2>&1"));
    if (!postmaster) {
        give_up(postmaster.error().what);
    }
    postmaster_ = std::make_unique<os::ChildProcess>(std::move(*postmaster));
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!Connection::open(server(), std::nullopt, {})) {
        if (std::chrono::steady_clock::now() > deadline) {
            give_up("the server did not start: " + os::read_file(log, 100000).value());
        }
        ::poll(nullptr, 0, 20);
    }
}

Server PrivateServer::server(const std::string& database, const std::string& user) const {
    return {Secret("postgresql:///" + database + "?user=" + user + "&host=" + folder_)};
}

Server PrivateServer::server_with_password() const {
    return server_with_password([] { return Secret(password()); });
}

Server PrivateServer::server_with_password(FollowedPassword::Read read) const {
    return {server("postgres", "scrambled").uri, std::make_shared<FollowedPassword>(std::move(read))};
}

Connection PrivateServer::connect(const std::string& database, const std::stop_token& stop) const {
    auto connection = Connection::open(server(database), std::nullopt, stop);
    if (!connection) {
        give_up(connection.error().what);
    }
    return std::move(connection).value();
}

void must(Connection& connection, const std::string& sql) {
    const auto executed = connection.execute(sql);
    ASSERT_TRUE(executed) << sql << ": " << executed.error().detail;
}

}  // namespace lifeboat::postgres
