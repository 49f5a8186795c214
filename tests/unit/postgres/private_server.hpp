// A PostgreSQL server for the tests of this room alone: Debian's newest, in a folder of its own, reached by a Unix
// socket there. It ends with the test program, however that ends.
#pragma once

#include "os/child_process.hpp"
#include "postgres/connection.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stop_token>
#include <string>

namespace lifeboat::postgres {

class PrivateServer {
public:
    // Started at the first call; fails the test that calls when it cannot be.
    static PrivateServer& instance();

    explicit PrivateServer(std::string folder) : folder_(std::move(folder)) {}
    PrivateServer(const PrivateServer&) = delete;
    PrivateServer& operator=(const PrivateServer&) = delete;
    ~PrivateServer();

    // As `user`, who needs no password, in `database`.
    [[nodiscard]] Server server(const std::string& database = "postgres", const std::string& user = "postgres") const;

    // The same for `scrambled`, the one user who needs a password, `password()`.
    [[nodiscard]] Server server_with_password() const;
    [[nodiscard]] Server server_with_password(FollowedPassword::Read read) const;
    static std::string password() { return "p:a\\s's w%rd@/"; }

    // A superuser's connection; the test ends when there is none.
    [[nodiscard]] Connection connect(const std::string& database = "postgres", const std::stop_token& stop = {}) const;

    [[nodiscard]] const std::string& bin_dir() const { return bin_dir_; }

private:
    void start();

    std::string folder_;
    std::string bin_dir_;
    std::unique_ptr<os::ChildProcess> postmaster_;
};

// Runs statements that must succeed.
void must(Connection& connection, const std::string& sql);

}  // namespace lifeboat::postgres
