#include "exit_code.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace lifeboat::cli {
namespace {

int code(ErrorKind kind, std::optional<int> signal = {}) {
    return exit_code({kind, "what", "next"}, signal);
}

// Scripts rely on these numbers.
TEST(ExitCode, IsTheDocumentedOneForEachKindOfError) {
    EXPECT_EQ(code(ErrorKind::failed), 1);
    EXPECT_EQ(code(ErrorKind::temporary), 1);
    EXPECT_EQ(code(ErrorKind::exists), 1);
    EXPECT_EQ(code(ErrorKind::corrupt), 1);
    EXPECT_EQ(code(ErrorKind::usage), 2);
    EXPECT_EQ(code(ErrorKind::not_found), 4);
    EXPECT_EQ(code(ErrorKind::refused), 5);
    EXPECT_EQ(static_cast<int>(ExitCode::unhealthy), 3);
}

TEST(ExitCode, TellsTheSignalThatInterrupted) {
    EXPECT_EQ(code(ErrorKind::interrupted, SIGINT), 130);
    EXPECT_EQ(code(ErrorKind::interrupted, SIGTERM), 143);
    EXPECT_EQ(code(ErrorKind::interrupted), 1) << "a reader that went away is no signal";
}

TEST(ExitCode, IsTheErrorsOwnEvenWhenASignalCameToo) {
    EXPECT_EQ(code(ErrorKind::usage, SIGTERM), 2);
    EXPECT_EQ(code(ErrorKind::failed, SIGTERM), 1);
}

}  // namespace
}  // namespace lifeboat::cli
