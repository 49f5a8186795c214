#include "config/show.hpp"

#include <nlohmann/json.hpp>

#include "config/reference.hpp"
#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

nlohmann::json json_of(const Attempt& attempt) {
    return nlohmann::json::parse(show_json(attempt.loaded));
}

TEST(Show, TellsKeyValueAndOrigin) {
    const std::string table = show(from_text("[schedule]\njitter = \"90m\"\n").loaded);
    EXPECT_THAT(table, ContainsRegex("schedule\\.jitter +1h30m +app\\.toml:2\n"));
    EXPECT_THAT(table, ContainsRegex("store\\.part_size +8MiB +default\n"));
    EXPECT_THAT(table, ContainsRegex("health\\.listen +\\[::\\]:9847 +default\n"));
    EXPECT_THAT(table, ContainsRegex("postgres\\.databases +\\[\"\\*\"\\] +default\n"));
    EXPECT_THAT(table, ContainsRegex("store\\.url +- +default\n"));
}

TEST(Show, HasEveryKey) {
    const std::string table = show(from_text("").loaded);
    for (const KeyDescription& key : describe_keys()) {
        EXPECT_THAT(table, HasSubstr("\n" + key.key + " "));
    }
}

TEST(Show, HidesEverySecret) {
    Sources sources = no_sources();
    std::string file;
    for (const KeyDescription& key : describe_keys()) {
        if (key.secret) {
            const bool web = key.key.starts_with("notify.");
            const bool uri = key.key == "postgres.uri";
            sources.environment[key.environment] = web   ? "https://example.org/hunter2"
                                                   : uri ? "postgresql://u:hunter2@h/d"
                                                         : "hunter2";
        }
    }
    const Attempt attempt = from_text("", sources);
    ASSERT_EQ(told(attempt), "");
    EXPECT_THAT(show(attempt.loaded), Not(HasSubstr("hunter2")));
    EXPECT_THAT(show_json(attempt.loaded), Not(HasSubstr("hunter2")));
    EXPECT_THAT(show(attempt.loaded),
                ContainsRegex("store\\.secret_access_key +\\(hidden\\) +LIFEBOAT_STORE_SECRET_ACCESS_KEY\n"));
}

TEST(ShowJson, KeepsTypesAndTellsOrigins) {
    const auto json = json_of(from_text("[store]\nuploads = 5\n[retention]\nprune = true\n"));
    const auto& settings = json.at("settings");
    EXPECT_EQ(settings.at("store.uploads"),
              nlohmann::json({{"value", 5}, {"origin", "app.toml:2"}, {"secret", false}}));
    EXPECT_EQ(settings.at("retention.prune").at("value"), true);
    EXPECT_EQ(settings.at("lineage.min_ratio").at("value"), 0.5);
    EXPECT_EQ(settings.at("postgres.databases").at("value"), nlohmann::json::array({"*"}));
    EXPECT_EQ(settings.at("store.url").at("value"), nullptr);
    EXPECT_EQ(settings.at("store.expires_after").at("value"), "auto");
    EXPECT_EQ(settings.at("postgres.password").at("secret"), true);
    EXPECT_TRUE(json.at("warnings").is_array());
    EXPECT_TRUE(json.at("files").is_array());
}

TEST(ShowJson, OutlivesBytesThatAreNoUtf8) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_POSTGRES_DATABASES", "\xff\xfe"}};
    const Attempt attempt = from_text("", sources);
    EXPECT_EQ(json_of(attempt).at("settings").at("postgres.databases").at("origin"), "LIFEBOAT_POSTGRES_DATABASES");
    EXPECT_THAT(show(attempt.loaded), HasSubstr("LIFEBOAT_POSTGRES_DATABASES"));
}

struct WrittenUri {
    std::string written;
    std::string shown;
};

class ServerUris : public ::testing::TestWithParam<WrittenUri> {};

TEST_P(ServerUris, AreShownWithoutAnythingThatCouldBePassword) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_POSTGRES_URI", GetParam().written}};
    EXPECT_EQ(json_of(from_text("", sources)).at("settings").at("postgres.uri").at("value"), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    Config, ServerUris,
    ::testing::Values(WrittenUri{"postgresql://u@127.0.0.1/app", "postgresql://u@127.0.0.1/app"},
                      WrittenUri{"postgresql://u:hunter2@h:5432/d", "postgresql://u:(hidden)@h:5432/d"},
                      WrittenUri{"postgres://u:@h/d", "postgres://u:(hidden)@h/d"},
                      WrittenUri{"postgresql://[::1]:5432/d", "postgresql://[::1]:5432/d"},
                      WrittenUri{"postgresql://u:p@[::1]:5432,h2:5433/d",
                                 "postgresql://u:(hidden)@[::1]:5432,h2:5433/d"},
                      WrittenUri{"postgresql:///d?host=/run&user=u", "postgresql:///d?host=/run&user=u"},
                      WrittenUri{"postgresql://h/d?password=hunter2&sslmode=require",
                                 "postgresql://h/d?password=(hidden)&sslmode=require"},
                      WrittenUri{"postgresql://h/d?sslpassword=hunter2", "postgresql://h/d?sslpassword=(hidden)"},
                      WrittenUri{"postgresql://h/d?%70assword=hunter2", "postgresql://h/d?%70assword=(hidden)"},
                      WrittenUri{"postgresql://h/d?hunter2", "postgresql://h/d?(hidden)"},
                      WrittenUri{"postgresql://u:hunt@er2@h/d", "postgresql://(hidden)"},
                      WrittenUri{"postgresql://u:hunt/er2@h/d", "postgresql://(hidden)"},
                      WrittenUri{"postgresql://u:hunt?er2@h/d", "postgresql://(hidden)"},
                      WrittenUri{"postgresql://h:5432/d?password=hunt@er2", "postgresql://(hidden)"},
                      WrittenUri{"postgresql://u:hunter2", "postgresql://(hidden)"},
                      WrittenUri{"postgresql://u:hunter2/d", "postgresql://(hidden)"}));

}  // namespace
}  // namespace lifeboat::config::testing
