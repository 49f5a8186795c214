// A prune that is killed at every call it makes to the store, on a store with versions and on one without. After each:
// whatever is listed is whole, the newest is there, and the next prune and sweep leave nothing behind.
#include "killed_store.hpp"
#include "stored_backups.hpp"

#include "backup/sweep.hpp"

#include <gmock/gmock.h>

namespace lifeboat::prune {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Versions = test::MemoryStore::Versions;

const auto newest = at(2026, 11, 22, 2, 17);
constexpr std::chrono::hours day{24};

struct Case {
    Versions versions;
    bool done_all_the_same;
};

class AKilledPrune : public testing::TestWithParam<Case> {
protected:
    static Result<Plan> planned(store::ObjectStore& store) {
        Wishes wishes;
        wishes.policy = {.last = 2};
        return make_plan(store, app(), wishes, newest + std::chrono::days(5));
    }
    // Everything that a backup can have about it: several versions, markers, drills, an acceptance, a signature.
    static std::vector<Manifest> fill(test::MemoryStore& store) {
        StoredBackups backups(store);
        auto all = backups.add_nightly(4, newest);
        backups.add_partial(newest - std::chrono::days(6), {"shop"});
        for (const auto& id : {all[0].id, all[1].id}) {
            backups.put(StoredBackups::drill(id, "20261122T030000Z.report.json.zst"), "x", newest);
            backups.accept(id, newest - 3 * day);
            backups.put(store::ObjectKey::parse(app().manifest(id).text() + ".minisig").value(), "sig", newest);
        }
        if (GetParam().versions == Versions::kept) {
            store.overwrite(app().manifest(all[0].id), to_json(all[0]), newest);
            store.overwrite(all[0].globals[0].key, "shadow", newest);
            store.hide(all[1].globals[0].key, newest);
            store.overwrite(app().manifest(all[1].id), "rubbish", newest);
            store.hide(app().manifest(all[1].id), newest);
        }
        return all;
    }
    static void expect_sound(test::MemoryStore& store, const std::vector<Manifest>& all) {
        const auto catalogue = catalogue::read_catalogue(store, app());
        ASSERT_TRUE(catalogue);
        EXPECT_THAT(catalogue->refused, IsEmpty());
        ASSERT_GE(catalogue->backups.size(), 2U);
        EXPECT_EQ(catalogue->backups.back().manifest.id, all[3].id);
        for (const auto& backup : catalogue->backups) {
            EXPECT_NE(backup.state, State::expired) << "listed, and not whole: " << backup.manifest.id.text();
        }
    }
};

TEST_P(AKilledPrune, LeavesWholeBackupsAndWhatTheNextOneTakes) {
    int calls = 0;
    for (bool killed = true; killed; ++calls) {
        SCOPED_TRACE("killed at call " + std::to_string(calls));
        test::MemoryStore store(GetParam().versions);
        const auto all = fill(store);
        Killed dying(store, calls, GetParam().done_all_the_same);
        if (auto plan = planned(dying)) {
            (void)carry_out(dying, *plan);
        }
        (void)clear_remains(dying, app(), day);
        killed = dying.was_killed();
        expect_sound(store, all);

        auto plan = planned(store);
        ASSERT_TRUE(plan);
        EXPECT_FALSE(carry_out(store, *plan).failure);
        StoredBackups(store).add(newest + std::chrono::days(3));
        ASSERT_TRUE(backup::sweep(store, "app", day));
        plan = planned(store);
        ASSERT_TRUE(plan);
        EXPECT_FALSE(carry_out(store, *plan).failure);
        ASSERT_TRUE(clear_remains(store, app(), day));
        for (const auto& id : {all[0].id, all[1].id}) {
            EXPECT_THAT(all_of(store, id), IsEmpty()) << "of a backup that was let go";
        }
        EXPECT_THAT(all_of(store, all[3].id), SizeIs(3)) << "whole";
        expect_sound(store,
                     {all[0], all[1], all[2], StoredBackups::made(id_at(newest + std::chrono::days(3)), {"shop"})});
        if (HasFailure()) {
            return;
        }
    }
    EXPECT_GT(calls, 20);
}

INSTANTIATE_TEST_SUITE_P(Stores, AKilledPrune,
                         testing::Values(Case{Versions::kept, false}, Case{Versions::kept, true},
                                         Case{Versions::none, false}, Case{Versions::none, true}),
                         [](const testing::TestParamInfo<Case>& each) {
                             return std::string(each.param.versions == Versions::kept ? "Versions" : "NoVersions") +
                                    (each.param.done_all_the_same ? "LastOneDone" : "LastOneNotDone");
                         });

}  // namespace
}  // namespace lifeboat::prune
