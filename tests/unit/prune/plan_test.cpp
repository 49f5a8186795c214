// What a plan makes of a store: which backups count as what, whose time it is, and what stops it.
#include "stored_backups.hpp"

#include "unit/retention/histories.hpp"

#include <gmock/gmock.h>

namespace lifeboat::prune {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Versions = test::MemoryStore::Versions;

const auto newest = at(2026, 11, 22, 2, 17);

class APlan : public testing::Test {
protected:
    Plan planned(const Wishes& wishes, os::TimePoint our_time = newest + std::chrono::hours(1)) {
        auto plan = make_plan(store_, app(), wishes, our_time);
        if (!plan) {
            ADD_FAILURE() << plan.error().what;
            return {app(), {}};
        }
        return *std::move(plan);
    }
    static Wishes keeping(const retention::Policy& policy, std::size_t max_delete = 10) {
        Wishes wishes;
        wishes.policy = policy;
        wishes.max_delete = max_delete;
        return wishes;
    }

    test::MemoryStore store_{Versions::kept};
    StoredBackups backups_{store_};
};

TEST_F(APlan, HasARowForEveryBackupOldestFirst) {
    const auto all = backups_.add_nightly(4, newest);
    const auto plan = planned(keeping({.last = 2}));
    ASSERT_THAT(plan.rows, SizeIs(4));
    EXPECT_EQ(plan.rows[0].id, all[0].id);
    EXPECT_EQ(plan.rows[0].stored, newest - std::chrono::days(3));
    EXPECT_EQ(plan.rows[0].bytes, 6U);
    EXPECT_FALSE(plan.rows[0].keep);
    EXPECT_FALSE(plan.rows[1].keep);
    EXPECT_TRUE(plan.rows[2].keep);
    EXPECT_EQ(plan.going(), 2U);
    EXPECT_FALSE(plan.stop);
    EXPECT_EQ(plan.anchor, all[3].id);
}

TEST_F(APlan, ChangesNothing) {
    backups_.add_nightly(30, newest);
    const auto before = all_below(store_, "");
    planned(keeping({.last = 1}, 100));
    EXPECT_EQ(all_below(store_, ""), before);
}

// A thief who has the key of a writer may give a backup any name, and any time in its manifest.
TEST_F(APlan, GoesByTheTimesOfTheStoreAlone) {
    const auto all = backups_.add_nightly(4, newest);
    store_.set_modified(app().manifest(all[2].id), newest + std::chrono::minutes(1));
    EXPECT_THAT(going(planned(keeping({.last = 1}))),
                ElementsAre(all[0].id.text(), all[1].id.text(), all[3].id.text()));
}

// Once old backups are gone he may store copies of them again, and the store says that they are new.
TEST_F(APlan, LetsOldBackupsThatAreCopiedBackTakeNobodysPlace) {
    const auto all = backups_.add_nightly(4, newest);
    for (int i = 0; i < 5; ++i) {
        const auto copy = backups_.add(newest - std::chrono::days(100 + i));
        store_.set_modified(app().manifest(copy.id), newest + std::chrono::hours(1 + i));
    }
    const auto plan = planned(keeping({.last = 2}), newest + std::chrono::days(1));
    EXPECT_THAT(going(plan), ElementsAre(all[0].id.text(), all[1].id.text()));
    EXPECT_EQ(plan.rows.back().state, State::hidden);
    EXPECT_EQ(plan.anchor, all[3].id);
    EXPECT_FALSE(plan.stop);
}

// Without one that was made later nothing tells the copy from a new one, and a marked one would raise a doubt.
TEST_F(APlan, KeepsWhatTellsThatABackupWasCopiedBackAsLongAsThatOne) {
    const auto all = backups_.add_nightly(30, newest);
    const auto copy = backups_.add(newest - std::chrono::days(100), {"shop"}, "0001", {{"rows", "half are gone"}});
    store_.set_modified(app().manifest(copy.id), newest - std::chrono::days(5) + std::chrono::hours(23));
    const auto gone_by = [&](unsigned days) {
        const auto plan = planned(keeping({.days = days}, 100));
        EXPECT_FALSE(plan.stop);
        return going(plan);
    };
    EXPECT_THAT(gone_by(5), SizeIs(24));
    EXPECT_THAT(gone_by(4), SizeIs(24)) << "not what tells of the copy";
    EXPECT_THAT(gone_by(3), SizeIs(27)) << "the copy, and what told of it";
    for (const auto& row : planned(keeping({.days = 4}, 100)).rows) {
        if (row.id == all[24].id) {
            EXPECT_THAT(row.because, Contains(HasSubstr(copy.id.text())));
        }
    }
}

// Nor that of the newest archive of a database that partial runs alone hold.
TEST_F(APlan, LetsAPartialBackupThatIsCopiedBackTakeNobodysPlace) {
    const auto partial = backups_.add_partial(newest - std::chrono::days(20), {"shop", "lost"});
    backups_.add_nightly(4, newest);
    const auto copy = backups_.add_partial(newest - std::chrono::days(100), {"shop", "lost"});
    store_.set_modified(app().partial_manifest(copy.id), newest + std::chrono::hours(1));
    const auto plan = planned(keeping({.last = 4}), newest + std::chrono::days(1));
    EXPECT_THAT(going(plan), IsEmpty());
    EXPECT_FALSE(plan.stop) << "nothing is in doubt";
    EXPECT_EQ(plan.rows[0].id, partial.id);
}

// Nor where it came back without some of its objects, and then it stands for nothing that it does not hold.
TEST_F(APlan, LetsWhatIsLeftOfABackupThatIsCopiedBackTakeNobodysPlace) {
    const auto partial = backups_.add_partial(newest - std::chrono::days(20), {"shop", "lost"});
    backups_.add_nightly(4, newest);
    const auto copy = backups_.add_partial(newest - std::chrono::days(100), {"shop", "lost"});
    store_.set_modified(app().partial_manifest(copy.id), newest - std::chrono::days(1) + std::chrono::hours(5));
    ASSERT_TRUE(store_.remove(copy.globals[0].key, ""));
    auto plan = planned(keeping({.last = 4}));
    EXPECT_THAT(going(plan), IsEmpty());
    EXPECT_FALSE(plan.stop) << "nothing is in doubt";
    EXPECT_EQ(plan.rows[0].id, partial.id);
    EXPECT_EQ(plan.rows[4].state, State::expired);
    ASSERT_TRUE(store_.remove(app().database(copy.id, "lost", catalogue::Encrypted::no), ""));
    plan = planned(keeping({.last = 1}));
    EXPECT_FALSE(plan.rows[4].keep);
    EXPECT_EQ(plan.rows[4].because, std::vector<std::string>{"1 day old, and no rule keeps it"});
    EXPECT_TRUE(plan.rows[0].keep);
}

TEST_F(APlan, TakesNoHiddenPartialBackupForDoubt) {
    const auto all = backups_.add_nightly(4, newest);
    const auto partial = backups_.add_partial(newest + std::chrono::minutes(1), {"shop"});
    store_.hide(app().partial_manifest(partial.id), newest + std::chrono::minutes(2));
    const auto plan = planned(keeping({.last = 4}));
    EXPECT_EQ(plan.rows.back().state, State::hidden);
    EXPECT_FALSE(plan.stop);
    EXPECT_THAT(going(plan), IsEmpty());
}

// Whoever waits until a backup is older than keep_days hides it as the bucket's own rule would.
TEST_F(APlan, KeepsOldBackupsThatWereHiddenAsLongAsThePolicyDoes) {
    std::vector<Manifest> monthly;
    for (int month = 6; month > 0; --month) {
        auto manifest = StoredBackups::made(id_at(newest - std::chrono::days(30 * month)), {"shop"});
        manifest.retention = {7, 0, 0, 6, 0};
        backups_.put_data(manifest, newest - std::chrono::days(30 * month));
        backups_.put(app().manifest(manifest.id), to_json(manifest), newest - std::chrono::days(30 * month));
        monthly.push_back(manifest);
    }
    backups_.add(newest);
    for (const auto& manifest : monthly) {
        store_.hide(app().manifest(manifest.id), newest + std::chrono::minutes(1));
    }
    for (const auto rule : {std::optional<std::chrono::milliseconds>(), std::optional(std::chrono::milliseconds(0)),
                            std::optional<std::chrono::milliseconds>(std::chrono::days(7))}) {
        auto wishes = keeping({.days = 7, .monthly = 6});
        wishes.expires_after = rule;
        EXPECT_THAT(going(planned(wishes)), IsEmpty());
    }
    EXPECT_THAT(going(planned(keeping({.days = 7}))), SizeIs(6)) << "and goes as soon as the policy says so";
}

TEST_F(APlan, SaysTheSameOfADoubtEachNight) {
    backups_.add(newest - std::chrono::days(9));
    backups_.add(newest - std::chrono::days(8), {"shop"}, "0001", {{"rows", "half of them are gone"}});
    const auto first = planned(keeping({.last = 2})).stop;
    ASSERT_TRUE(first);
    for (int night = 7; night >= 0; --night) {
        backups_.add(newest - std::chrono::days(night), {"shop"}, "0001", {{"follows_marked", "that one is marked"}});
        const auto stop = planned(keeping({.last = 2})).stop;
        ASSERT_TRUE(stop);
        EXPECT_EQ(stop->what, first->what);
    }
}

// Where every whole run is long ago, or there never was one.
TEST_F(APlan, KeepsTheNewestGlobalsInAPartialBackup) {
    const auto with = backups_.add_partial(newest - std::chrono::days(20), {"shop"});
    for (int night = 3; night >= 0; --night) {
        const auto when = newest - std::chrono::days(night);
        auto without = StoredBackups::made(id_at(when), {"shop"});
        without.globals.clear();
        without.failures.push_back({std::nullopt, "pg_dumpall failed"});
        backups_.put_data(without, when);
        backups_.put(app().partial_manifest(without.id), to_json(without), when);
    }
    const auto plan = planned(keeping({.days = 1}));
    EXPECT_THAT(plan.rows.front().because, Contains("it holds the newest archive of the globals"));
    EXPECT_EQ(plan.rows.front().id, with.id);
    EXPECT_THAT(going(plan), SizeIs(2));
}

TEST_F(APlan, TakesTheNewestManifestForNow) {
    const auto all = backups_.add_nightly(4, newest);
    EXPECT_THAT(going(planned(keeping({.days = 2}), newest + std::chrono::days(4000))), ElementsAre(all[0].id.text()));
}

TEST_F(APlan, IsHeldBackByAClockThatIsBehind) {
    backups_.add_nightly(40, newest);
    EXPECT_THAT(going(planned(keeping({.days = 2}, 100), at(1970, 1, 1))), IsEmpty());
    EXPECT_THAT(going(planned(keeping({.days = 2}, 100), newest - std::chrono::days(30))), SizeIs(7));
}

// A folder's host whose clock was wrong for one backup.
TEST_F(APlan, TakesNothingFromTheFutureForTheNewest) {
    const auto all = backups_.add_nightly(3, newest);
    const auto wrong = backups_.add(at(2037, 1, 1));
    const auto plan = planned(keeping({.last = 1}));
    EXPECT_EQ(plan.anchor, all[2].id);
    EXPECT_THAT(going(plan), ElementsAre(all[0].id.text(), all[1].id.text()));
    EXPECT_EQ(plan.rows.front().id, wrong.id);
    EXPECT_THAT(plan.rows.front().because.front(), HasSubstr("future"));
    // Where there is nothing else, it is better than nothing.
    test::MemoryStore other;
    StoredBackups only(other);
    only.add(at(2037, 1, 1));
    EXPECT_EQ(make_plan(other, app(), keeping({.last = 1}), newest)->anchor, wrong.id);
}

TEST_F(APlan, StopsAtMoreThanMaxDelete) {
    backups_.add_nightly(13, newest);
    EXPECT_TRUE(planned(keeping({.last = 2}, 10)).stop);
    EXPECT_FALSE(planned(keeping({.last = 2}, 11)).stop);
}

TEST_F(APlan, StopsWhileAMarkedBackupIsNewest) {
    backups_.add_nightly(9, newest - std::chrono::days(1));
    const auto marked = backups_.add(newest, {"shop"}, "0001", {{"rows", "half of them are gone"}});
    const auto plan = planned(keeping({.last = 2}));
    ASSERT_TRUE(plan.stop);
    EXPECT_EQ(plan.stop->gate, retention::Gate::lineage);
    backups_.accept(marked.id, newest + std::chrono::minutes(1));
    EXPECT_FALSE(planned(keeping({.last = 2})).stop);
}

// Nobody must be able to end the doubt by hiding the backup that gave it.
TEST_F(APlan, StopsAlsoWhereTheMarkedBackupWasHidden) {
    backups_.add_nightly(9, newest - std::chrono::days(1));
    const auto marked = backups_.add(newest, {"shop"}, "0001", {{"rows", "half of them are gone"}});
    store_.hide(app().manifest(marked.id), newest + std::chrono::minutes(1));
    EXPECT_TRUE(planned(keeping({.last = 2})).stop);
}

TEST_F(APlan, StopsAlsoWhereTheMarkedBackupLostAnObject) {
    backups_.add_nightly(9, newest - std::chrono::days(1));
    const auto marked = backups_.add(newest, {"shop"}, "0001", {{"rows", "half of them are gone"}});
    ASSERT_TRUE(store_.remove(app().database(marked.id, "shop", catalogue::Encrypted::no), ""));
    const auto plan = planned(keeping({.last = 2}));
    EXPECT_EQ(plan.rows.back().state, State::expired);
    ASSERT_TRUE(plan.stop);
    EXPECT_EQ(plan.stop->gate, retention::Gate::lineage);
}

// What hides it then seems to be the bucket's own rule.
TEST_F(APlan, StopsAlsoWhereTheMarkedBackupWasHiddenWhenItWasOld) {
    backups_.add_nightly(9, newest - std::chrono::days(1));
    const auto marked = backups_.add(newest, {"shop"}, "0001", {{"rows", "half of them are gone"}});
    auto wishes = keeping({.last = 2});
    wishes.expires_after = std::chrono::hours(1);
    store_.hide(app().manifest(marked.id), newest + std::chrono::hours(2));
    const auto plan = planned(wishes);
    EXPECT_EQ(plan.rows.back().state, State::expired);
    EXPECT_TRUE(plan.stop);
}

// An acceptance is as good for a backup that was hidden since.
TEST_F(APlan, GoesOnWhereTheHiddenOneWasAccepted) {
    backups_.add_nightly(9, newest - std::chrono::days(1));
    const auto marked = backups_.add(newest, {"shop"}, "0001", {{"rows", "half of them are gone"}});
    backups_.accept(marked.id, newest + std::chrono::minutes(1));
    store_.hide(app().manifest(marked.id), newest + std::chrono::minutes(2));
    const auto plan = planned(keeping({.last = 2}));
    EXPECT_FALSE(plan.stop);
    EXPECT_TRUE(plan.rows.back().keep);
}

TEST_F(APlan, CountsNoHiddenBackupAndLetsItStay) {
    const auto all = backups_.add_nightly(4, newest);
    store_.hide(app().manifest(all[3].id), newest + std::chrono::minutes(1));
    const auto plan = planned(keeping({.last = 1}));
    EXPECT_THAT(going(plan), ElementsAre(all[0].id.text(), all[1].id.text()));
    EXPECT_EQ(plan.rows[3].state, State::hidden);
    EXPECT_EQ(plan.anchor, all[2].id);
}

TEST_F(APlan, KeepsTheNewestArchiveOfADatabaseInAPartialBackup) {
    const auto partial = backups_.add_partial(newest - std::chrono::days(20), {"shop", "lost"});
    backups_.add_nightly(4, newest);
    EXPECT_THAT(going(planned(keeping({.last = 4}))), IsEmpty());
    const auto accepted = backups_.add(newest + std::chrono::minutes(1), {"shop"}, "0002", {{"gone", "lost is gone"}});
    backups_.accept(accepted.id, newest + std::chrono::minutes(2), {"lost"});
    EXPECT_THAT(going(planned(keeping({.last = 5}))), ElementsAre(partial.id.text()));
}

// The second half of a listing is missing, or a small object is lost of each.
TEST_F(APlan, LetsGoOfNothingForAListingThatLacksData) {
    const auto all = backups_.add_nightly(7, newest);
    for (const auto& each : all) {
        for (const auto& object : each.all_objects()) {
            ASSERT_TRUE(store_.remove(object.key, ""));
        }
    }
    const auto plan = planned(keeping({.last = 2}));
    EXPECT_EQ(plan.rows.back().state, State::expired);
    EXPECT_THAT(going(plan), IsEmpty());
    EXPECT_FALSE(plan.anchor);
}

TEST_F(APlan, KeepsOldOnesWhoseGlobalsWereLostAsLongAsThePolicyDoes) {
    std::vector<Manifest> old;
    for (const unsigned month : {5U, 6U, 7U, 8U}) {
        old.push_back(backups_.add(at(2026, month, 20)));
        ASSERT_TRUE(store_.remove(old.back().globals[0].key, ""));
    }
    const auto partial = backups_.add_partial(at(2026, 8, 21), {"shop"});
    ASSERT_TRUE(store_.remove(partial.globals[0].key, ""));
    backups_.add(newest);
    EXPECT_THAT(going(planned(keeping({.monthly = 12}))), ElementsAre(partial.id.text()));
    EXPECT_THAT(going(planned(keeping({.monthly = 3}))), ElementsAre(old[0].id.text(), partial.id.text()));
}

// An archive that is gone from an expired backup is no archive.
TEST_F(APlan, KeepsOfAnExpiredBackupTheArchiveThatIsLeft) {
    const auto old = backups_.add(newest - std::chrono::days(20), {"shop", "lost", "other"});
    const auto older = backups_.add(newest - std::chrono::days(30), {"shop", "other"});
    backups_.add_nightly(2, newest);
    ASSERT_TRUE(store_.remove(app().database(old.id, "other", catalogue::Encrypted::no), ""));
    const auto plan = planned(keeping({.last = 1}));
    EXPECT_EQ(plan.rows[1].state, State::expired);
    EXPECT_THAT(plan.rows[1].because, Contains("it holds the newest archive of 'lost'"));
    EXPECT_THAT(plan.rows[0].because, Contains("it holds the newest archive of 'other'"));
    EXPECT_EQ(plan.rows[0].id, older.id);
}

TEST_F(APlan, NeitherCountsNorTouchesManifestsThatAreNotWhatTheirKeySays) {
    const auto all = backups_.add_nightly(2, newest);
    auto foreign = StoredBackups::made(id_at(newest + std::chrono::minutes(5)), {"shop"});
    foreign.instance = "another";
    backups_.put(app().manifest(foreign.id), to_json(foreign), newest + std::chrono::minutes(5));
    backups_.put(app().manifest(id_at(newest + std::chrono::minutes(6))), "{\"format\":\"lifeboat-manifest/9\"}",
                 newest + std::chrono::minutes(6));
    const auto plan = planned(keeping({.last = 1}));
    EXPECT_THAT(going(plan), ElementsAre(all[0].id.text()));
    EXPECT_THAT(plan.refused, SizeIs(2));
    EXPECT_THAT(plan.unread, ElementsAre(foreign.id, id_at(newest + std::chrono::minutes(6))));
}

TEST_F(APlan, IsOneOfThisInstanceAlone) {
    backups_.add_nightly(3, newest);
    const auto other = catalogue::Layout::of("app2").value();
    EXPECT_TRUE(make_plan(store_, other, keeping({.last = 1}), newest)->rows.empty());
}

TEST_F(APlan, IsRefusedToAKeyThatCannotSeeVersions) {
    backups_.add_nightly(3, newest);
    store_.hide_what_is_hidden();
    const auto plan = make_plan(store_, app(), keeping({.last = 1}), newest);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().kind, ErrorKind::refused);
}

TEST_F(APlan, KeepsWhatTheInstancesOwnManifestAsksFor) {
    auto all = backups_.add_nightly(9, newest - std::chrono::days(1));
    auto last = StoredBackups::made(id_at(newest), {"shop"});
    last.retention = {0, 5, 0, 0, 0};
    backups_.put_data(last, newest);
    backups_.put(app().manifest(last.id), to_json(last), newest);
    auto wishes = keeping({.last = 2});
    EXPECT_THAT(going(planned(wishes)), SizeIs(8));
    wishes.heed_manifest = true;
    const auto plan = planned(wishes);
    EXPECT_THAT(going(plan), SizeIs(5));
    EXPECT_THAT(plan.rows[5].because, ElementsAre("one of the newest 5 (as its manifest asks)"));
    wishes.policy = {.last = 7};
    EXPECT_THAT(going(planned(wishes)), SizeIs(3)) << "and what this configuration asks for";
}

TEST_F(APlan, FailsWhereTheStoreCannotBeRead) {
    backups_.add_nightly(3, newest);
    test::FaultScript script;
    script.fail("read", 2, {ErrorKind::temporary, "away", {}});
    test::FlakyStore flaky(store_, script);
    EXPECT_FALSE(make_plan(flaky, app(), keeping({.last = 1}), newest));
}

}  // namespace
}  // namespace lifeboat::prune
