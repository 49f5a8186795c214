// What the catalogue knows of the drills of its backups.
#include "catalogue/catalogue.hpp"

#include "samples.hpp"
#include "support/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::catalogue {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* online = "age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52";
constexpr const char* offline = "age1x2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52";

class Drills : public testing::Test {
protected:
    void put_backup(const Manifest& manifest) {
        for (const auto& object : manifest.all_objects()) {
            ASSERT_TRUE(store::put(store_, object.key, stream::as_bytes("abc")));
        }
        ASSERT_TRUE(store::put(store_, app().manifest(manifest.id), stream::as_bytes(to_json(manifest))));
    }

    // Of the day of November on which the store gets it.
    void put_drill(DrillResult result, unsigned day, unsigned hour = 0) {
        result.started = at(2026, 11, day, static_cast<int>(hour));
        ASSERT_TRUE(store_drill_result(store_, app(), result));
        store_.set_modified(app().drill_result(result.backup, result.started), result.started);
    }
    void put_with(const char* recipient, unsigned day) {
        auto result = passed_drill();
        result.recipients = {recipient};
        put_drill(result, day);
    }

    Catalogue read() {
        test::FlakyStore counted(store_, script_);
        auto catalogue = read_catalogue(counted, app());
        if (!catalogue) {
            ADD_FAILURE() << catalogue.error().what;
            return {};
        }
        return std::move(catalogue).value();
    }

    test::MemoryStore store_{test::MemoryStore::Versions::kept};
    test::FaultScript script_;
    Manifest manifest_ = simple_manifest();
};

TEST_F(Drills, ABackupWithoutAnyIsNotProven) {
    put_backup(manifest_);
    const auto catalogue = read();
    EXPECT_FALSE(catalogue.backups.at(0).proven_at);
    EXPECT_THAT(catalogue.backups.at(0).drills, IsEmpty());
}

TEST_F(Drills, TheNewestThatPassedProvesABackup) {
    put_backup(manifest_);
    put_drill(passed_drill(), 23);
    put_drill(passed_drill(), 25);
    put_drill(failed_drill(), 26);
    const auto backup = read().backups.at(0);
    EXPECT_EQ(backup.proven_at, at(2026, 11, 25));
    ASSERT_THAT(backup.drills, SizeIs(2));
    EXPECT_FALSE(backup.drills[0].result.passed) << "the newest of all comes first";
    EXPECT_EQ(backup.drills[0].stored, at(2026, 11, 26));
    EXPECT_TRUE(backup.drills[1].result.passed);
}

// The clock of whoever drilled is not to be trusted.
TEST_F(Drills, TheStoresClockTellsWhichIsNewest) {
    put_backup(manifest_);
    put_drill(passed_drill(), 23);
    put_drill(passed_drill(), 24);
    store_.set_modified(app().drill_result(some_id(), at(2026, 11, 23)), at(2026, 11, 28));
    const auto backup = read().backups.at(0);
    EXPECT_EQ(backup.proven_at, at(2026, 11, 28));
    EXPECT_EQ(backup.drills.at(0).result.started, at(2026, 11, 23));
}

TEST_F(Drills, ThatFailedProveNothing) {
    put_backup(manifest_);
    put_drill(failed_drill(), 23);
    const auto backup = read().backups.at(0);
    EXPECT_FALSE(backup.proven_at);
    EXPECT_THAT(backup.drills, SizeIs(1));
}

TEST_F(Drills, OfOneBackupDoNotProveAnother) {
    put_backup(manifest_);
    put_backup(simple_manifest(id_of("20261121T021700Z-0002")));
    put_drill(passed_drill(), 23);
    for (const auto& backup : read().backups) {
        EXPECT_EQ(backup.proven_at.has_value(), backup.manifest.id == some_id());
    }
}

// Two recipients, each with its own identity: when each last opened a backup can be told.
TEST_F(Drills, AreReadDownToOneForEachRecipient) {
    manifest_.recipients = {online, offline};
    manifest_.databases[0].objects = {object(app().database(some_id(), "shop", Encrypted::yes))};
    manifest_.globals = {object(app().globals(some_id(), Encrypted::yes))};
    put_backup(manifest_);
    put_with(offline, 22);
    put_with(offline, 23);
    put_with(online, 24);
    put_with(online, 25);
    const auto backup = read().backups.at(0);
    ASSERT_THAT(backup.drills, SizeIs(3)) << "the oldest says nothing new";
    EXPECT_TRUE(backup.drills[2].result.was_opened_by(offline));
    EXPECT_EQ(backup.drills[2].stored, at(2026, 11, 23));
    EXPECT_EQ(backup.proven_at, at(2026, 11, 25));
}

// Results can be many: a drill every hour of the newest backup.
TEST_F(Drills, AreNotReadWithoutEnd) {
    manifest_.recipients = {online, offline};
    put_backup(manifest_);
    for (unsigned hour = 0; hour < 60; ++hour) {
        auto result = passed_drill();
        result.recipients = {online};
        put_drill(result, 20 + hour / 24, hour % 24);
    }
    EXPECT_THAT(read().backups.at(0).drills, SizeIs(40));
}

// But whoever buries the proof of a backup under results that failed must not be able to have it pruned.
TEST_F(Drills, AreReadUntilOneThatPassed) {
    put_backup(manifest_);
    put_drill(passed_drill(), 1);
    for (unsigned hour = 0; hour < 60; ++hour) {
        put_drill(failed_drill(), 20 + hour / 24, hour % 24);
    }
    EXPECT_EQ(read().backups.at(0).proven_at, at(2026, 11, 1));
}

TEST_F(Drills, ThatAreNotWhatTheirKeySaysAreTold) {
    put_backup(manifest_);
    put_drill(passed_drill(), 23);
    auto foreign = passed_drill(id_of("20261121T021700Z-0002"));
    const auto key = app().drill_result(some_id(), at(2026, 11, 24));
    ASSERT_TRUE(store::put(store_, key, stream::as_bytes(to_json(foreign))));
    const auto large = app().drill_result(some_id(), at(2026, 11, 25));
    ASSERT_TRUE(store::put(store_, large, stream::as_bytes(std::string(largest_drill_result + 1, ' '))));
    const auto catalogue = read();
    EXPECT_THAT(catalogue.refused_drills, SizeIs(2));
    EXPECT_THAT(catalogue.refused, IsEmpty());
    EXPECT_EQ(catalogue.backups.at(0).proven_at, at(2026, 11, 23));
}

TEST_F(Drills, CannotBeTakenBackByHidingThemOrWritingOverThem) {
    put_backup(manifest_);
    put_drill(passed_drill(), 23);
    const auto key = app().drill_result(some_id(), at(2026, 11, 23));
    store_.overwrite(key, to_json(failed_drill()), at(2026, 11, 24));
    store_.hide(key, at(2026, 11, 25));
    const auto backup = read().backups.at(0);
    EXPECT_EQ(backup.proven_at, at(2026, 11, 23));
    EXPECT_THAT(backup.drills, SizeIs(1));
}

TEST_F(Drills, FailTheCatalogueOnlyWhenTheStoreDoes) {
    put_backup(manifest_);
    put_drill(passed_drill(), 23);
    test::FaultScript away;
    away.fail("read", 2, {ErrorKind::temporary, "the store is away", {}});
    test::FlakyStore flaky(store_, away);
    const auto catalogue = read_catalogue(flaky, app());
    ASSERT_FALSE(catalogue);
    EXPECT_EQ(catalogue.error().kind, ErrorKind::temporary);
    store_.prune_when_read(app().drill_result(some_id(), at(2026, 11, 23)));
    EXPECT_FALSE(read().backups.at(0).proven_at);
    EXPECT_THAT(read().refused, IsEmpty());
}

TEST_F(Drills, MakeNoInstanceAndNoLeftover) {
    put_drill(passed_drill(), 23);
    const auto report = app().drill_report(some_id(), at(2026, 11, 23), Encrypted::yes);
    ASSERT_TRUE(store::put(store_, report, stream::as_bytes("abc")));
    const auto catalogue = read();
    EXPECT_THAT(catalogue.backups, IsEmpty());
    EXPECT_THAT(catalogue.leftovers, IsEmpty());
    EXPECT_THAT(*list_instances(store_), IsEmpty());
}

}  // namespace
}  // namespace lifeboat::catalogue
