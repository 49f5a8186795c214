// What the deed does to a store, and what it leaves alone.
#include "killed_store.hpp"
#include "stored_backups.hpp"

#include "backup/sweep.hpp"

#include <gmock/gmock.h>

namespace lifeboat::prune {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Versions = test::MemoryStore::Versions;

const auto newest = at(2026, 11, 22, 2, 17);

// Notes what is removed, and holds some of it under a lock.
class LockingStore final : public store::ObjectStore {
public:
    explicit LockingStore(store::ObjectStore& inner) : inner_(inner) {}

    [[nodiscard]] std::string location() const override { return inner_.location(); }
    [[nodiscard]] std::uint64_t max_object_size() const override { return inner_.max_object_size(); }
    Result<std::unique_ptr<store::Upload>> begin(const store::ObjectKey& key) override { return inner_.begin(key); }
    Status read(const store::ObjectKey& key, const std::string& version, stream::Sink& to) override {
        call();
        return inner_.read(key, version, to);
    }
    Status list(const std::string& prefix, const Visitor& visit) override {
        call();
        return inner_.list(prefix, visit);
    }
    Result<std::vector<store::UnfinishedUpload>> unfinished(const std::string& prefix) override {
        return inner_.unfinished(prefix);
    }
    Status discard(const store::UnfinishedUpload& upload) override { return inner_.discard(upload); }
    Status remove(const store::ObjectKey& key, const std::string& version) override {
        call();
        asked.push_back(key.text());
        without_version += version.empty() ? 1 : 0;
        for (const auto& [part, error] : locked) {
            if (key.text().find(part) != std::string::npos) {
                return error;
            }
        }
        if (before_removal) {
            before_removal();
        }
        return inner_.remove(key, version);
    }
    [[nodiscard]] bool lists_everything() const override { return inner_.lists_everything(); }

    void lock(const std::string& part_of_key) {
        locked.emplace_back(part_of_key, Error{ErrorKind::refused, part_of_key + " is locked", "wait"});
    }
    void forbid(const std::string& part_of_key) {
        locked.emplace_back(part_of_key, failed("AccessDenied", "give the key the right"));
    }

    std::vector<std::string> asked;
    std::vector<std::pair<std::string, Error>> locked;
    std::function<void()> before_removal;
    std::function<void()> before_call;  // of a list, a read or a removal
    int without_version = 0;

private:
    void call() const {
        if (before_call) {
            before_call();
        }
    }

    store::ObjectStore& inner_;
};

class TheDeed : public testing::Test {
protected:
    Plan planned(unsigned keep_last, std::size_t max_delete = 100) {
        Wishes wishes;
        wishes.policy = {.last = keep_last};
        wishes.max_delete = max_delete;
        return make_plan(memory_, app(), wishes, newest + std::chrono::hours(1)).value();
    }
    Outcome done_after(const Plan& plan) { return carry_out(store_, plan); }
    // One that was gone for long and came back at `when`.
    Manifest copy_back(os::TimePoint when) {
        auto copy = backups_.add(newest - std::chrono::days(100));
        memory_.set_modified(app().manifest(copy.id), when);
        return copy;
    }
    std::vector<std::string> listed() {
        std::vector<std::string> ids;
        const auto catalogue = catalogue::read_catalogue(memory_, app()).value();
        for (const auto& backup : catalogue.backups) {
            ids.push_back(backup.manifest.id.text());
        }
        return ids;
    }

    test::MemoryStore memory_{Versions::kept};
    LockingStore store_{memory_};
    StoredBackups backups_{memory_};
};

TEST_F(TheDeed, FollowsThePlanTheOldestFirst) {
    const auto all = backups_.add_nightly(5, newest);
    const auto outcome = done_after(planned(2));
    EXPECT_FALSE(outcome.failure);
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text(), all[1].id.text(), all[2].id.text()));
    EXPECT_EQ(outcome.bytes, 18U);
    EXPECT_THAT(outcome.left, IsEmpty());
    EXPECT_THAT(listed(), ElementsAre(all[3].id.text(), all[4].id.text()));
}

TEST_F(TheDeed, RemovesTheManifestFirstAndItsDrillsLast) {
    const auto all = backups_.add_nightly(2, newest);
    const auto& id = all[0].id;
    backups_.put(StoredBackups::drill(id, "20261122T030000Z.report.json.zst"), "{}", newest);
    backups_.put(StoredBackups::drill(id, "20261122T030000Z.report.json.zst.age"), "x", newest);
    backups_.put(store::ObjectKey::parse(app().manifest(id).text() + ".minisig").value(), "sig", newest);
    backups_.accept(id, newest);
    backups_.put(app().restore_text(), "how to", newest);
    done_after(planned(1));
    const std::string of = id.text();
    EXPECT_THAT(store_.asked, ElementsAre("app/manifests/" + of + ".json", "app/manifests/" + of + ".json.minisig",
                                          "app/data/" + of + "/globals.sql.zst", "app/data/" + of + "/shop.dump.zst",
                                          "app/drills/" + of + "/20261122T030000Z.report.json.zst",
                                          "app/drills/" + of + "/20261122T030000Z.report.json.zst.age"));
    EXPECT_THAT(all_of(memory_, id), ElementsAre("app/accepted/" + of + ".json"));
    EXPECT_THAT(all_below(memory_, "app/RESTORE.txt"), SizeIs(1));
}

// What is no row of the plan was not decided, whatever id it bears.
TEST_F(TheDeed, TakesOfOneIdOnlyTheManifestThatWasDecided) {
    const auto all = backups_.add_nightly(2, newest);
    const auto key = app().partial_manifest(all[0].id);
    backups_.put(key, "{\"format\":\"lifeboat-manifest/9\"}", newest);
    const auto outcome = done_after(planned(1));
    EXPECT_FALSE(outcome.failure);
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text()));
    EXPECT_THAT(all_of(memory_, all[0].id), ElementsAre(key.text()));
}

TEST_F(TheDeed, TakesBothManifestsOfOneIdBeforeTheirData) {
    const auto all = backups_.add_nightly(2, newest);
    auto partial = all[0];
    partial.failures.push_back({"another", "failed"});
    backups_.put(app().partial_manifest(partial.id), to_json(partial), newest - std::chrono::days(1));
    const auto outcome = done_after(planned(1));
    EXPECT_FALSE(outcome.failure);
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text()));
    EXPECT_THAT(all_of(memory_, all[0].id), IsEmpty());
    ASSERT_THAT(store_.asked, SizeIs(4));
    EXPECT_THAT(store_.asked[0], HasSubstr("app/manifests/"));
    EXPECT_THAT(store_.asked[1], HasSubstr("app/partial/"));
}

TEST_F(TheDeed, LeavesNoVersionAndNoMarkerBehind) {
    const auto all = backups_.add_nightly(2, newest);
    for (const auto& object : all[0].all_objects()) {
        memory_.overwrite(object.key, "other bytes", newest);
        memory_.hide(object.key, newest);
    }
    memory_.overwrite(app().manifest(all[0].id), to_json(all[0]), newest);
    memory_.hide(app().manifest(all[0].id), newest);
    auto plan = planned(1);
    for (auto& row : plan.rows) {
        row.keep = row.id != all[0].id;
    }
    const auto outcome = done_after(plan);
    EXPECT_FALSE(outcome.failure);
    EXPECT_THAT(all_of(memory_, all[0].id), IsEmpty());
    EXPECT_EQ(store_.without_version, 0) << "a deletion by name would only hide";
}

TEST_F(TheDeed, TouchesNothingOfABackupWhoseManifestIsLocked) {
    const auto all = backups_.add_nightly(4, newest);
    const auto before = all_of(memory_, all[1].id);
    store_.lock("manifests/" + all[1].id.text());
    const auto outcome = done_after(planned(1));
    EXPECT_FALSE(outcome.failure);
    EXPECT_EQ(all_of(memory_, all[1].id), before);
    ASSERT_THAT(outcome.left, SizeIs(1));
    EXPECT_EQ(outcome.left[0].id, all[1].id);
    EXPECT_FALSE(outcome.may_not());
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text(), all[2].id.text()));
}

// A thief's later version is locked for longer than what it covers: nothing may go before all can.
TEST_F(TheDeed, AsksForTheLaterVersionsOfAManifestFirst) {
    const auto all = backups_.add_nightly(2, newest);
    memory_.overwrite(app().manifest(all[0].id), "rubbish", newest);
    memory_.hide(app().manifest(all[0].id), newest);
    int removals = 0;
    store_.before_removal = [&] {
        if (removals++ == 0) {
            return;
        }
        if (removals == 2) {
            const auto catalogue = catalogue::read_catalogue(memory_, app()).value();
            ASSERT_THAT(catalogue.backups, SizeIs(2))
                << "its own version is there until the last of the others is gone";
        }
    };
    auto plan = planned(1);
    for (auto& row : plan.rows) {
        row.keep = row.id != all[0].id;
    }
    EXPECT_FALSE(done_after(plan).failure);
    EXPECT_THAT(all_of(memory_, all[0].id), IsEmpty());
}

TEST_F(TheDeed, LeavesLockedDataAndSaysSo) {
    const auto all = backups_.add_nightly(2, newest);
    store_.lock("/globals");
    const auto outcome = done_after(planned(1));
    EXPECT_FALSE(outcome.failure);
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text()));
    ASSERT_THAT(outcome.left, SizeIs(1));
    EXPECT_THAT(outcome.left[0].why.what, HasSubstr("locked"));
    EXPECT_THAT(all_of(memory_, all[0].id), ElementsAre(HasSubstr("globals")));
}

TEST_F(TheDeed, ChangesNothingWithAKeyThatMayNotDelete) {
    backups_.add_nightly(5, newest);
    const auto before = all_below(memory_, "");
    store_.forbid("app/");
    const auto outcome = done_after(planned(1));
    EXPECT_FALSE(outcome.failure);
    EXPECT_TRUE(outcome.may_not());
    EXPECT_THAT(outcome.gone, IsEmpty());
    EXPECT_EQ(all_below(memory_, ""), before);
    EXPECT_EQ(store_.without_version, 0) << "a deletion by name would have hidden it";
    EXPECT_THAT(store_.asked, Each(HasSubstr("/manifests/")));
}

TEST_F(TheDeed, DoesNothingThatAGateStops) {
    backups_.add_nightly(5, newest);
    const auto outcome = done_after(planned(1, 3));
    ASSERT_TRUE(outcome.failure);
    EXPECT_EQ(outcome.failure->kind, ErrorKind::refused);
    EXPECT_THAT(store_.asked, IsEmpty());
}

TEST_F(TheDeed, EndsWhenTheNewestGoodOneIsHiddenMeanwhile) {
    const auto all = backups_.add_nightly(5, newest);
    const auto plan = planned(1);
    int removals = 0;
    store_.before_removal = [&] {
        if (++removals == 3) {  // the last of the first backup
            memory_.hide(app().manifest(all[4].id), newest);
        }
    };
    const auto outcome = done_after(plan);
    ASSERT_TRUE(outcome.failure);
    EXPECT_EQ(outcome.failure->kind, ErrorKind::refused);
    EXPECT_THAT(outcome.failure->what, HasSubstr(all[4].id.text()));
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text()));
}

TEST_F(TheDeed, EndsWhenAMarkedBackupComesMeanwhileAndNotForAnUnmarkedOne) {
    const auto all = backups_.add_nightly(5, newest);
    const auto plan = planned(1);
    int removals = 0;
    store_.before_removal = [&] {
        if (++removals == 1) {
            backups_.add(newest + std::chrono::minutes(1));
        }
        if (removals == 4) {  // the first of the second backup
            backups_.add(newest + std::chrono::minutes(2), {"shop"}, "0002", {{"rows", "half of them are gone"}});
        }
    };
    const auto outcome = done_after(plan);
    ASSERT_TRUE(outcome.failure);
    EXPECT_EQ(outcome.failure->kind, ErrorKind::refused);
    EXPECT_THAT(outcome.failure->what, HasSubstr(id_at(newest + std::chrono::minutes(2), "0002").text()));
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text(), all[1].id.text()));
}

// Whoever has a writer's key can store what nobody can read, or copy it to where it is not read from any more.
TEST_F(TheDeed, ReadsNothingAgainThatThePlanCouldNotRead) {
    const auto all = backups_.add_nightly(3, newest);
    const auto withheld = [&](const BackupId& id) {
        backups_.put(app().manifest(id), "x", newest);
        memory_.withhold(app().manifest(id), failed("403 InvalidObjectState"));
    };
    withheld(id_at(newest - std::chrono::days(1), "dead"));
    const auto plan = planned(1);
    ASSERT_THAT(plan.unread, SizeIs(1));
    store_.before_removal = [&, removals = 0]() mutable {
        if (++removals == 3) {  // the last of the first backup
            withheld(id_at(newest, "dead"));
        }
    };
    const auto outcome = done_after(plan);
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text()));
    ASSERT_TRUE(outcome.failure) << "one that came since may be marked";
    EXPECT_EQ(outcome.failure->what, "403 InvalidObjectState");
}

// Whoever saw its data come may have put a marker under the name of its manifest.
TEST_F(TheDeed, TakesNoMarkerFromBeforeTheNewestGoodOneForItsHiding) {
    const auto all = backups_.add_nightly(2, newest - std::chrono::days(1));
    const auto last = StoredBackups::made(id_at(newest), {"shop"});
    const auto key = app().manifest(last.id);
    backups_.put_data(last, newest);
    backups_.put(key, "x", newest);
    memory_.hide(key, newest);
    ASSERT_TRUE(memory_.list(key.text(), [&](const auto& info) {
        return info.hide_marker ? done() : memory_.remove(key, info.version_id);
    }));
    memory_.overwrite(key, to_json(last), newest);
    auto plan = planned(1);
    EXPECT_EQ(plan.anchor, last.id);
    auto outcome = done_after(plan);
    EXPECT_FALSE(outcome.failure);
    EXPECT_THAT(outcome.gone, SizeIs(2));
    // One from after it does.
    backups_.add(newest - std::chrono::days(3));
    plan = planned(1);
    memory_.hide(key, newest);
    EXPECT_TRUE(done_after(plan).failure);
}

// ---- what was copied back, and what tells it ----

TEST_F(TheDeed, LetsGoOfWhatWasCopiedBackBeforeWhatTellsIt) {
    const auto all = backups_.add_nightly(4, newest);
    const auto copy = copy_back(newest - std::chrono::days(1) + std::chrono::hours(5));
    const auto outcome = done_after(planned(1));
    EXPECT_FALSE(outcome.failure);
    EXPECT_THAT(texts(outcome.gone), ElementsAre(copy.id.text(), all[0].id.text(), all[1].id.text(), all[2].id.text()));
}

TEST_F(TheDeed, LeavesWhatTellsOfACopyThatIsLeft) {
    const auto all = backups_.add_nightly(4, newest);
    const auto copy = copy_back(newest - std::chrono::days(1) + std::chrono::hours(5));
    store_.lock("manifests/" + copy.id.text());
    const auto outcome = done_after(planned(1));
    EXPECT_FALSE(outcome.failure);
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text(), all[1].id.text()));
    ASSERT_THAT(outcome.left, SizeIs(2));
    EXPECT_EQ(outcome.left[0].id, copy.id);
    EXPECT_EQ(outcome.left[1].id, all[2].id);
    EXPECT_EQ(outcome.left[1].why.kind, ErrorKind::refused);
    EXPECT_THAT(outcome.left[1].why.what, testing::AllOf(HasSubstr(copy.id.text()), HasSubstr("locked")));
    EXPECT_THAT(listed(), ElementsAre(all[2].id.text(), copy.id.text(), all[3].id.text()));
    // Once the lock has ended both go.
    store_.locked.clear();
    EXPECT_FALSE(done_after(planned(1)).failure);
    EXPECT_THAT(listed(), ElementsAre(all[3].id.text()));
}

TEST_F(TheDeed, MakesNoNewOneOfACopyWhereverItIsKilled) {
    bool killed = true;
    for (int calls = 0; killed; ++calls) {
        SCOPED_TRACE("killed at call " + std::to_string(calls));
        for (const auto& key : all_below(memory_, "")) {
            ASSERT_TRUE(memory_.remove(store::ObjectKey::parse(key).value(), ""));
        }
        backups_.add_nightly(4, newest);
        const auto copy = copy_back(newest - std::chrono::days(1) + std::chrono::hours(5));
        const auto plan = planned(1);
        ASSERT_EQ(plan.going(), 4U);
        Killed dying(memory_, calls, true);
        (void)carry_out(dying, plan);
        killed = dying.was_killed();
        const auto catalogue = catalogue::read_catalogue(memory_, app()).value();
        for (const auto& backup : catalogue.backups) {
            EXPECT_EQ(backup.misdated, backup.manifest.id == copy.id);
        }
    }
    EXPECT_THAT(listed(), SizeIs(1)) << "what was let go in the end";
}

TEST_F(TheDeed, EndsOnAStopBetweenTwoRemovals) {
    const auto all = backups_.add_nightly(5, newest);
    std::stop_source source;
    store_.before_removal = [&] { source.request_stop(); };
    const auto outcome = carry_out(store_, planned(1), source.get_token());
    ASSERT_TRUE(outcome.failure);
    EXPECT_EQ(outcome.failure->kind, ErrorKind::interrupted);
    EXPECT_THAT(store_.asked, SizeIs(1));
}

TEST_F(TheDeed, OfAStoreThatDoesNotAnswerIsToldAsFarAsItGot) {
    const auto all = backups_.add_nightly(5, newest);
    test::FaultScript script;
    script.fail("remove", 5, {ErrorKind::temporary, "away", {}});
    test::FlakyStore flaky(memory_, script);
    const auto outcome = carry_out(flaky, planned(1));
    ASSERT_TRUE(outcome.failure);
    EXPECT_EQ(outcome.failure->kind, ErrorKind::temporary);
    EXPECT_THAT(texts(outcome.gone), ElementsAre(all[0].id.text(), all[1].id.text()));
}

TEST_F(TheDeed, TouchesNoOtherInstanceAndNothingForeign) {
    backups_.add_nightly(3, newest);
    for (const char* name : {"app2/manifests/20261120T021700Z-0001.json", "app-2/data/20261120T021700Z-0001/x",
                             "app/notes.txt", "app/data/notes", "app/manifests/notes.json", "apple"}) {
        backups_.put(store::ObjectKey::parse(name).value(), "theirs", newest);
    }
    done_after(planned(1));
    for (const auto& asked : store_.asked) {
        EXPECT_TRUE(asked.starts_with("app/") && asked.find("-0001") != std::string::npos) << asked;
    }
    EXPECT_THAT(store_.asked, SizeIs(6));
}

// Two sidecars, or one and a person: each with a plan that is as old as the other's.
TEST_F(TheDeed, OfTwoAtOnceDoesNoHarm) {
    int calls = 0;
    for (bool met = true; met; ++calls) {
        SCOPED_TRACE("the other one comes before call " + std::to_string(calls));
        test::MemoryStore memory(Versions::kept);
        const auto all = StoredBackups(memory).add_nightly(5, newest);
        Wishes wishes;
        wishes.policy = {.last = 2};
        const auto plan = make_plan(memory, app(), wishes, newest + std::chrono::hours(1)).value();
        LockingStore store(memory);
        met = false;
        store.before_call = [&, left = calls]() mutable {
            if (left-- == 0) {
                met = true;
                EXPECT_FALSE(carry_out(memory, plan).failure);
            }
        };
        EXPECT_FALSE(carry_out(store, plan).failure);
        const auto catalogue = catalogue::read_catalogue(memory, app()).value();
        ASSERT_THAT(catalogue.backups, SizeIs(2));
        EXPECT_EQ(catalogue.backups[0].manifest.id, all[3].id);
        EXPECT_THAT(all_below(memory, ""), SizeIs(6)) << "two that are whole, and nothing else";
    }
    EXPECT_GT(calls, 15);
}

}  // namespace
}  // namespace lifeboat::prune
