#include <sys/stat.h>

#include "config/show.hpp"
#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Needs server_needs{.postgres = true};

Attempt with_password_file(const std::string& path, const Needs& needs = server_needs) {
    return from_text("[postgres]\npassword_file = \"" + path + "\"\n", no_sources(), needs);
}

TEST(Secrets, FromAFileLoseTheNewlineBehind) {
    const ScratchFolder folder;
    for (const std::string content : {"hunter2", "hunter2\n", "hunter2\r\n"}) {
        const Attempt attempt = with_password_file(folder.write("password", content));
        ASSERT_EQ(told(attempt), "");
        EXPECT_EQ(attempt.loaded.settings.postgres.password.value().reveal(), "hunter2");
    }
}

TEST(Secrets, FromAFileKeepBlanks) {
    const ScratchFolder folder;
    const Attempt attempt = with_password_file(folder.write("password", " two words \n"));
    EXPECT_EQ(attempt.loaded.settings.postgres.password.value().reveal(), " two words ");
}

TEST(Secrets, FromAFileNameItAsTheirOrigin) {
    const ScratchFolder folder;
    const std::string path = folder.write("password", "x");
    EXPECT_EQ(with_password_file(path).loaded.origins.at("postgres.password").text(), "app.toml:2 (" + path + ")");
}

TEST(Secrets, CanAllComeFromFiles) {
    const ScratchFolder folder;
    const std::string web = folder.write("web", "https://example.org/x\n");
    const std::string key = folder.write("key", "k");
    const Attempt attempt =
        from_environment({{"LIFEBOAT_POSTGRES_URI_FILE", folder.write("uri", "postgresql://u:p@h/d\n")},
                          {"LIFEBOAT_STORE_ACCESS_KEY_ID_FILE", key},
                          {"LIFEBOAT_STORE_SECRET_ACCESS_KEY_FILE", key},
                          {"LIFEBOAT_STORE_SESSION_TOKEN_FILE", key},
                          {"LIFEBOAT_NOTIFY_ON_FAILURE_FILE", web},
                          {"LIFEBOAT_NOTIFY_ON_SUCCESS_FILE", web},
                          {"LIFEBOAT_NOTIFY_PING_FILE", web}},
                         {.store = false, .postgres = true, .notify = true});
    ASSERT_EQ(told(attempt), "");
    EXPECT_EQ(attempt.loaded.settings.postgres.uri.value().reveal(), "postgresql://u:p@h/d");
    EXPECT_EQ(attempt.loaded.settings.notify.ping.value().reveal(), "https://example.org/x");
    EXPECT_FALSE(attempt.loaded.settings.store.access_key_id) << "the store was not needed";
    EXPECT_THAT(attempt.loaded.warnings, IsEmpty());
}

TEST(Secrets, OfTablesThatAreNotNeededAreNotRead) {
    const Attempt attempt = with_password_file("/nonexistent/password", {.store = true});
    EXPECT_THAT(told(attempt), Not(HasSubstr("password")));
    EXPECT_FALSE(attempt.loaded.settings.postgres.password);
    EXPECT_THAT(attempt.loaded.files, Not(::testing::Contains(std::filesystem::path("/nonexistent/password"))));
    EXPECT_THAT(show(attempt.loaded),
                ::testing::ContainsRegex("postgres.password +\\(hidden\\) +app.toml:2 \\(/nonexistent/password\\)"));
}

TEST(Secrets, ThatAreMissingAreToldWithKeyAndPath) {
    EXPECT_EQ(told(with_password_file("/nonexistent/password")),
              "app.toml:2:17: postgres.password_file: file '/nonexistent/password': does not exist; create it, or "
              "correct its path\n");
}

TEST(Secrets, ThatAreEmptyAreRefused) {
    const ScratchFolder folder;
    EXPECT_THAT(told(with_password_file(folder.write("password", "\n"))), HasSubstr("is empty"));
}

TEST(Secrets, OfNotificationsThatCannotBeReadKeepNoBackupFromBeingMade) {
    const auto only_notification = [](const Environment& environment) {
        std::vector<bool> each;
        for (const auto& problem : from_environment(environment, {.postgres = true, .notify = true}).problems) {
            each.push_back(problem.only_notification);
        }
        return each;
    };
    const ScratchFolder folder;
    EXPECT_THAT(only_notification({{"LIFEBOAT_NOTIFY_PING_FILE", "/nonexistent/ping"},
                                   {"LIFEBOAT_NOTIFY_ON_FAILURE_FILE", folder.write("empty", "\n")},
                                   {"LIFEBOAT_NOTIFY_ON_SUCCESS_FILE", folder.path().string()}}),
                ElementsAre(true, true, true));
    EXPECT_THAT(only_notification({{"LIFEBOAT_POSTGRES_PASSWORD_FILE", "/nonexistent/password"}}), ElementsAre(false));
    EXPECT_THAT(only_notification({{"LIFEBOAT_NOTIFY_PING_FILE", folder.write("wrong", "no address")}}),
                ElementsAre(false))
        << "that is somebody's mistake, and not a file that is yet to come";
    EXPECT_THAT(only_notification({{"LIFEBOAT_NOTIFY_PING_FILE", ""}}), ElementsAre(false));
    EXPECT_THAT(only_notification({{"LIFEBOAT_NOTIFY_PING", "no address"}}), ElementsAre(false));
}

TEST(Secrets, LargerThanAMebibyteAreRefused) {
    const ScratchFolder folder;
    EXPECT_THAT(told(with_password_file(folder.write("password", std::string(1024 * 1024 + 1, 'x')))),
                HasSubstr("larger than 1 MiB"));
    EXPECT_EQ(told(with_password_file(folder.write("password", std::string(1024 * 1024, 'x')))), "");
}

TEST(Secrets, InWhatIsNoFileAreRefusedWithoutWaiting) {
    const ScratchFolder folder;
    const std::string pipe = (folder.path() / "pipe").string();
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_THAT(told(with_password_file(pipe)), HasSubstr("is no regular file"));
    EXPECT_THAT(told(with_password_file(folder.path().string())), HasSubstr("is a folder"));
    EXPECT_THAT(told(with_password_file("/dev/zero")), HasSubstr("is no regular file"));
}

TEST(Secrets, WithANulAreRefused) {
    const ScratchFolder folder;
    EXPECT_THAT(told(with_password_file(folder.write("password", std::string("a\0b", 3)))), HasSubstr("NUL"));
}

TEST(Secrets, AFilePathMustBeAText) {
    EXPECT_THAT(told(from_text("[postgres]\npassword_file = 5\n", no_sources(), server_needs)),
                HasSubstr("postgres.password_file: expected path, found whole number"));
    EXPECT_THAT(told(from_environment({{"LIFEBOAT_POSTGRES_PASSWORD_FILE", ""}}, server_needs)),
                HasSubstr("found nothing"));
}

TEST(Secrets, GivenTwiceAtOneLevelAreRefused) {
    EXPECT_THAT(told(from_text("[postgres]\npassword = \"a\"\npassword_file = \"/b\"\n", no_sources(), server_needs)),
                HasSubstr("app.toml:3:17: postgres.password: is given twice, as password and as password_file"));
    EXPECT_THAT(told(from_environment({{"LIFEBOAT_POSTGRES_PASSWORD", "a"}, {"LIFEBOAT_POSTGRES_PASSWORD_FILE", "/b"}},
                                      server_needs)),
                HasSubstr("is given twice"));
}

TEST(Secrets, FromTheStrongerLevelWinInEitherForm) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_POSTGRES_PASSWORD", "stronger"}};
    const Attempt attempt = from_text("[postgres]\npassword_file = \"/nonexistent/p\"\n", sources, server_needs);
    ASSERT_EQ(told(attempt), "");
    EXPECT_EQ(attempt.loaded.settings.postgres.password.value().reveal(), "stronger");

    const ScratchFolder folder;
    sources.environment = {{"LIFEBOAT_POSTGRES_PASSWORD_FILE", folder.write("p", "from file")}};
    EXPECT_EQ(from_text("[postgres]\npassword = \"weaker\"\n", sources, server_needs)
                  .loaded.settings.postgres.password.value()
                  .reveal(),
              "from file");
}

TEST(Secrets, ThatAreWrongAreNotRepeated) {
    const ScratchFolder folder;
    const std::string hunter = folder.write("secret", "mysql://u:hunter2@h/d hunter2");
    const Attempt attempt = from_environment(
        {{"LIFEBOAT_POSTGRES_URI_FILE", hunter}, {"LIFEBOAT_NOTIFY_PING", "hunter2 with blanks"}}, Needs::everything());
    EXPECT_THAT(told(attempt), HasSubstr("postgres.uri: file '" + hunter + "': is no server address"));
    EXPECT_THAT(told(attempt), HasSubstr("notify.ping: is no web address"));
    EXPECT_THAT(told(attempt), Not(HasSubstr("hunter2")));
    EXPECT_THAT(told(from_text("[postgres]\nuri = 424242\n")), Not(HasSubstr("424242")));
}

TEST(Secrets, FilesAreListedForTheWatchThereOrNot) {
    const Attempt attempt = with_password_file("/nonexistent/password");
    EXPECT_THAT(attempt.loaded.files, ElementsAre("/nonexistent/password"));
}

}  // namespace
}  // namespace lifeboat::config::testing
