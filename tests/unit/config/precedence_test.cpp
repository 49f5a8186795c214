#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string file_with_region = "[store]\nregion = \"from-file\"\n";

Sources every_source() {
    Sources sources = no_sources();
    sources.flags = {{"store.region", "from-flag"}};
    sources.environment = {{"LIFEBOAT_STORE_REGION", "from-environment"}, {"AWS_REGION", "from-standard"}};
    return sources;
}

std::string region_of(const Attempt& attempt) {
    EXPECT_EQ(told(attempt), "");
    return attempt.loaded.settings.store.region.value_or("derived");
}

std::string origin_of(const Attempt& attempt, const std::string& key) {
    return attempt.loaded.origins.at(key).text();
}

TEST(Precedence, FlagBeatsEnvironment) {
    const Attempt attempt = from_text(file_with_region, every_source());
    EXPECT_EQ(region_of(attempt), "from-flag");
    EXPECT_EQ(origin_of(attempt, "store.region"), "--region");
}

TEST(Precedence, EnvironmentBeatsFile) {
    Sources sources = every_source();
    sources.flags.clear();
    const Attempt attempt = from_text(file_with_region, sources);
    EXPECT_EQ(region_of(attempt), "from-environment");
    EXPECT_EQ(origin_of(attempt, "store.region"), "LIFEBOAT_STORE_REGION");
}

TEST(Precedence, FileBeatsStandardName) {
    Sources sources = every_source();
    sources.flags.clear();
    sources.environment.erase("LIFEBOAT_STORE_REGION");
    const Attempt attempt = from_text(file_with_region, sources);
    EXPECT_EQ(region_of(attempt), "from-file");
    EXPECT_EQ(origin_of(attempt, "store.region"), "app.toml:2");
}

TEST(Precedence, StandardNameBeatsDefault) {
    const Attempt attempt = from_environment({{"AWS_REGION", "from-standard"}});
    EXPECT_EQ(region_of(attempt), "from-standard");
    EXPECT_EQ(origin_of(attempt, "store.region"), "AWS_REGION");
}

TEST(Precedence, NamesWhatLibpqTakesByItself) {
    Sources sources = no_sources();
    sources.environment = {{"PGHOST", "db"}, {"PGUSER", "someone"}, {"PGPASSWORD", "hunter2"}};
    const Attempt libpq = from_text("", sources);
    EXPECT_EQ(origin_of(libpq, "postgres.uri"), "PGHOST, PGUSER");
    EXPECT_EQ(origin_of(libpq, "postgres.password"), "PGPASSWORD");
    const Attempt half = from_text("[postgres]\nuri = \"postgresql://u@h/db\"\n", sources);
    EXPECT_EQ(origin_of(half, "postgres.uri"), "app.toml:2");
    EXPECT_EQ(origin_of(half, "postgres.password"), "PGPASSWORD");
    const Attempt whole = from_text("[postgres]\nuri = \"postgresql://u:secret@h/db\"\n", sources);
    EXPECT_EQ(origin_of(whole, "postgres.password"), "default") << "the URI's own password is the stronger one";
}

TEST(Precedence, WithoutAnySourceTheDefaultStands) {
    const Attempt attempt = from_text("");
    EXPECT_EQ(region_of(attempt), "derived");
    EXPECT_EQ(origin_of(attempt, "store.region"), "default");
}

TEST(Origins, AreKnownForEveryKey) {
    const Attempt attempt = from_text("");
    EXPECT_EQ(origin_of(attempt, "postgres.uri"), "default");
    EXPECT_EQ(origin_of(attempt, "log.format"), "default");
}

TEST(StandardNames, TheSpecificOneBeatsTheGeneral) {
    const Attempt attempt = from_environment({{"AWS_ENDPOINT_URL", "https://all.example"},
                                              {"AWS_ENDPOINT_URL_S3", "https://s3.example"},
                                              {"AWS_DEFAULT_REGION", "second"},
                                              {"AWS_REGION", "first"},
                                              {"AWS_CA_BUNDLE", "/ca.pem"}});
    EXPECT_EQ(attempt.loaded.settings.store.endpoint, "https://s3.example");
    EXPECT_EQ(attempt.loaded.settings.store.region, "first");
    EXPECT_EQ(attempt.loaded.settings.store.ca_file, "/ca.pem");
}

TEST(StandardNames, ThatAreEmptyCountAsUnset) {
    const Attempt attempt = from_environment({{"AWS_REGION", ""}, {"AWS_DEFAULT_REGION", "second"}});
    EXPECT_EQ(region_of(attempt), "second");
}

TEST(StandardNames, ThatAreOverruledAreNotLookedAt) {
    Sources sources = no_sources();
    sources.environment = {{"AWS_ENDPOINT_URL", "not an address"}};
    EXPECT_EQ(told(from_text("[store]\nendpoint = \"https://s3.example\"", sources)), "");
}

TEST(StandardNames, ATokenOfAnotherKeyIsLeftAlone) {
    const Environment ours = {{"LIFEBOAT_STORE_ACCESS_KEY_ID", "ours"},
                              {"LIFEBOAT_STORE_SECRET_ACCESS_KEY", "ours"},
                              {"AWS_ACCESS_KEY_ID", "theirs"},
                              {"AWS_SESSION_TOKEN", "theirs"}};
    EXPECT_FALSE(from_environment(ours).loaded.settings.store.session_token);
}

TEST(StandardNames, ATokenComesWithItsKey) {
    const Environment theirs = {
        {"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "key"}, {"AWS_SESSION_TOKEN", "token"}};
    const Store store = from_environment(theirs).loaded.settings.store;
    ASSERT_TRUE(store.access_key_id && store.secret_access_key && store.session_token);
    EXPECT_EQ(store.access_key_id->reveal(), "id");
    EXPECT_EQ(store.secret_access_key->reveal(), "key");
    EXPECT_EQ(store.session_token->reveal(), "token");
}

TEST(TheEnvironment, CanTellEveryTypeOfValue) {
    const Attempt attempt = from_environment({{"LIFEBOAT_POSTGRES_DATABASES", "app, web ,x"},
                                              {"LIFEBOAT_POSTGRES_YIELD_TO_DDL", "never"},
                                              {"LIFEBOAT_STORE_PART_SIZE", "16777216"},
                                              {"LIFEBOAT_STORE_UPLOADS", "5"},
                                              {"LIFEBOAT_RETENTION_PRUNE", "false"},
                                              {"LIFEBOAT_LINEAGE_MIN_RATIO", "0.75"},
                                              {"LIFEBOAT_HEALTH_LIVEZ_WARNS", "true"},
                                              {"LIFEBOAT_HEALTH_LISTEN", "0.0.0.0:80"}});
    ASSERT_EQ(told(attempt), "");
    const Settings& settings = attempt.loaded.settings;
    EXPECT_THAT(settings.postgres.databases, ElementsAre("app", "web", "x"));
    EXPECT_EQ(settings.postgres.yield_to_ddl, std::nullopt);
    EXPECT_EQ(settings.store.part_size, 16 * mebibyte);
    EXPECT_EQ(settings.store.uploads, 5U);
    EXPECT_EQ(settings.retention.prune, PruneMode::never);
    EXPECT_DOUBLE_EQ(settings.lineage.min_ratio, 0.75);
    EXPECT_TRUE(settings.health.livez_warns);
    EXPECT_EQ(settings.health.listen.port, 80);
}

TEST(TheEnvironment, EmptiesAListButNothingElse) {
    EXPECT_THAT(from_environment({{"LIFEBOAT_POSTGRES_DATABASES", ""}}).loaded.settings.postgres.databases, IsEmpty());
    EXPECT_THAT(told(from_environment({{"LIFEBOAT_STORE_REGION", ""}})),
                HasSubstr("LIFEBOAT_STORE_REGION: store.region: is empty"));
    EXPECT_THAT(told(from_environment({{"LIFEBOAT_POSTGRES_DATABASES", "a,,b"}})), HasSubstr("element 2: is empty"));
}

TEST(TheEnvironment, NamesItsVariableWhereAValueIsWrong) {
    EXPECT_THAT(told(from_environment({{"LIFEBOAT_STORE_UPLOADS", "three"}})),
                HasSubstr("LIFEBOAT_STORE_UPLOADS: store.uploads: 'three' is no whole number"));
    EXPECT_THAT(told(from_environment({{"LIFEBOAT_HEALTH_LIVEZ_WARNS", "yes"}})),
                HasSubstr("expected true or false, found 'yes'"));
    EXPECT_THAT(told(from_environment({{"LIFEBOAT_LINEAGE_MIN_RATIO", "0.5x"}})), HasSubstr("lineage.min_ratio: "));
}

TEST(TheEnvironment, WarnsOfUnknownNamesWithTheLikelyOne) {
    const Attempt attempt = from_environment({{"LIFEBOAT_STORE_URI", "s3://secret-bucket"}});
    EXPECT_EQ(told(attempt), "");
    EXPECT_THAT(attempt.loaded.warnings,
                ElementsAre("environment variable 'LIFEBOAT_STORE_URI' is not known and ignored; "
                            "did you mean LIFEBOAT_STORE_URL?"));
}

TEST(TheEnvironment, WarnsThatDrillChecksBelongInTheFile) {
    EXPECT_THAT(from_environment({{"LIFEBOAT_DRILL_CHECKS", "x"}}).loaded.warnings,
                ElementsAre(HasSubstr("in the file only")));
}

TEST(TheEnvironment, IsSilentAboutServiceLinksAndOthersNames) {
    const Attempt attempt = from_environment({{"LIFEBOAT_PORT", "tcp://10.0.0.1:9847"},
                                              {"LIFEBOAT_PORT_9847_TCP_ADDR", "10.0.0.1"},
                                              {"LIFEBOAT_SERVICE_HOST", "10.0.0.1"},
                                              {"LIFEBOAT_SERVICE_PORT_HTTP", "9847"},
                                              {"HOME", "/root"}});
    EXPECT_THAT(attempt.loaded.warnings, IsEmpty());
    EXPECT_EQ(told(attempt), "");
}

TEST(Flags, ThatRepeatMakeAListAndAreNotSplit) {
    Sources sources = no_sources();
    sources.flags = {{"encryption.identity_file", "/a,b"}, {"encryption.identity_file", "-"}};
    const Attempt attempt = from_text("[encryption]\nidentity_file = \"/c\"", sources);
    EXPECT_THAT(attempt.loaded.settings.encryption.identity_file, ElementsAre("/a,b", "-"));
}

TEST(Flags, TheLastOfOneThatIsNoListCounts) {
    Sources sources = no_sources();
    sources.flags = {{"store.region", "first"}, {"store.region", "last"}};
    EXPECT_EQ(region_of(from_text("", sources)), "last");
}

TEST(Flags, AreNamedWhereTheirValueIsWrong) {
    Sources sources = no_sources();
    sources.flags = {{"store.url", "b2://bucket"}};
    EXPECT_THAT(told(from_text("", sources)), HasSubstr("--store: store.url: is no store"));
}

TEST(EnvironmentFrom, SplitsAtTheFirstEqualsSign) {
    const char* const entries[] = {"A=b=c", "EMPTY=", "nonsense", nullptr};
    EXPECT_THAT(environment_from(entries),
                ::testing::UnorderedElementsAre(::testing::Pair("A", "b=c"), ::testing::Pair("EMPTY", "")));
}

}  // namespace
}  // namespace lifeboat::config::testing
