#include "status_of.hpp"
#include "status_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace lifeboat::cli {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using State = InstanceStatus::State;

const os::TimePoint noon = os::utc_time("2026-11-25T12:00:00Z").value();

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
catalogue::Backup backup_of(const std::string& id, os::TimePoint finished, catalogue::State state) {
    catalogue::Manifest manifest{catalogue::BackupId::parse(id).value()};
    manifest.instance = "shop";
    manifest.started = finished - minutes{1};
    manifest.finished = finished;
    manifest.databases.resize(2);
    manifest.databases[0].name = "app";
    const auto key = store::ObjectKey::parse("shop/data/" + id + "/app.dump.zst.age").value();
    manifest.databases[0].objects = {{key, 2048, std::string(64, 'a'), {}}};
    manifest.next_overdue = finished + hours{26};
    if (state == catalogue::State::marked) {
        manifest.marks = {{"shrunk", "database 'app' has 10 % of its rows"}};
    }
    if (state == catalogue::State::partial) {
        manifest.failures = {{"lost", "pg_dump failed"}};
    }
    return {std::move(manifest), state, finished};
}
#pragma GCC diagnostic pop

catalogue::Catalogue shop_with(std::vector<catalogue::Backup> backups) {
    catalogue::Catalogue catalogue;
    catalogue.instance = "shop";
    catalogue.backups = std::move(backups);
    return catalogue;
}

catalogue::Backup good(hours age) {
    return backup_of("20261125T080000Z-aaaa", noon - age, catalogue::State::good);
}
catalogue::Backup newer(catalogue::State state) {
    return backup_of("20261125T110000Z-bbbb", noon - hours{1}, state);
}

InstanceStatus judged(const catalogue::Catalogue& catalogue) {
    return status_of(catalogue, std::nullopt, noon);
}

std::vector<std::string> codes(const InstanceStatus& status) {
    std::vector<std::string> codes;
    for (const auto& reason : status.reasons) {
        codes.push_back(reason.code);
    }
    return codes;
}

TEST(StatusOfStore, IsHealthyUntilTheManifestSaysThatTheNextIsOverdue) {
    const auto healthy = judged(shop_with({good(hours{26})}));
    EXPECT_EQ(healthy.state, State::healthy);
    EXPECT_THAT(healthy.reasons, IsEmpty());
    EXPECT_EQ(healthy.document["healthy"], true);

    const auto late = judged(shop_with({good(hours{27})}));
    EXPECT_EQ(late.state, State::unhealthy);
    EXPECT_THAT(codes(late), ElementsAre("overdue"));
    EXPECT_FALSE(late.reasons.front().next.empty());
    EXPECT_EQ(late.document["healthy"], false);
    EXPECT_EQ(late.document["next_overdue"], "2026-11-25T11:00:00Z");
}

TEST(StatusOfStore, GoesByTheNewestGoodBackup) {
    const auto status = judged(
        shop_with({backup_of("20261120T080000Z-cccc", noon - hours{100}, catalogue::State::good), good(hours{4})}));
    EXPECT_EQ(status.state, State::healthy);
    EXPECT_EQ(status.last_good->id, "20261125T080000Z-aaaa");
}

TEST(StatusOfStore, DoesNotCallAnInstanceSafeThatHasNoGoodBackup) {
    EXPECT_THAT(codes(judged(shop_with({}))), ElementsAre("no_backup_yet"));
    for (const auto state : {catalogue::State::marked, catalogue::State::hidden, catalogue::State::expired}) {
        const auto status = judged(shop_with({newer(state)}));
        EXPECT_EQ(status.state, State::unhealthy);
        EXPECT_THAT(codes(status), Contains("no_backup_yet"));
    }
}

TEST(StatusOfStore, CountsANewerPartialOneAndAHiddenOneAsWrong) {
    const auto partial = judged(shop_with({good(hours{4}), newer(catalogue::State::partial)}));
    EXPECT_THAT(codes(partial), ElementsAre("partial"));
    EXPECT_THAT(partial.reasons.front().message, HasSubstr("lost"));
    EXPECT_THAT(codes(judged(shop_with({good(hours{4}), newer(catalogue::State::hidden)}))), ElementsAre("tampered"));

    const auto mended = judged(
        shop_with({backup_of("20261124T080000Z-cccc", noon - hours{5}, catalogue::State::partial), good(hours{4})}));
    EXPECT_EQ(mended.state, State::healthy) << "a good one has come since";
}

TEST(StatusOfStore, CountsADoubtAndMeddlingAsWrong) {
    auto catalogue = shop_with({good(hours{4}), newer(catalogue::State::marked)});
    const auto& id = catalogue.backups.back().manifest.id;
    catalogue.doubt = catalogue::Doubt{id, {id}};
    const auto doubtful = judged(catalogue);
    EXPECT_THAT(codes(doubtful), ElementsAre("lineage"));
    EXPECT_THAT(doubtful.reasons.front().message, AllOf(HasSubstr(id.text()), HasSubstr("10 % of its rows")));
    EXPECT_EQ(doubtful.marked, 1U);
    EXPECT_EQ(doubtful.document["store"]["marked"], 1);

    auto shadowed = shop_with({good(hours{4})});
    shadowed.backups.front().tampering = "somebody hid 'x'";
    EXPECT_THAT(codes(judged(shadowed)), ElementsAre("tampered"));
    auto foreign = shop_with({good(hours{4})});
    foreign.refused.push_back({ErrorKind::corrupt, "the manifest of x is of another instance", ""});
    EXPECT_THAT(codes(judged(foreign)), ElementsAre("tampered"));
    EXPECT_THAT(judged(foreign).reasons.front().message, HasSubstr("the manifest of x is of another instance"));
}

TEST(StatusOfStore, TellsWhenTheLastGoodBackupFallsDue) {
    const auto soon =
        status_of(shop_with({good(hours{4})}), std::nullopt, noon, std::nullopt, {noon + hours{24}, hours{48}, ""});
    EXPECT_THAT(codes(soon), ElementsAre("expiring"));
    EXPECT_EQ(soon.document["last_good_due"], "2026-11-26T12:00:00Z");
    const auto later =
        status_of(shop_with({good(hours{4})}), std::nullopt, noon, std::nullopt, {noon + hours{49}, hours{48}, ""});
    EXPECT_EQ(later.state, State::healthy);
    const auto unknown =
        status_of(shop_with({good(hours{4})}), std::nullopt, noon, std::nullopt, {std::nullopt, hours{48}, "403"});
    EXPECT_EQ(unknown.state, State::healthy);
    EXPECT_THAT(unknown.notes, ElementsAre(HasSubstr("403")));
}

TEST(StatusOfStore, MentionsWhatIsNewerThanTheLastGoodOneAndNotGood) {
    auto catalogue = shop_with({good(hours{4}), newer(catalogue::State::expired)});
    catalogue.leftovers.push_back({catalogue::BackupId::parse("20261125T113000Z-dddd").value(), 10, noon});
    catalogue.leftovers.push_back({catalogue::BackupId::parse("20261101T000000Z-eeee").value(), 10, noon});
    catalogue.refused.push_back({ErrorKind::failed, "the manifest of x is of another format", ""});

    const auto status = judged(catalogue);

    EXPECT_EQ(status.state, State::healthy);
    EXPECT_THAT(status.notes, ElementsAre(AllOf(HasSubstr("20261125T110000Z-bbbb"), HasSubstr("is expired")),
                                          AllOf(HasSubstr("20261125T113000Z-dddd"), HasSubstr("no manifest")),
                                          HasSubstr("the manifest of x is of another format")));
}

catalogue::Drill drill_of(const catalogue::Backup& backup, hours age, bool passed, const std::string& recipient) {
    catalogue::DrillResult result{backup.manifest.id, "shop", noon - age, noon - age, "9.9.9", "15.20", passed};
    result.recipients = {recipient};
    result.restore = std::chrono::milliseconds{61'500};
    return {std::move(result), noon - age};
}

TEST(StatusOfStore, TellsWhenABackupWasLastProvenAndByWhom) {
    auto older = backup_of("20261120T080000Z-cccc", noon - hours{100}, catalogue::State::good);
    older.drills = {drill_of(older, hours{50}, true, "age1offline")};
    auto last = good(hours{4});
    last.manifest.recipients = {"age1online", "age1offline", "age1lost"};
    last.drills = {drill_of(last, hours{1}, false, "age1lost"), drill_of(last, hours{2}, true, "age1online")};

    const auto status = judged(shop_with({older, last}));

    EXPECT_THAT(codes(status), ElementsAre("unproven")) << "the last drill failed";
    const auto text = status_text(status, noon);
    EXPECT_THAT(text,
                HasSubstr("proven        20261125T080000Z-aaaa, 2h ago (2026-11-25T10:00:00Z), restored in 1m 02s\n"
                          "last drill    20261125T080000Z-aaaa, 1h ago: FAILED\n"
                          "opened by     age1online, 2h ago\n"
                          "opened by     age1offline, 2d 2h ago\n"
                          "opened by     age1lost, never\n"));
    const auto& drills = status.document["drills"];
    EXPECT_EQ(drills["last_good"]["stored"], "2026-11-25T10:00:00Z");
    EXPECT_EQ(drills["last_good"]["restore_seconds"], 61.5);
    EXPECT_EQ(drills["last"]["outcome"], "failed");
    EXPECT_EQ(drills["recipients"][2]["recipient"], "age1lost");
    EXPECT_TRUE(drills["recipients"][2]["opened"].is_null());
}

TEST(StatusOfStore, HoldsAFailedDrillAgainstABackupUntilItOrANewerOnePasses) {
    auto older = backup_of("20261120T080000Z-cccc", noon - hours{100}, catalogue::State::good);
    auto last = good(hours{4});
    last.drills = {drill_of(last, hours{3}, false, "")};
    older.drills = {drill_of(older, hours{2}, true, "")};
    EXPECT_THAT(codes(judged(shop_with({older, last}))), ElementsAre("unproven")) << "an older one came back since";
    last.drills.insert(last.drills.begin(), drill_of(last, hours{1}, true, ""));
    EXPECT_THAT(codes(judged(shop_with({older, last}))), IsEmpty());
    auto newer = good(hours{1});
    last.drills = {drill_of(last, hours{3}, false, "")};
    newer.drills = {drill_of(newer, hours{0}, true, "")};
    EXPECT_THAT(codes(judged(shop_with({last, newer}))), IsEmpty()) << "a newer one came back";
}

TEST(StatusOfStore, TakesNoPartialOrMarkedBackupForProven) {
    for (const auto state : {catalogue::State::partial, catalogue::State::marked}) {
        auto doubtful = backup_of("20261120T080000Z-cccc", noon - hours{100}, state);
        doubtful.drills = {drill_of(doubtful, hours{1}, true, "")};
        const auto status = status_of(shop_with({doubtful, good(hours{4})}), std::nullopt, noon, hours{24});
        EXPECT_THAT(codes(status), testing::Contains("unproven")) << name_of(state);
    }
}

TEST(StatusOfStore, WantsADrillOnlyWhereOneIsRequired) {
    auto last = good(hours{4});
    EXPECT_EQ(status_of(shop_with({last}), std::nullopt, noon).state, State::healthy);
    EXPECT_THAT(codes(status_of(shop_with({last}), std::nullopt, noon, hours{24})), ElementsAre("unproven"));
    last.drills = {drill_of(last, hours{3}, true, "")};
    EXPECT_EQ(status_of(shop_with({last}), std::nullopt, noon, hours{24}).state, State::healthy);
    EXPECT_THAT(codes(status_of(shop_with({last}), std::nullopt, noon, hours{2})), ElementsAre("unproven"));
}

TEST(StatusOfStore, DoesNotGuessWhereTheManifestDoesNotSay) {
    auto silent = good(hours{4});
    silent.manifest.next_overdue.reset();
    const auto catalogue = shop_with({silent});

    EXPECT_THAT(codes(judged(catalogue)), ElementsAre("overdue"));
    EXPECT_EQ(status_of(catalogue, hours{5}, noon).state, State::healthy);
    EXPECT_EQ(status_of(catalogue, hours{3}, noon).state, State::unhealthy);
    EXPECT_EQ(status_of(shop_with({good(hours{4})}), hours{3}, noon).state, State::healthy)
        << "what the manifest says comes first";
}

// As the sidecar writes it, with something of a later version.
constexpr const char* told = R"({"healthy": false,
    "reasons": [{"code": "failing", "message": "the last run failed", "next": "read the log"}],
    "note": "a note", "instance": "shop", "version": "9.9.9", "now": "2026-11-25T12:00:00Z",
    "started": "2026-11-25T10:00:00Z",
    "schedule": {"due": null, "start": "2026-11-25T12:05:00Z", "because": "retry 1", "overdue_after": 7200},
    "running": {"activity": "backup", "id": "x", "since": "2026-11-25T11:59:00Z", "part": "app",
                "dumped_bytes": 1048576, "stored_bytes": 1, "estimated_bytes": 2097152},
    "last_good": {"id": "20261125T080000Z-aaaa", "finished": "2026-11-25T11:00:00Z", "bytes": 2048,
                  "databases": ["app", "shop"]},
    "drills": {"last": null, "last_good": {"backup": "20261124T080000Z-bbbb", "stored": "2026-11-25T09:00:00Z",
                                           "outcome": "passed", "restore_seconds": 5.5},
               "recipients": [{"recipient": "age1x", "opened": null}]},
    "store": {"surveyed": "2026-11-25T11:59:00Z", "backups": 3, "bytes": 4096, "hidden": []},
    "kubernetes": [{"object": "configmap", "written": null, "problem": {"what": "there is none", "next": "make it"}},
                   {"object": "event", "written": null, "problem": null}],
    "weather": {"fair": true}})";

TEST(StatusFromSidecar, SaysWhatTheSidecarSaysAndPassesTheRestOn) {
    const auto status = status_from_sidecar(told);
    ASSERT_TRUE(status.ok()) << status.error().what;
    EXPECT_EQ(status->state, State::unhealthy);
    EXPECT_EQ(status->document["source"], "sidecar");
    EXPECT_EQ(status->document["weather"]["fair"], true);
    EXPECT_EQ(status_text(*status, noon),
              "instance      shop\n"
              "backups       BAD: failing\n"
              "last good     20261125T080000Z-aaaa, 1h ago (2026-11-25T11:00:00Z), 2 databases, 2.0 KiB\n"
              "overdue       in 1h (2026-11-25T13:00:00Z)\n"
              "proven        20261124T080000Z-bbbb, 3h ago (2026-11-25T09:00:00Z), restored in 6s\n"
              "opened by     age1x, never\n"
              "running       a backup since 2026-11-25T11:59:00Z: app, 1.0 MiB of about 2.0 MiB\n"
              "next run      in 5m (2026-11-25T12:05:00Z): retry 1\n"
              "stored        3 backups, 4.0 KiB\n"
              "told by       the running sidecar, version 9.9.9, started 2h ago\n"
              "\n"
              "failing: the last run failed\n"
              "  next: read the log\n"
              "note: a note\n"
              "warning: not told to Kubernetes (configmap): there is none\n");
}

TEST(StatusFromSidecar, BearsFieldsThatAreMissingOrOfAnotherType) {
    for (const char* odd : {R"({"healthy": true})", R"({"healthy": true, "reasons": 3, "last_good": [], "store": "x",
                               "schedule": null, "running": 1, "note": {}, "instance": 7,
                               "drills": {"last": 5, "last_good": {"stored": 1}, "recipients": [3]},
                               "kubernetes": [1, {"problem": "x"}]})",
                            R"({"healthy": true, "reasons": [1, null, {"code": 2}], "last_good": {"finished": 5}})"}) {
        const auto status = status_from_sidecar(odd);
        ASSERT_TRUE(status.ok()) << odd;
        EXPECT_EQ(status->state, State::healthy);
        EXPECT_THAT(status_text(*status, noon), HasSubstr("(without a name)"));
    }
}

TEST(StatusFromSidecar, RefusesWhatSaysNothingOfHealth) {
    for (const char* nonsense : {"", "[]", "null", "{}", R"({"healthy": "yes"})", "{\"healthy\": tr"}) {
        EXPECT_FALSE(status_from_sidecar(nonsense).ok()) << nonsense;
    }
}

TEST(StatusTable, HasALineForEachAndTheReasonsBelow) {
    auto last = good(hours{4});
    last.drills = {drill_of(last, hours{48}, true, "")};
    const auto healthy = judged(shop_with({last}));
    const auto absent = absent_status("gone", "s3://b", noon);
    const auto unknown = unknown_status("dark", {ErrorKind::temporary, "no \x1b[2Janswer", "try again"}, noon);

    const auto text = status_table({healthy, absent, unknown}, noon);

    EXPECT_EQ(text,
              "INSTANCE  BACKUPS  LAST GOOD              ENDED   OVERDUE  PROVEN  MARKED  STORED\n"
              "shop      good     20261125T080000Z-aaaa  4h ago  in 22h   2d ago  -       2.0 KiB\n"
              "gone      ABSENT   -                      -       -        -       -       -\n"
              "dark      UNKNOWN  -                      -       -        -       -       -\n"
              "\n"
              "gone: no_backup_yet: s3://b holds nothing of instance 'gone'\n"
              "  next: check the name, its sidecar's instance.name and store.url, and that sidecar's log\n"
              "dark: unknown: no ?[2Janswer\n"
              "  next: try again\n");
    EXPECT_TRUE(unknown.document["healthy"].is_null());
    EXPECT_EQ(absent.document["healthy"], false);
}

}  // namespace
}  // namespace lifeboat::cli
