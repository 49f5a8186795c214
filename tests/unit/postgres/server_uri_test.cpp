// Connection strings that cannot be right, each with the password "hush": no message may repeat it. None of them
// leads to a server: what is not refused fails at a socket folder that is not there.
#include "postgres/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::postgres {
namespace {

using testing::HasSubstr;
using testing::Not;

Error refused(const std::string& uri) {
    auto connection = Connection::open({Secret(uri)}, std::nullopt, {});
    if (connection) {
        ADD_FAILURE() << "connected to " << uri;
        return {};
    }
    return std::move(connection).error();
}

TEST(ServerUri, IsNotRepeatedWhenItCannotBeRead) {
    for (const std::string uri :
         {"postgresql://app:hush%zz@host/db", "postgresql://app:hush@host:1/db?password", "password=hush host",
          "postgresql://app@host/db?password=hush&unknown=1", "postgresql://app:hush@[::1/db", "hush"}) {
        const auto error = refused(uri);
        EXPECT_EQ(error.kind, ErrorKind::usage) << uri;
        EXPECT_THAT(error.what + error.next, Not(HasSubstr("hush"))) << uri;
    }
}

TEST(ServerUri, IsNotRepeatedWhenThePasswordHoldsASpecialCharacter) {
    for (const std::string uri : {"postgresql://app:a@hush@host/db", "postgresql://app:hush/word@host/db",
                                  "postgresql://app:a@hush/word@host/db", "postgresql://app:12/hush@host/db",
                                  "postgresql://app:a@hush:5432@host/db"}) {
        const auto error = refused(uri);
        EXPECT_EQ(error.kind, ErrorKind::usage) << uri;
        EXPECT_THAT(error.what + error.next, Not(HasSubstr("hush"))) << uri;
        EXPECT_THAT(error.next, HasSubstr("percent-encoded")) << uri;
    }
}

TEST(ServerUri, MayHoldAtSignsWhereTheyBelong) {
    for (const std::string uri :
         {"postgresql://app:hush@/db?host=/nonexistent", "postgresql:///db?host=/nonexistent&user=a@b",
          "postgresql://app:hu%40sh@/d%40b?host=/nonexistent", "host=/nonexistent password=hu@sh dbname=d@b"}) {
        const auto error = refused(uri);
        EXPECT_EQ(error.kind, ErrorKind::temporary) << uri;
        EXPECT_THAT(error.what, HasSubstr("/nonexistent")) << uri;
        EXPECT_THAT(error.what + error.next, Not(HasSubstr("hush"))) << uri;
    }
}

TEST(ServerUri, MayHoldNoKeyPassphrase) {
    const auto error = refused("postgresql://app@/db?host=/nonexistent&sslpassword=hush");
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_THAT(error.what, HasSubstr("sslpassword"));
    EXPECT_THAT(error.what + error.next, Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace lifeboat::postgres
