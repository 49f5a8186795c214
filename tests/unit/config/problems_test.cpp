#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(UnknownKeys, AreToldWithPlaceAndLikelyName) {
    EXPECT_EQ(told(from_text("[retention]\nkeep_day = 3\n")),
              "app.toml:2:1: retention.keep_day: unknown key; did you mean 'keep_days'?\n");
}

TEST(UnknownKeys, AreRecognisedWithSwappedLetters) {
    EXPECT_THAT(told(from_text("[store]\nulr = \"file:///a\"\n")), HasSubstr("did you mean 'url'?"));
}

TEST(UnknownKeys, OfAnotherTableAreSentThere) {
    EXPECT_THAT(told(from_text("[store]\nkeep_days = 3\n")),
                HasSubstr("store.keep_days: unknown key; write it under [retention]"));
    EXPECT_THAT(told(from_text("keep_days = 3\n")),
                HasSubstr("app.toml:1:1: keep_days: unknown key; write it under [retention]"));
}

TEST(UnknownKeys, LikeNothingGetNoGuess) {
    const std::string text = told(from_text("[store]\nxylophone = 3\n"));
    EXPECT_THAT(text, HasSubstr("config show"));
    EXPECT_THAT(text, Not(HasSubstr("did you mean")));
}

TEST(UnknownKeys, IncludeAFileFormOfWhatIsNoSecret) {
    EXPECT_THAT(told(from_text("[store]\nregion_file = \"/r\"\n")), HasSubstr("store.region_file: unknown key"));
}

TEST(UnknownTables, AreToldOnceWithTheLikelyName) {
    EXPECT_EQ(told(from_text("[encrypt]\nrecipients = []\nmode = \"none\"\n")),
              "app.toml:1:2: encrypt: unknown table; did you mean [encryption]?\n");
    EXPECT_THAT(told(from_text("[stroe]\n")), HasSubstr("did you mean [store]?"));
}

TEST(Tables, CannotBeValuesNorRepeat) {
    EXPECT_THAT(told(from_text("store = \"file:///a\"\n")), HasSubstr("app.toml:1:1: store: is a table, not a value"));
    EXPECT_THAT(told(from_text("[[store]]\nurl = \"file:///a\"\n")), HasSubstr("store: is a table, not a value"));
}

TEST(DottedKeys, AreTheSameAsTables) {
    EXPECT_EQ(from_text("instance.name = \"app\"\n").loaded.settings.instance.name, "app");
}

TEST(Problems, AreAllToldAtOnceInTheOrderOfTheFile) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_COMPRESSION_LEVEL", "99"}};
    const Attempt attempt = from_text("[store]\nuploads = 99\nurll = 1\n[instance]\nname = 5\n", sources);
    std::vector<std::string> places;
    for (const Problem& problem : attempt.problems) {
        places.push_back(problem.place);
    }
    EXPECT_THAT(places, ElementsAre("app.toml:2:11", "app.toml:3:1", "app.toml:5:8", "LIFEBOAT_COMPRESSION_LEVEL"));
}

TEST(Problems, LeaveTheOtherSettingsInForce) {
    const Attempt attempt = from_text("[store]\nuploads = 99\nregion = \"eu\"\n");
    EXPECT_EQ(attempt.loaded.settings.store.uploads, 3U);
    EXPECT_EQ(attempt.loaded.settings.store.region, "eu");
}

TEST(Problems, AreToldEvenWhereAStrongerSourceOverrules) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_STORE_UPLOADS", "5"}};
    const Attempt attempt = from_text("[store]\nuploads = 99\n", sources);
    EXPECT_THAT(told(attempt), HasSubstr("app.toml:2:11: store.uploads"));
    EXPECT_EQ(attempt.loaded.settings.store.uploads, 5U);
}

TEST(Problems, ShowNoControlCharacters) {
    EXPECT_THAT(told(from_text("[schedule]\ncron = \"a\\n\\u001b[31m\"\n")), HasSubstr("'a??[31m'"));
}

TEST(BrokenFiles, AreToldWithPlace) {
    EXPECT_THAT(told(from_text("[store]\nurl = \n")), HasSubstr("app.toml:2:"));
    EXPECT_THAT(told(from_text("[store]\nurl = \n")), HasSubstr("is no TOML"));
    EXPECT_THAT(told(from_text("[store]\n[store]\n")), HasSubstr("app.toml:2:"));
}

TEST(BrokenFiles, LeaveEnvironmentAndFlagsInForce) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_HEALTH_LISTEN", "0.0.0.0:80"}};
    sources.flags = {{"instance.name", "app"}};
    const Attempt attempt = from_text("[store\n", sources);
    EXPECT_EQ(attempt.problems.size(), 1U);
    EXPECT_EQ(attempt.loaded.settings.health.listen.port, 80);
    EXPECT_EQ(attempt.loaded.settings.instance.name, "app");
}

TEST(BrokenFiles, AreNotBlamedForWhatTheyMayHold) {
    EXPECT_THAT(told(from_text("[store\n", no_sources(), Needs::everything())), Not(HasSubstr("is missing")));
}

class ForgottenQuotes : public ::testing::TestWithParam<std::string> {};

TEST_P(ForgottenQuotes, DoNotShowThePassword) {
    const std::string text = told(from_text("[postgres]\npassword = " + GetParam() + "\n"));
    EXPECT_THAT(text, HasSubstr("app.toml:2:"));
    EXPECT_THAT(text, Not(HasSubstr(GetParam().substr(0, 4)))) << text;
    EXPECT_THAT(text, Not(HasSubstr("saw"))) << "the parser would go on with a piece of the value: " << text;
}

INSTANTIATE_TEST_SUITE_P(Config, ForgottenQuotes,
                         ::testing::Values("hunter2", "truest-hunter", "99999999999999999999",
                                           "0x99999999999999999999999", "12ab34", "1979-13-27", "1e99999999", "+hunter",
                                           "inf1nity", "'hunter2", "nanhunter", "_hunter",
                                           "0o777777777777777777777777777777", "0b2"));

std::string repeated(std::size_t times, const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) {
        result += text;
    }
    return result;
}

TEST(FileContents, OfAnyBytesMakeAProblemAtMost) {
    for (const std::string& text :
         {std::string("\xff\xfe"), std::string("a\0b = 1", 7), std::string("\r"), std::string(5, '\0')}) {
        EXPECT_THAT(told(from_text(text)), HasSubstr("app.toml:1:")) << text;
    }
}

TEST(FileContents, ThatAreNestedBeyondReasonAreRefused) {
    const std::string brackets = repeated(100'000, "[");
    const std::string dotted = "a" + repeated(400'000, ".a");
    for (const std::string& text : {brackets, "x = " + brackets, dotted + " = 1", "[" + dotted + "]"}) {
        EXPECT_THAT(told(from_text(text)), HasSubstr("app.toml:1:"));
    }
}

// As deep as the limits of dots and of brackets together let it be.
TEST(FileContents, ThatAreNestedAsDeepAsTheyMayBeFitTheStack) {
    const std::string key = "a" + repeated(3700 / 120, ".a");
    const std::string text = key + " = [\n" + repeated(120, "{" + key + " = [\n") + repeated(120, "]}\n") + "]";
    EXPECT_THAT(told(from_text(text)), HasSubstr("a: unknown table"));
    EXPECT_THAT(told(from_text("store.a" + repeated(3900, ".a") + " = 1")), HasSubstr("store.a: unknown key"));
}

TEST(FileContents, MayBeginWithAByteOrderMark) {
    EXPECT_EQ(told(from_text("\xef\xbb\xbf[store]\nregion = \"eu\"\n")), "");
}

TEST(MissingValues, NameTheKeyTheVariableAndTheFlag) {
    const Needs needs{.instance = true, .store = true};
    EXPECT_EQ(told(from_text("", no_sources(), needs)),
              "instance.name: is missing; set name under [instance], LIFEBOAT_INSTANCE_NAME, or give --instance NAME\n"
              "store.url: is missing; set url under [store], LIFEBOAT_STORE_URL, or give --store URL\n");
}

TEST(MissingValues, AreNoProblemWhereNothingNeedsThem) {
    EXPECT_EQ(told(from_text("")), "");
}

TEST(MissingValues, AreNotToldBesidesWrongOnes) {
    const Attempt attempt = from_text("[store]\nurl = \"b2://x\"\n[encryption]\nrecipients = [\"x\"]\n", no_sources(),
                                      {.store = true, .recipients = true});
    EXPECT_THAT(told(attempt), Not(HasSubstr("is missing")));
    EXPECT_EQ(attempt.problems.size(), 2U);
}

TEST(Encryption, NeedsRecipientsOrItsAbsenceSaidAloud) {
    const Needs needs{.recipients = true};
    EXPECT_THAT(told(from_text("", no_sources(), needs)), HasSubstr("encryption.recipients: is missing"));
    EXPECT_THAT(told(from_text("[encryption]\nrecipients = []\n", no_sources(), needs)),
                HasSubstr("encryption.recipients: is missing"));
    EXPECT_THAT(told(from_text("[encryption]\nmode = \"age\"\n", no_sources(), needs)),
                HasSubstr("encryption.recipients: is missing"));
    EXPECT_EQ(told(from_text("[encryption]\nmode = \"none\"\n", no_sources(), needs)), "");
}

TEST(Encryption, RefusesRecipientsBesidesModeNone) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_ENCRYPTION_MODE", "none"}};
    EXPECT_THAT(told(from_text("[encryption]\nrecipients = [\"age1qqqqqqqq\"]\n", sources)),
                HasSubstr("LIFEBOAT_ENCRYPTION_MODE: encryption.mode: none contradicts the recipients"));
}

TEST(Combinations, AHalfKeyIsRefused) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_STORE_ACCESS_KEY_ID", "id"}};
    EXPECT_THAT(told(from_text("[store]\nurl = \"s3://bucket\"\n", sources, {.store = true})),
                HasSubstr("store.secret_access_key: is missing, though access_key_id is there"));
    EXPECT_EQ(told(from_text("[store]\nurl = \"file:///a\"\n", sources, {.store = true})), "");
}

TEST(Combinations, AFolderCannotBeLocked) {
    EXPECT_THAT(told(from_text("[store]\nurl = \"file:///a\"\nobject_lock = \"compliance:1d\"\n")),
                HasSubstr("app.toml:3:15: store.object_lock: a folder cannot lock"));
}

TEST(Combinations, TwoServersCannotShareAPort) {
    EXPECT_THAT(told(from_text("[health]\npage = \"127.0.0.1:9847\"\n")), HasSubstr("same port"));
}

TEST(Load, TellsOneProblemAsAnErrorOfUsage) {
    Sources sources = no_sources();
    sources.flags = {{"store.url", "b2://bucket"}};
    const auto loaded = load(sources, {});
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().kind, ErrorKind::usage);
    EXPECT_EQ(loaded.error().what, "--store: store.url: is no store");
    EXPECT_EQ(loaded.error().next, "write s3://BUCKET/PREFIX, or file:///FOLDER");
}

TEST(Load, TellsSeveralProblemsOneALine) {
    const auto loaded = load(no_sources(), {.instance = true, .store = true});
    ASSERT_FALSE(loaded.ok());
    EXPECT_THAT(loaded.error().what, HasSubstr("2 problems in the settings:\n  instance.name: is missing; set name"));
    EXPECT_THAT(loaded.error().next, HasSubstr("lifeboat config check"));
}

TEST(Load, SucceedsWithNameStoreAndRecipient) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_INSTANCE_NAME", "app"},
                           {"LIFEBOAT_STORE_URL", "file:///backups"},
                           {"LIFEBOAT_ENCRYPTION_RECIPIENTS", "age1qqqqqqqq,age1pppppppp"}};
    const auto loaded = load(sources, Needs::everything());
    ASSERT_TRUE(loaded.ok()) << loaded.error().what;
    EXPECT_EQ(loaded->settings.encryption.recipients.size(), 2U);
}

}  // namespace
}  // namespace lifeboat::config::testing
