// A prune that is killed at every call it makes to the store, on a store with versions, on one without, and in a
// folder. After each: whatever is listed is whole, the newest is there, and the next prune leaves nothing behind, also
// where backups are made with a key that deletes nothing.
#include "killed_store.hpp"
#include "stored_backups.hpp"

#include "prune_wishes.hpp"
#include "store/directory_store.hpp"
#include "unit/store/store_fixtures.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <memory>

namespace lifeboat::prune {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Versions = test::MemoryStore::Versions;

const auto newest = at(2026, 11, 22, 2, 17);
constexpr std::chrono::hours day{24};
const auto abandoned = id_at(newest - 2 * day, "dead");  // by a run that was killed

enum class Kind { memory, memory_with_versions, folder };

struct Case {
    Kind kind;
    bool done_all_the_same;
};

// A store of one kind, empty.
class Place {
public:
    explicit Place(Kind kind) {
        if (kind == Kind::folder) {
            folder_ = std::make_unique<test::TemporaryFolder>();
            opened_ = store::open_directory(folder_->path()).value();
        } else {
            memory_ = std::make_unique<test::MemoryStore>(kind == Kind::memory_with_versions ? Versions::kept
                                                                                             : Versions::none);
        }
    }
    [[nodiscard]] store::ObjectStore& store() const { return memory_ ? *memory_ : *opened_; }
    [[nodiscard]] test::MemoryStore& memory() const { return *memory_; }
    [[nodiscard]] StoredBackups backups() const {
        return StoredBackups(store(), [this](const auto& key, auto when) { date(key, when); });
    }

private:
    void date(const store::ObjectKey& key, os::TimePoint when) const {
        if (memory_) {
            memory_->set_modified(key, when);
            return;
        }
        const timespec time{std::chrono::system_clock::to_time_t(when), 0};
        const std::array<timespec, 2> times{time, time};
        ASSERT_EQ(::utimensat(AT_FDCWD, folder_->below(key.text()).c_str(), times.data(), 0), 0);
    }

    std::unique_ptr<test::TemporaryFolder> folder_;
    std::unique_ptr<test::MemoryStore> memory_;
    std::unique_ptr<store::ObjectStore> opened_;
};

// What `lifeboat prune` does.
Result<cli::Pruned> pruned(store::ObjectStore& store) {
    Wishes wishes;
    wishes.policy = {.last = 2};
    return cli::prune_by_hand(store, app(), wishes, {day, newest + std::chrono::days(5), false});
}

// What somebody did to two of them, where there are versions.
void tamper(test::MemoryStore& store, const std::vector<Manifest>& all) {
    store.overwrite(app().manifest(all[0].id), to_json(all[0]), newest);
    store.overwrite(all[0].globals[0].key, "shadow", newest);
    store.hide(all[1].globals[0].key, newest);
    store.overwrite(app().manifest(all[1].id), "rubbish", newest);
    store.hide(app().manifest(all[1].id), newest);
}

// Everything that a backup can have about it: several versions, markers, drills, an acceptance, a signature.
std::vector<Manifest> fill(const Place& place, Kind kind) {
    auto backups = place.backups();
    auto all = backups.add_nightly(4, newest);
    backups.put_data(StoredBackups::made(abandoned, {"shop"}), newest - 2 * day);
    backups.add_partial(newest - std::chrono::days(6), {"shop"});
    for (const auto& id : {all[0].id, all[1].id}) {
        backups.put(StoredBackups::drill(id, "20261122T030000Z.report.json.zst"), "x", newest);
        backups.accept(id, newest - 3 * day);
        backups.put(store::ObjectKey::parse(app().manifest(id).text() + ".minisig").value(), "sig", newest);
    }
    if (kind == Kind::memory_with_versions) {
        tamper(place.memory(), all);
    }
    return all;
}

void expect_sound(store::ObjectStore& store, const BackupId& last) {
    const auto catalogue = catalogue::read_catalogue(store, app());
    ASSERT_TRUE(catalogue);
    EXPECT_THAT(catalogue->refused, IsEmpty());
    ASSERT_GE(catalogue->backups.size(), 2U);
    EXPECT_EQ(catalogue->backups.back().manifest.id, last);
    for (const auto& backup : catalogue->backups) {
        EXPECT_NE(backup.state, State::expired) << "listed, and not whole: " << backup.manifest.id.text();
    }
}

// Another prune, and one after the next backup, which took nothing away itself.
void go_on(const Place& place, os::TimePoint next) {
    for (const bool later : {false, true}) {
        if (later) {
            place.backups().add(next);
        }
        const auto done = pruned(place.store());
        ASSERT_TRUE(done);
        EXPECT_FALSE(done->outcome->failure);
        EXPECT_FALSE(done->swept.refused);
    }
}

bool takes_long() {
    const char* wish = std::getenv("LIFEBOAT_TEST_LONG");  // NOLINT(concurrency-mt-unsafe): nobody changes it
    return wish != nullptr && std::string(wish) == "1";
}

class AKilledPrune : public testing::TestWithParam<Case> {};

TEST_P(AKilledPrune, LeavesWholeBackupsAndWhatTheNextOneTakes) {
    const auto next = newest + std::chrono::days(3);
    // A folder writes everything through to the disk, which takes its time: in a short run not at every call.
    const int step = GetParam().kind == Kind::folder && !takes_long() ? 9 : 1;
    int calls = 0;
    for (bool killed = true; killed; calls += step) {
        SCOPED_TRACE("killed at call " + std::to_string(calls));
        const Place place(GetParam().kind);
        const auto all = fill(place, GetParam().kind);
        Killed dying(place.store(), calls, GetParam().done_all_the_same);
        (void)pruned(dying);
        killed = dying.was_killed();
        expect_sound(place.store(), all[3].id);

        go_on(place, next);
        for (const auto& id : {all[0].id, all[1].id, abandoned}) {
            EXPECT_THAT(all_of(place.store(), id), IsEmpty()) << "of a backup that was let go, or of a killed run";
        }
        EXPECT_THAT(all_of(place.store(), all[3].id), SizeIs(3)) << "whole";
        expect_sound(place.store(), id_at(next));
        if (HasFailure()) {
            return;
        }
    }
    EXPECT_GT(calls, 20);
}

INSTANTIATE_TEST_SUITE_P(Stores, AKilledPrune,
                         testing::Values(Case{Kind::memory_with_versions, false},
                                         Case{Kind::memory_with_versions, true}, Case{Kind::memory, false},
                                         Case{Kind::memory, true}, Case{Kind::folder, false},
                                         Case{Kind::folder, true}));

}  // namespace
}  // namespace lifeboat::prune
