#include "backup/sweep.hpp"

#include "support/memory_store.hpp"
#include "unit/catalogue/samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::backup {
namespace {

using catalogue::app;
using catalogue::at;
using catalogue::Encrypted;
using catalogue::id_of;
using testing::ElementsAre;
using testing::IsEmpty;
using Versions = test::MemoryStore::Versions;

constexpr std::chrono::hours day{24};
const auto our_time = at(2026, 11, 25);

// A whole backup of 22 November, noon: the newest time that the store tells. What a killed run left is of `left_at`.
class Sweep : public testing::Test {
protected:
    void SetUp() override {
        put_data(newest_);
        put(app().manifest(newest_.id), at(2026, 11, 22, 12), to_json(newest_));
    }

    void put(const store::ObjectKey& key, os::TimePoint when, std::string_view content = "abc") {
        ASSERT_TRUE(store::put(store_, key, stream::as_bytes(content)));
        store_.set_modified(key, when);
    }
    void put_data(const catalogue::Manifest& manifest, os::TimePoint when = at(2026, 11, 22, 12)) {
        for (const auto& object : manifest.all_objects()) {
            put(object.key, when);
        }
    }
    std::unique_ptr<store::Upload> begin(const store::ObjectKey& key, os::TimePoint when) {
        auto upload = store_.begin(key).value();
        store_.set_started(when);
        return upload;
    }
    SweepOutcome swept(std::chrono::milliseconds min_age = day) {
        auto outcome = sweep(store_, "app", min_age, our_time);
        EXPECT_TRUE(outcome);
        return outcome ? *outcome : SweepOutcome{};
    }
    std::vector<std::string> data_of(const catalogue::BackupId& id) {
        std::vector<std::string> keys;
        EXPECT_TRUE(store_.list("app/data/" + id.text(), [&](const auto& info) {
            keys.push_back(info.key.text());
            return done();
        }));
        return keys;
    }
    std::size_t uploads() { return store_.unfinished("").value().size(); }

    test::MemoryStore store_{Versions::kept};
    catalogue::Manifest newest_ = catalogue::simple_manifest(id_of("20261122T110000Z-0009"));
    catalogue::Manifest killed_ = catalogue::simple_manifest(id_of("20261121T010000Z-0001"));
};

TEST_F(Sweep, TakesAwayWhatIsOlderThanTheLeastAgeByTheStoresTime) {
    put_data(killed_, at(2026, 11, 21, 11, 59));
    const auto upload = begin(app().database(killed_.id, "more", Encrypted::no), at(2026, 11, 21, 11));
    const auto outcome = swept();
    EXPECT_EQ(outcome.objects, 2U);
    EXPECT_EQ(outcome.bytes, 6U);
    EXPECT_EQ(outcome.uploads, 1U);
    EXPECT_EQ(outcome.too_young, 0U);
    EXPECT_FALSE(outcome.refused);
    EXPECT_THAT(data_of(killed_.id), IsEmpty());
    EXPECT_EQ(uploads(), 0U);
}

TEST_F(Sweep, LeavesWhatIsYounger) {
    put_data(killed_, at(2026, 11, 21, 12));
    const auto outcome = swept();
    EXPECT_EQ(outcome.too_young, 1U);
    EXPECT_EQ(outcome.objects, 0U);
    EXPECT_EQ(data_of(killed_.id).size(), 2U);
}

TEST_F(Sweep, LeavesAllOfARunWhoseLastTouchIsYoung) {
    put_data(killed_, at(2026, 11, 20));
    const auto upload = begin(app().database(killed_.id, "late", Encrypted::no), at(2026, 11, 22, 11));
    const auto outcome = swept();
    EXPECT_EQ(outcome.too_young, 1U);
    EXPECT_EQ(data_of(killed_.id).size(), 2U);
    EXPECT_EQ(uploads(), 1U);
}

TEST_F(Sweep, GoesByTheAgeThatItIsGiven) {
    put_data(killed_, at(2026, 11, 21, 1));
    EXPECT_EQ(swept(day * 2).too_young, 1U);
    EXPECT_EQ(swept(std::chrono::hours{30}).objects, 2U);
}

// The pod's clock may be years off.
TEST_F(Sweep, TakesTheNewestManifestForNow) {
    put_data(killed_, at(2026, 11, 22, 11));
    store_.set_modified(app().manifest(newest_.id), at(2026, 11, 24));
    EXPECT_EQ(swept().objects, 2U);
}

// A folder's host whose clock was wrong for once: what is being written now is not old for that.
TEST_F(Sweep, LeavesWhatIsYoungBesideAManifestFromTheFuture) {
    put_data(killed_, at(2026, 11, 24, 11));
    store_.set_modified(app().manifest(newest_.id), at(2037, 1, 1));
    EXPECT_EQ(swept().too_young, 1U);
    EXPECT_EQ(swept(std::chrono::hours(12)).objects, 2U) << "by our own time";
}

TEST_F(Sweep, SaysWhatItWouldTake) {
    put_data(killed_, at(2026, 11, 21, 1));
    const auto upload = begin(app().database(killed_.id, "more", Encrypted::no), at(2026, 11, 21, 1));
    const auto outcome = would_sweep(store_, "app", day, our_time);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->objects, 2U);
    EXPECT_EQ(outcome->uploads, 1U);
    EXPECT_EQ(data_of(killed_.id).size(), 2U);
    EXPECT_EQ(uploads(), 1U);
}

TEST_F(Sweep, DoesNothingWhereNoManifestTellsTheTime) {
    test::MemoryStore store;
    ASSERT_TRUE(store::put(store, killed_.globals[0].key, stream::as_bytes("abc")));
    store.set_modified(killed_.globals[0].key, at(2000, 1, 1));
    const auto outcome = sweep(store, "app", day, our_time);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->objects + outcome->uploads + outcome->too_young, 0U);
}

TEST_F(Sweep, NeverTouchesTheDataOfAHiddenOrOverwrittenManifest) {
    const auto other = catalogue::simple_manifest(id_of("20261101T010000Z-0002"));
    for (const auto& manifest : {killed_, other}) {
        put_data(manifest, at(2026, 11, 1));
        put(app().manifest(manifest.id), at(2026, 11, 1), to_json(manifest));
    }
    store_.hide(app().manifest(killed_.id), at(2026, 11, 2));
    store_.overwrite(app().manifest(other.id), "{}", at(2026, 11, 2));
    EXPECT_EQ(swept().objects, 0U);
    EXPECT_EQ(data_of(killed_.id).size(), 2U);
    EXPECT_EQ(data_of(other.id).size(), 2U);
}

TEST_F(Sweep, NeverTouchesThePartialRun) {
    put_data(killed_, at(2026, 11, 1));
    put(app().partial_manifest(killed_.id), at(2026, 11, 1), to_json(killed_));
    EXPECT_EQ(swept().objects, 0U);
    EXPECT_EQ(data_of(killed_.id).size(), 2U);
}

// A thief may have hidden a manifest, and a key without the right to list versions cannot tell.
TEST_F(Sweep, DeletesNoDataWhereVersionsCannotBeSeen) {
    put_data(killed_, at(2026, 11, 1));
    const auto upload = begin(app().database(killed_.id, "more", Encrypted::no), at(2026, 11, 1));
    store_.hide_what_is_hidden();
    const auto outcome = swept();
    EXPECT_EQ(outcome.objects, 0U);
    EXPECT_EQ(outcome.uploads, 1U) << "an unfinished upload is never a backup";
    EXPECT_EQ(data_of(killed_.id).size(), 2U);
}

TEST_F(Sweep, DeletesEveryVersionOfWhatIsLeft) {
    put_data(killed_, at(2026, 11, 1));
    store_.overwrite(killed_.globals[0].key, "again", at(2026, 11, 1));
    EXPECT_EQ(swept().objects, 3U);
    EXPECT_THAT(data_of(killed_.id), IsEmpty());
}

TEST_F(Sweep, FindsUploadsOfWholeBackupsAndOfNoRun) {
    const auto of_whole = begin(app().database(newest_.id, "untold", Encrypted::no), at(2026, 11, 1));
    const auto of_text = begin(app().restore_text(), at(2026, 11, 1));
    EXPECT_EQ(swept().uploads, 2U);
    EXPECT_EQ(uploads(), 0U);
    EXPECT_EQ(data_of(newest_.id).size(), 2U);
}

TEST_F(Sweep, LeavesOtherInstancesAlone) {
    const auto other = catalogue::Layout::of("app2").value();
    put(other.globals(killed_.id, Encrypted::no), at(2026, 11, 1));
    const auto upload = begin(other.database(killed_.id, "x", Encrypted::no), at(2026, 11, 1));
    const auto outcome = swept();
    EXPECT_EQ(outcome.objects + outcome.uploads, 0U);
    EXPECT_EQ(uploads(), 1U);
}

TEST_F(Sweep, AsksOnceWhereItMayNotDelete) {
    put_data(killed_, at(2026, 11, 1));
    test::FaultScript script;
    script.fail("remove", 1, failed("no right to delete"));
    test::FlakyStore flaky(store_, script);
    const auto outcome = sweep(flaky, "app", day, our_time);
    ASSERT_TRUE(outcome);
    ASSERT_TRUE(outcome->refused);
    EXPECT_EQ(outcome->refused->what, "no right to delete");
    EXPECT_EQ(outcome->objects, 0U);
    EXPECT_EQ(script.calls("remove"), 1);
}

TEST_F(Sweep, PassesOverWhatIsLocked) {
    put_data(killed_, at(2026, 11, 1));
    test::FaultScript script;
    script.fail("remove", 1, {ErrorKind::refused, "it is locked", {}});
    test::FlakyStore flaky(store_, script);
    const auto outcome = sweep(flaky, "app", day, our_time);
    ASSERT_TRUE(outcome);
    ASSERT_TRUE(outcome->refused);
    EXPECT_EQ(outcome->refused->what, "it is locked");
    EXPECT_EQ(outcome->objects, 1U);
    EXPECT_EQ(outcome->bytes, 3U);
    EXPECT_EQ(data_of(killed_.id).size(), 1U);
}

TEST_F(Sweep, AsksNoMoreOfAStoreThatDoesNotAnswer) {
    put_data(killed_, at(2026, 11, 1));
    test::FaultScript script;
    script.fail("remove", 1, {ErrorKind::temporary, "away", {}});
    test::FlakyStore flaky(store_, script);
    const auto outcome = sweep(flaky, "app", day, our_time);
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->refused);
    EXPECT_EQ(script.calls("remove"), 1);
}

TEST_F(Sweep, GoesOnWithTheNextUploadWhenOneCannotBeDiscarded) {
    const auto first = begin(app().database(killed_.id, "a", Encrypted::no), at(2026, 11, 1));
    const auto second = begin(app().database(killed_.id, "b", Encrypted::no), at(2026, 11, 1));
    test::FaultScript script;
    script.fail("discard", 1, failed("no"));
    test::FlakyStore flaky(store_, script);
    const auto outcome = sweep(flaky, "app", day, our_time);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->uploads, 1U);
    EXPECT_TRUE(outcome->refused);
}

TEST_F(Sweep, FailsWhenItCannotLook) {
    test::FaultScript script;
    script.fail("list", 1, {ErrorKind::temporary, "away", {}});
    test::FlakyStore flaky(store_, script);
    EXPECT_FALSE(sweep(flaky, "app", day, our_time));
}

TEST_F(Sweep, SweepsDataAlsoWhereUnfinishedUploadsCannotBeSeen) {
    put_data(killed_, at(2026, 11, 1));
    test::FaultScript script;
    script.fail("unfinished", 1, failed("no right to list uploads"));
    test::FlakyStore flaky(store_, script);
    const auto outcome = sweep(flaky, "app", day, our_time);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->objects, 2U);
    ASSERT_TRUE(outcome->refused);
    EXPECT_EQ(outcome->refused->what, "no right to list uploads");
}

}  // namespace
}  // namespace lifeboat::backup
