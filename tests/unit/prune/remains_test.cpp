// What is left of a backup after its manifest and data: taken, but never from a backup that is there.
#include "stored_backups.hpp"

#include <gmock/gmock.h>

namespace lifeboat::prune {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const auto newest = at(2026, 11, 22, 2, 17);
constexpr std::chrono::hours day{24};
const auto our_time = newest + day;

class Cleaning : public testing::Test {
protected:
    Cleaning() { backups_.add(newest); }

    std::size_t cleared() {
        auto result = clear_remains(store_, app(), day, our_time);
        EXPECT_TRUE(result);
        return result ? result->objects : 0;
    }

    test::MemoryStore store_{test::MemoryStore::Versions::kept};
    StoredBackups backups_{store_};
    BackupId gone_ = id_at(newest - 10 * day);
    store::ObjectKey report_ = StoredBackups::drill(gone_, "20261115T030000Z.report.json.zst.age");
};

TEST_F(Cleaning, TakesDrillsAndSignaturesOfABackupThatIsGone) {
    backups_.put(report_, "x", newest - 5 * day);
    backups_.put(store::ObjectKey::parse(app().manifest(gone_).text() + ".minisig").value(), "x", newest - 5 * day);
    EXPECT_EQ(cleared(), 2U);
    EXPECT_THAT(all_of(store_, gone_), IsEmpty());
}

// A manifest that a wrong clock dated makes nothing old that is not.
TEST_F(Cleaning, LeavesWhatIsYoungBesideAManifestFromTheFuture) {
    backups_.add(at(2037, 1, 1));
    backups_.put(report_, "x", newest);
    EXPECT_EQ(cleared(), 0U);
}

TEST_F(Cleaning, TakesMarkersThatHideNothingAnyMore) {
    const auto manifest = backups_.add(newest - 10 * day);
    for (const auto& key : {app().manifest(manifest.id), manifest.globals[0].key}) {
        std::string version;
        ASSERT_TRUE(store_.list(key.text(), [&](const auto& info) {
            version = info.version_id;
            return done();
        }));
        store_.hide(key, newest - 5 * day);
        ASSERT_TRUE(store_.remove(key, version));
    }
    EXPECT_EQ(cleared(), 0U) << "its other data is the sweep's to take first";
    ASSERT_TRUE(store_.remove(manifest.databases[0].objects[0].key, ""));
    EXPECT_EQ(cleared(), 2U);
    EXPECT_THAT(all_of(store_, manifest.id), IsEmpty());
}

TEST_F(Cleaning, TouchesNothingOfABackupThatIsThereOrHidden) {
    const auto hidden = backups_.add(newest - 10 * day);
    backups_.put(StoredBackups::drill(hidden.id, "20261115T030000Z.report.json.zst.age"), "x", newest - 5 * day);
    store_.hide(app().manifest(hidden.id), newest - 5 * day);
    const auto partial = backups_.add_partial(newest - 11 * day, {"shop"});
    backups_.put(StoredBackups::drill(partial.id, "20261115T030000Z.report.json.zst.age"), "x", newest - 5 * day);
    EXPECT_EQ(cleared(), 0U);
}

TEST_F(Cleaning, LeavesWhatIsYoung) {
    backups_.put(report_, "x", newest - day);
    EXPECT_EQ(cleared(), 0U);
}

TEST_F(Cleaning, LeavesAnAcceptanceWhileABackupIsLeftThatItMayBeAbout) {
    backups_.accept(gone_, newest - 9 * day);
    const auto before = backups_.add(newest - 20 * day);
    const auto under_way_meanwhile = backups_.add(newest - 9 * day + std::chrono::hours(1));
    EXPECT_EQ(cleared(), 0U);
    ASSERT_TRUE(store_.remove(app().manifest(before.id), ""));
    EXPECT_EQ(cleared(), 0U);
    ASSERT_TRUE(store_.remove(app().manifest(under_way_meanwhile.id), ""));
    EXPECT_EQ(cleared(), 1U);
    EXPECT_THAT(all_of(store_, gone_), IsEmpty());
}

TEST_F(Cleaning, DoesNothingWhereNoManifestTellsTheTimeOrVersionsCannotBeSeen) {
    backups_.put(report_, "x", newest - 5 * day);
    store_.hide_what_is_hidden();
    EXPECT_EQ(cleared(), 0U);
    test::MemoryStore other;
    ASSERT_TRUE(store::put(other, report_, stream::as_bytes("x")));
    other.set_modified(report_, at(2000, 1, 1));
    EXPECT_EQ(clear_remains(other, app(), day, our_time)->objects, 0U);
}

TEST_F(Cleaning, AsksOnceWhereItMayNotDelete) {
    backups_.put(report_, "x", newest - 5 * day);
    backups_.put(StoredBackups::drill(gone_, "20261116T030000Z.report.json.zst.age"), "x", newest - 5 * day);
    test::FaultScript script;
    script.fail("remove", 1, failed("no right"));
    test::FlakyStore flaky(store_, script);
    const auto result = clear_remains(flaky, app(), day, our_time);
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->refused);
    EXPECT_EQ(script.calls("remove"), 1);
}

}  // namespace
}  // namespace lifeboat::prune
