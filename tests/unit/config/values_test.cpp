#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string public_key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

Settings settings_of(const std::string& text) {
    const Attempt attempt = from_text(text);
    EXPECT_EQ(told(attempt), "") << text;
    return attempt.loaded.settings;
}

// The one problem that `line` under [table] makes.
std::string refusal_of(const std::string& table, const std::string& line) {
    const Attempt attempt = from_text("[" + table + "]\n" + line + "\n");
    EXPECT_EQ(attempt.problems.size(), 1U) << line << "\n" << told(attempt);
    return told(attempt);
}

struct WrittenDuration {
    std::string text;
    Duration value;
};

class Durations : public ::testing::TestWithParam<WrittenDuration> {};

TEST_P(Durations, AreReadWithTheirUnits) {
    EXPECT_EQ(settings_of("[schedule]\njitter = " + GetParam().text).schedule.jitter, GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(Config, Durations,
                         ::testing::Values(WrittenDuration{R"("5m")", 5min}, WrittenDuration{R"("30s")", 30s},
                                           WrittenDuration{R"("6h")", 6h}, WrittenDuration{R"("7d")", 168h},
                                           WrittenDuration{R"("90m")", 90min}, WrittenDuration{R"("1h30m")", 90min},
                                           WrittenDuration{R"("500ms")", 500ms},
                                           WrittenDuration{R"("1m500ms")", 60500ms}, WrittenDuration{R"("0")", 0ms},
                                           WrittenDuration{"0", 0ms}, WrittenDuration{R"("36500d")", 24h * 36500}));

class NoDurations : public ::testing::TestWithParam<std::string> {};

TEST_P(NoDurations, AreRefusedWithAnExample) {
    EXPECT_THAT(refusal_of("schedule", "jitter = " + GetParam()), HasSubstr("app.toml:2:10: schedule.jitter: "));
}

INSTANTIATE_TEST_SUITE_P(Config, NoDurations,
                         ::testing::Values("5", R"("5")", R"("")", R"("5 m")", R"("m")", R"("30m1h")", R"("1h1h")",
                                           R"("-5m")", R"("1.5h")", R"("5min")", R"("99999999999999999999s")",
                                           R"("36501d")", R"("36500d1s")", "true", "[\"5m\"]", "1979-05-27", "-1"));

TEST(DurationSettings, ThatMustPassRefuseZero) {
    EXPECT_THAT(refusal_of("schedule", R"(max_duration = "0s")"), HasSubstr("0 is too short"));
}

TEST(DurationSettings, WithoutUnitSayThatTheUnitIsMissing) {
    EXPECT_THAT(refusal_of("schedule", "jitter = 30"), HasSubstr("'30' has no unit"));
}

TEST(DurationSettings, TakeTheirWordInsteadOfADuration) {
    EXPECT_EQ(settings_of("[postgres]\nyield_to_ddl = \"never\"").postgres.yield_to_ddl, std::nullopt);
    EXPECT_EQ(settings_of("[store]\nexpires_after = \"auto\"").store.expires_after, std::nullopt);
    EXPECT_EQ(settings_of("[health]\noverdue_after = \"derived\"").health.overdue_after, std::nullopt);
    EXPECT_EQ(settings_of("[drill]\nrequire_within = \"off\"").drill.require_within, std::nullopt);
    EXPECT_EQ(settings_of("[drill]\nrequire_within = \"30d\"").drill.require_within, Duration(720h));
}

struct WrittenSize {
    std::string text;
    Size value;
};

class Sizes : public ::testing::TestWithParam<WrittenSize> {};

TEST_P(Sizes, AreReadWithTheirUnitsOrAsBytes) {
    EXPECT_EQ(settings_of("[postgres]\ndump_memory = " + GetParam().text).postgres.dump_memory, GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(Config, Sizes,
                         ::testing::Values(WrittenSize{R"("64MiB")", 64 * mebibyte},
                                           WrittenSize{R"("65536KiB")", 64 * mebibyte},
                                           WrittenSize{R"("5GB")", 5'000'000'000},
                                           WrittenSize{R"("2GiB")", 2 * gibibyte},
                                           WrittenSize{R"("20000kB")", 20'000'000}, WrittenSize{"20000000", 20'000'000},
                                           WrittenSize{R"("20000000")", 20'000'000}));

class NoSizes : public ::testing::TestWithParam<std::string> {};

TEST_P(NoSizes, AreRefused) {
    EXPECT_THAT(refusal_of("postgres", "dump_memory = " + GetParam()), HasSubstr("postgres.dump_memory: "));
}

INSTANTIATE_TEST_SUITE_P(Config, NoSizes,
                         ::testing::Values(R"("8mib")", R"("64 MiB")", R"("64M")", R"("MiB")", "-1", R"("-64MiB")",
                                           R"("1.5GiB")", R"("18446744073709551615TiB")", R"("16777216TiB")", "1.5",
                                           "true", R"("1MiB")"));

TEST(PartSize, IsBetweenFiveMebibytesAndFiveGibibytes) {
    EXPECT_EQ(settings_of("[store]\npart_size = \"5MiB\"").store.part_size, 5 * mebibyte);
    EXPECT_EQ(settings_of("[store]\npart_size = \"5GiB\"").store.part_size, 5 * gibibyte);
    EXPECT_THAT(refusal_of("store", "part_size = 5242879"), HasSubstr("from 5MiB to 5GiB"));
    EXPECT_THAT(refusal_of("store", "part_size = \"6GiB\""), HasSubstr("from 5MiB to 5GiB"));
}

TEST(Rates, AreSizesPerSecondOrUnlimited) {
    EXPECT_EQ(settings_of("[store]\nupload_rate = \"10MiB/s\"").store.upload_rate, 10 * mebibyte);
    EXPECT_EQ(settings_of("[store]\nupload_rate = \"unlimited\"").store.upload_rate, std::nullopt);
    for (const std::string text : {"\"10MiB\"", "\"0/s\"", "\"/s\"", "10", "\"fast\""}) {
        EXPECT_THAT(refusal_of("store", "upload_rate = " + text), HasSubstr("store.upload_rate: ")) << text;
    }
}

TEST(Counts, HaveTheirLimits) {
    EXPECT_EQ(settings_of("[store]\nuploads = 16").store.uploads, 16U);
    EXPECT_EQ(settings_of("[compression]\nlevel = 19").compression.level, 19);
    EXPECT_EQ(settings_of("[retention]\nkeep_days = 0").retention.keep_days, 0U);
    EXPECT_THAT(refusal_of("store", "uploads = 0"), HasSubstr("0 is out of range; write a number from 1 to 16"));
    EXPECT_THAT(refusal_of("store", "uploads = 17"), HasSubstr("from 1 to 16"));
    EXPECT_THAT(refusal_of("store", "uploads = \"3\""), HasSubstr("found text; write a number, without quotes"));
    EXPECT_THAT(refusal_of("store", "uploads = 3.0"), HasSubstr("found number"));
    EXPECT_THAT(refusal_of("compression", "level = 20"), HasSubstr("from 1 to 19"));
    EXPECT_THAT(refusal_of("retention", "keep_last = -1"), HasSubstr("-1 is out of range"));
}

TEST(MinRatio, IsANumberFromZeroToOne) {
    EXPECT_DOUBLE_EQ(settings_of("[lineage]\nmin_ratio = 0.25").lineage.min_ratio, 0.25);
    EXPECT_DOUBLE_EQ(settings_of("[lineage]\nmin_ratio = 1").lineage.min_ratio, 1);
    for (const std::string text : {"1.1", "-0.1", "nan", "inf", "\"0.5\"", "2"}) {
        EXPECT_THAT(refusal_of("lineage", "min_ratio = " + text), HasSubstr("lineage.min_ratio: ")) << text;
    }
}

TEST(Truth, IsWrittenWithoutQuotes) {
    EXPECT_TRUE(settings_of("[health]\nlivez_warns = true").health.livez_warns);
    EXPECT_THAT(refusal_of("health", "livez_warns = \"true\""), HasSubstr("without quotes"));
}

TEST(Prune, IsAutoTrueOrFalse) {
    EXPECT_EQ(settings_of("[retention]\nprune = \"auto\"").retention.prune, PruneMode::automatic);
    EXPECT_EQ(settings_of("[retention]\nprune = true").retention.prune, PruneMode::always);
    EXPECT_EQ(settings_of("[retention]\nprune = false").retention.prune, PruneMode::never);
    EXPECT_THAT(refusal_of("retention", "prune = \"yes\""), HasSubstr("\"auto\""));
}

TEST(InstanceNames, AreLowerCaseDigitsAndHyphens) {
    const std::string longest(63, 'a');
    for (const std::string& name : {std::string("basketball-api"), std::string("7"), longest}) {
        EXPECT_EQ(settings_of("[instance]\nname = \"" + name + "\"").instance.name, name);
    }
    for (const std::string& name : {std::string("-a"), std::string("A"), std::string("a_b"), std::string("a/b"),
                                    std::string("ä"), std::string("a.b"), longest + "a", std::string()}) {
        EXPECT_THAT(refusal_of("instance", "name = \"" + name + "\""), HasSubstr("instance.name: ")) << name;
    }
}

TEST(StoreUrls, OnS3AreTakenApart) {
    const auto url = settings_of("[store]\nurl = \"s3://pal-e-backups/postgres/eu\"").store.url;
    ASSERT_TRUE(url);
    EXPECT_EQ(url->kind, StoreUrl::Kind::s3);
    EXPECT_EQ(url->bucket, "pal-e-backups");
    EXPECT_EQ(url->prefix, "postgres/eu");
    EXPECT_EQ(url->text, "s3://pal-e-backups/postgres/eu");
}

TEST(StoreUrls, OnS3NeedNoPrefix) {
    const auto url = settings_of("[store]\nurl = \"s3://pal-e-backups/\"").store.url;
    ASSERT_TRUE(url);
    EXPECT_EQ(url->prefix, "");
    EXPECT_EQ(url->text, "s3://pal-e-backups");
}

TEST(StoreUrls, ForFoldersAreAbsolutePaths) {
    const auto url = settings_of("[store]\nurl = \"file:///var//lib/./lifeboat/\"").store.url;
    ASSERT_TRUE(url);
    EXPECT_EQ(url->kind, StoreUrl::Kind::folder);
    EXPECT_EQ(url->folder, "/var/lib/lifeboat");
    EXPECT_EQ(url->text, "file:///var/lib/lifeboat");
}

class NoStores : public ::testing::TestWithParam<std::string> {};

TEST_P(NoStores, AreRefused) {
    EXPECT_THAT(refusal_of("store", "url = \"" + GetParam() + "\""), HasSubstr("store.url: "));
}

INSTANTIATE_TEST_SUITE_P(Config, NoStores,
                         ::testing::Values("", "/var/lib", "b2://bucket", "s3://", "s3:///prefix", "s3://ab",
                                           "s3://bucket//prefix", "s3://bucket/../other", "s3://bucket/a b",
                                           "s3://bucket/ä", "s3://bucket/a?x", "file://relative", "file://", "file:///",
                                           "file:///%2e%2e", "S3://bucket"));

TEST(StoreUrls, WithAKeyInThemAreRefusedWithoutRepeatingIt) {
    EXPECT_THAT(refusal_of("store", R"(url = "s3://id:hunter2@bucket")"), ::testing::Not(HasSubstr("hunter2")));
}

TEST(Endpoints, AreSchemeHostAndPort) {
    for (const std::string text :
         {"https://s3.us-west-004.backblazeb2.com", "http://127.0.0.1:9000", "http://[::1]:9000", "http://[::1]"}) {
        EXPECT_EQ(settings_of("[store]\nendpoint = \"" + text + "\"").store.endpoint, text);
    }
    EXPECT_EQ(settings_of("[store]\nendpoint = \"https://minio/\"").store.endpoint, "https://minio");
    for (const std::string text :
         {"s3.example.com", "https://", "https://u:hunter2@host", "https://host/path", "https://host:0",
          "https://host:70000", "https://host?x", "ftp://host", "http://::1"}) {
        const std::string refusal = refusal_of("store", "endpoint = \"" + text + "\"");
        EXPECT_THAT(refusal, HasSubstr("store.endpoint: is no endpoint")) << text;
        EXPECT_THAT(refusal, ::testing::Not(HasSubstr("hunter2")));
    }
}

TEST(ObjectLocks, AreComplianceForADuration) {
    const auto lock = settings_of("[store]\nobject_lock = \"compliance:30d\"").store.object_lock;
    ASSERT_TRUE(lock);
    EXPECT_EQ(lock->retain, Duration(720h));
    EXPECT_EQ(settings_of("[store]\nobject_lock = \"none\"").store.object_lock.has_value(), false);
    for (const std::string text : {"compliance", "compliance:", "compliance:0", "governance:30d", "30d"}) {
        EXPECT_THAT(refusal_of("store", "object_lock = \"" + text + "\""), HasSubstr("compliance:30d")) << text;
    }
}

TEST(Addresses, AreHostAndPortWithBracketsForIPv6) {
    const auto listen = settings_of("[health]\nlisten = \"[::]:9847\"").health.listen;
    EXPECT_EQ(listen.host, "::");
    EXPECT_EQ(listen.port, 9847);
    EXPECT_EQ(settings_of("[health]\nlisten = \"0.0.0.0:80\"").health.listen.host, "0.0.0.0");
    EXPECT_EQ(settings_of("[health]\nlisten = \"pod.local:0\"").health.listen.port, 0);
    for (const std::string text : {"9847", ":9847", "::1:9847", "[::1]", "[::1", "[]:1", "[x]:1", "127.0.0.1",
                                   "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "1.2.3:80", "a b:80", "host:80x"}) {
        EXPECT_THAT(refusal_of("health", "listen = \"" + text + "\""), HasSubstr("health.listen: ")) << text;
    }
}

TEST(ThePage, IsServedOnLoopbackOnly) {
    for (const std::string text : {"127.0.0.1:80", "127.8.8.8:80", "[::1]:80", "localhost:80"}) {
        settings_of("[health]\npage = \"" + text + "\"");
    }
    for (const std::string text : {"0.0.0.0:80", "[::]:80", "10.0.0.1:80", "pod.local:80", "127.evil.example:80"}) {
        EXPECT_THAT(refusal_of("health", "page = \"" + text + "\""), HasSubstr("other machines")) << text;
    }
}

TEST(CronSchedules, AreWhatTheScheduleUnderstands) {
    for (const std::string text : {"17 2 * * *", "*/5  0-6,12 1 jan MON-FRI", "@daily", "@annually", "@every 90m"}) {
        EXPECT_EQ(settings_of("[schedule]\ncron = \"" + text + "\"").schedule.cron, text);
    }
    EXPECT_THAT(refusal_of("schedule", "cron = \"17 2 * *\""), HasSubstr("has 4 fields, not five"));
    EXPECT_THAT(refusal_of("schedule", "cron = \"0 17 2 * * *\""), HasSubstr("has 6 fields"));
    EXPECT_THAT(refusal_of("schedule", "cron = \"@never\""), HasSubstr("no named schedule"));
    EXPECT_THAT(refusal_of("schedule", "cron = \"17 24 * * *\""),
                HasSubstr("app.toml:2:8: schedule.cron: '17 24 * * *': the hour '24' is not 0 to 23"));
    EXPECT_THAT(refusal_of("schedule", "cron = \"0 0 30 2 *\""), HasSubstr("would never be due"));
}

TEST(TimeZones, MustExistWhereTheMachineCanTell) {
    const ScratchFolder zones;
    std::filesystem::create_directory(zones.path() / "Europe");
    std::filesystem::copy_file("/usr/share/zoneinfo/Europe/Berlin", zones.path() / "Europe/Berlin");
    Sources sources = no_sources();
    sources.zoneinfo = zones.path();
    EXPECT_EQ(told(from_text("[schedule]\ntimezone = \"Europe/Berlin\"", sources)), "");
    EXPECT_THAT(told(from_text("[schedule]\ntimezone = \"Europe/Berlim\"", sources)),
                HasSubstr("app.toml:2:12: schedule.timezone: 'Europe/Berlim' is no known time zone"));
    EXPECT_THAT(told(from_text("[schedule]\ntimezone = \"Europe\"", sources)), HasSubstr("no known time zone"));
    EXPECT_EQ(told(from_text("[schedule]\ntimezone = \"UTC\"", sources)), "");
}

// What restores on this machine need not suffer from its database; who waits for a due time hears of it.
TEST(TimeZones, AreNotBlamedForADamagedDatabase) {
    const ScratchFolder zones;
    std::filesystem::create_directory(zones.path() / "Europe");
    zones.write("Europe/Berlin", "TZif" + std::string(40, '\0'));
    Sources sources = no_sources();
    sources.zoneinfo = zones.path();
    EXPECT_EQ(told(from_text("[schedule]\ntimezone = \"Europe/Berlin\"", sources)), "");
}

TEST(TimeZones, AreTakenAsSpeltWhereTheMachineHasNoDatabase) {
    EXPECT_EQ(settings_of("[schedule]\ntimezone = \"Mars/Olympus\"").schedule.timezone, "Mars/Olympus");
    EXPECT_THAT(refusal_of("schedule", "timezone = \"../etc/passwd\""), HasSubstr("is no time zone"));
}

TEST(Recipients, AreAListOfPublicKeys) {
    EXPECT_THAT(settings_of("[encryption]\nrecipients = [\"" + public_key + "\"]").encryption.recipients,
                ElementsAre(public_key));
    EXPECT_THAT(refusal_of("encryption", "recipients = [\"" + public_key + "\", \"ssh-ed25519 AAAA\"]"),
                HasSubstr("element 2: "));
    EXPECT_THAT(refusal_of("encryption", "recipients = \"" + public_key + "\""), HasSubstr("found text; write a list"));
}

TEST(Recipients, ThatAreSecretKeysAreRefusedWithoutRepeatingThem) {
    const std::string refusal = refusal_of("encryption", R"(recipients = ["AGE-SECRET-KEY-1HUNTER2"])");
    EXPECT_THAT(refusal, HasSubstr("holds a secret key"));
    EXPECT_THAT(refusal, ::testing::Not(HasSubstr("HUNTER2")));
}

TEST(IdentityFiles, AreOnePathOrSeveral) {
    EXPECT_THAT(settings_of("[encryption]\nidentity_file = \"/k\"").encryption.identity_file, ElementsAre("/k"));
    EXPECT_THAT(settings_of("[encryption]\nidentity_file = [\"/k\", \"-\"]").encryption.identity_file,
                ElementsAre("/k", "-"));
    EXPECT_THAT(refusal_of("encryption", R"(identity_file = "AGE-SECRET-KEY-1HUNTER2")"),
                ::testing::Not(HasSubstr("HUNTER2")));
}

TEST(Databases, MayHaveAnyName) {
    EXPECT_THAT(settings_of(R"([postgres]
databases = ["Ä \"b\"/c", "*"]
exclude = [])")
                    .postgres.databases,
                ElementsAre("Ä \"b\"/c", "*"));
    EXPECT_THAT(refusal_of("postgres", R"(databases = ["a\u0000b"])"), HasSubstr("NUL"));
}

TEST(DrillChecks, AreTablesOfThreeTexts) {
    const auto checks = settings_of(R"([[drill.checks]]
database = "app"
query = "select count(*) from games"
expect = "> 1000"
[[drill.checks]]
database = "b"
query = "select 1"
expect = "1"
)")
                            .drill.checks;
    ASSERT_EQ(checks.size(), 2U);
    EXPECT_EQ(checks[0].query, "select count(*) from games");
    EXPECT_EQ(checks[1].expect, "1");
}

TEST(DrillChecks, NameTheCheckAndTheKeyThatIsWrong) {
    EXPECT_THAT(
        refusal_of(
            "drill",
            R"(checks = [{ database = "a", query = "q", expect = "1" }, { database = "b", qery = "q", expect = "1" }])"),
        HasSubstr("check 2: unknown key 'qery'; did you mean 'query'?"));
    EXPECT_THAT(refusal_of("drill", R"(checks = [{ database = "a", query = "q" }])"),
                HasSubstr("check 1: expect is missing"));
    EXPECT_THAT(refusal_of("drill", R"(checks = [{ database = "a", query = "q", expect = 5 }])"),
                HasSubstr("check 1: expect: expected text"));
    EXPECT_THAT(refusal_of("drill", R"(checks = ["select 1"])"), HasSubstr("check 1: expected table"));
    EXPECT_THAT(refusal_of("drill", R"(checks = { database = "a" })"), HasSubstr("found table"));
}

TEST(ConfigMaps, AreOffOrAName) {
    EXPECT_EQ(settings_of("[kubernetes]\nconfigmap = \"off\"").kubernetes.configmap, std::nullopt);
    EXPECT_EQ(settings_of("[kubernetes]\nconfigmap = \"backup-status\"").kubernetes.configmap, "backup-status");
    EXPECT_THAT(refusal_of("kubernetes", "configmap = \"Backup Status\""), HasSubstr("cannot name"));
}

TEST(Words, AreTakenAsTheyAreSpelt) {
    EXPECT_EQ(settings_of("[postgres]\nrole = \"any\"").postgres.role, Role::any);
    EXPECT_EQ(settings_of("[store]\naddressing = \"virtual\"").store.addressing, Addressing::virtual_host);
    EXPECT_EQ(settings_of("[log]\nlevel = \"warn\"\nformat = \"text\"").log.format, LogFormat::text);
    EXPECT_THAT(refusal_of("postgres", "role = \"Primary\""),
                HasSubstr(R"('Primary' is not possible here; write "primary" or "any")"));
}

TEST(BinDirs, AreAbsolute) {
    EXPECT_EQ(settings_of("[drill]\nbin_dir = \"/opt/{major}\"").drill.bin_dir, "/opt/{major}");
    EXPECT_THAT(refusal_of("postgres", "bin_dir = \"bin\""), HasSubstr("no absolute path"));
}

TEST(Defaults, AreWhatTheDesignPromises) {
    const Settings settings = settings_of("");
    EXPECT_THAT(settings.postgres.databases, ElementsAre("*"));
    EXPECT_EQ(settings.postgres.yield_to_ddl, Duration(5s));
    EXPECT_EQ(settings.postgres.bin_dir, "/usr/lib/postgresql/{major}/bin");
    EXPECT_EQ(settings.schedule.cron, "17 2 * * *");
    EXPECT_EQ(settings.schedule.max_duration, Duration(6h));
    EXPECT_EQ(settings.store.part_size, 8 * mebibyte);
    EXPECT_EQ(settings.store.uploads, 3U);
    EXPECT_EQ(settings.compression.level, 2);
    EXPECT_THAT(settings.encryption.recipients, IsEmpty());
    EXPECT_EQ(settings.encryption.mode, EncryptionMode::age);
    EXPECT_EQ(settings.retention.keep_days, 30U);
    EXPECT_EQ(settings.retention.keep_last, 7U);
    EXPECT_EQ(settings.retention.max_delete, 10U);
    EXPECT_EQ(settings.retention.expiry_warning, Duration(168h));
    EXPECT_EQ(settings.health.listen.port, 9847);
    EXPECT_EQ(settings.health.page.host, "127.0.0.1");
}

}  // namespace
}  // namespace lifeboat::config::testing
