#include "catalogue/trust.hpp"

#include "catalogue/comparison.hpp"
#include "samples.hpp"
#include "support/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace lifeboat::catalogue {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

enum class Says { nothing, own, follows, unchecked };

// An instance with one backup a day, as the lineage of their time found them.
class Story : public testing::Test {
protected:
    static BackupId day(int number) { return id_of("202611" + std::to_string(9 + number) + "T021700Z-0001"); }
    static os::TimePoint morning(int number) { return at(2026, 11, static_cast<unsigned>(9 + number), 3); }

    // `follows`: the day whose backup is followed.
    void back_up(int number, Says says = Says::nothing, int follows = 0, const std::string& databases = "app") {
        auto manifest = simple_manifest(day(number));
        manifest.databases = {};
        for (std::size_t from = 0; from < databases.size();) {
            const auto to = std::min(databases.find(' ', from), databases.size());
            const auto name = databases.substr(from, to - from);
            manifest.databases.push_back(database(name, {object(app().database(manifest.id, name, Encrypted::no))}));
            manifest.databases.back().contents = ContentTotals{1, rows_, 10 * rows_, 0, 0};
            from = to + 1;
        }
        manifest.server.system_identifier = system_;
        manifest.lineage = LineageRecord{number > 1 ? day(number - 1).text() : "", "", min_ratio_};
        if (says == Says::own) {
            manifest.marks = {{"database_gone", "database 'x' is gone", "x", ""}};
        } else if (says == Says::follows) {
            manifest.marks = {{std::string(follows_marked), "that one is marked", "", day(follows).text()}};
        } else if (says == Says::unchecked) {
            manifest.lineage = LineageRecord{"", "the key may not read", min_ratio_};
        }
        for (const auto& stored : manifest.all_objects()) {
            ASSERT_TRUE(store::put(store_, stored.key, stream::as_bytes("abc")));
        }
        ASSERT_TRUE(store::put(store_, app().manifest(manifest.id), stream::as_bytes(to_json(manifest))));
        store_.set_modified(app().manifest(manifest.id), morning(number));
    }

    // As `lifeboat accept` does it.
    void accept(int number) {
        const auto catalogue = read();
        for (const auto& backup : catalogue.backups) {
            if (backup.manifest.id == day(number)) {
                auto acceptance = acceptance_of(day(number), backup.stored, losses_of(catalogue, backup));
                acceptance.settles = followed_by(backup.manifest);
                ASSERT_TRUE(
                    store::put(store_, app().acceptance(day(number)), stream::as_bytes(to_json(acceptance, app()))));
            }
        }
    }

    std::string head_of_doubt() {
        auto ancestry = read_ancestry(store_, app(), now_);
        return ancestry && ancestry->head ? ancestry->head->id.text() : "";
    }

    void back_up_partial(int number, const std::string& databases) {
        back_up(number, Says::nothing, 0, databases);
        const auto key = app().manifest(day(number));
        auto manifest =
            parse_manifest(store::get(store_, key, "", largest_manifest).value(), app(), day(number)).value();
        manifest.failures = {{"x", "it failed"}};
        lose_manifest(number);
        ASSERT_TRUE(store::put(store_, app().partial_manifest(day(number)), stream::as_bytes(to_json(manifest))));
        store_.set_modified(app().partial_manifest(day(number)), morning(number));
    }

    // Keys and bytes.
    std::map<std::string, std::string> all_below_instance() {
        std::map<std::string, std::string> all;
        EXPECT_TRUE(store_.list("app/", [&](const auto& info) {
            all[info.key.text()] = store::get(store_, info.key, info.version_id, largest_manifest).value();
            return done();
        }));
        return all;
    }
    void put_back(const std::map<std::string, std::string>& objects, os::TimePoint when) {
        for (const auto& [name, content] : objects) {
            const auto key = store::ObjectKey::parse(name).value();
            ASSERT_TRUE(store::put(store_, key, stream::as_bytes(content)));
            store_.set_modified(key, when);
        }
    }
    void lose(int number) {
        for (const auto& [name, content] : all_below_instance()) {
            if (name.find(day(number).text()) != std::string::npos) {
                ASSERT_TRUE(store_.remove(store::ObjectKey::parse(name).value(), ""));
            }
        }
    }
    void lose_manifest(int number) { ASSERT_TRUE(store_.remove(app().manifest(day(number)), "")); }

    Catalogue read() {
        auto catalogue = read_catalogue(store_, app());
        if (!catalogue) {
            ADD_FAILURE() << catalogue.error().what;
            return {};
        }
        return std::move(catalogue).value();
    }

    // One letter for each day's backup that is there: g(ood), m(arked), …
    std::string states() {
        std::string states;
        for (const auto& backup : read().backups) {
            states += name_of(backup.state).front();
        }
        return states;
    }
    int doubt() {
        const auto catalogue = read();
        for (int number = 1; number < 30 && catalogue.doubt; ++number) {
            if (catalogue.doubt->since == day(number)) {
                return number;
            }
        }
        return catalogue.doubt ? -1 : 0;
    }
    // What a backup of now would be compared with, which must be what the whole catalogue says.
    int trusted() {
        const auto catalogue = read();
        auto ancestry = read_ancestry(store_, app(), now_);
        if (!ancestry) {
            ADD_FAILURE() << ancestry.error().what;
            return -1;
        }
        std::optional<BackupId> newest;
        for (const auto& backup : catalogue.backups) {
            newest = backup.trusted ? std::optional(backup.manifest.id) : newest;
        }
        EXPECT_EQ(ancestry->trusted ? std::optional(ancestry->trusted->id) : std::nullopt, newest);
        EXPECT_EQ(ancestry->doubt.has_value(), catalogue.doubt.has_value());
        head_ = ancestry->head ? ancestry->head->id.text() : "";
        for (int number = 1; number < 30; ++number) {
            if (newest == day(number)) {
                return number;
            }
        }
        return 0;
    }

    test::MemoryStore store_{test::MemoryStore::Versions::kept};
    os::TimePoint now_ = at(2026, 12, 31);
    std::string head_;
    // Of backups that are made from now on.
    std::uint64_t rows_ = 100;
    std::string system_ = "1";
    double min_ratio_ = 0.5;
};

TEST_F(Story, OfUnmarkedBackupsHasNoDoubt) {
    back_up(1);
    back_up(2);
    EXPECT_EQ(states(), "gg");
    EXPECT_EQ(doubt(), 0);
    EXPECT_EQ(trusted(), 2);
}

TEST_F(Story, IsInDoubtFromAMarkedBackupOn) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    EXPECT_EQ(states(), "gmm");
    EXPECT_EQ(doubt(), 2);
    EXPECT_EQ(trusted(), 1);
    EXPECT_EQ(head_, day(2).text());
    EXPECT_THAT(read().doubt->marked, ElementsAre(day(2), day(3)));
}

TEST_F(Story, AnAcceptanceCarriesThoseThatOnlyFollow) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    accept(2);
    EXPECT_EQ(states(), "ggg");
    EXPECT_EQ(doubt(), 0);
    EXPECT_EQ(trusted(), 3);
}

// Emptied, restored, and emptied again: the third is as good as the first, and only follows it.
TEST_F(Story, AnAcceptanceDoesNotCarryOneThatLostWhatTheAcceptedOneHolds) {
    back_up(1);
    rows_ = 0;
    back_up(2, Says::own);
    rows_ = 100;
    back_up(3, Says::follows, 2);
    rows_ = 0;
    back_up(4, Says::follows, 2);
    rows_ = 100;
    back_up(5, Says::follows, 2);
    accept(3);
    EXPECT_EQ(states(), "gmgmm");
    EXPECT_EQ(doubt(), 4);
    EXPECT_EQ(trusted(), 3);
    EXPECT_EQ(head_, day(4).text()) << "later ones may be as good as that";
    const auto found = read().backups[3].manifest.marks;
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[0].kind, database_shrunk) << "the weightiest first: it is what health tells";
    EXPECT_EQ(found[0].backup, day(3).text());
    accept(5);
    EXPECT_EQ(states(), "gmgmg");
    EXPECT_EQ(doubt(), 0);
}

TEST_F(Story, AnAcceptanceCarriesNothingOfAnotherServerThatHoldsLess) {
    back_up(1);
    rows_ = 90;
    system_ = "2";
    back_up(2, Says::own);
    rows_ = 80;
    back_up(3, Says::follows, 2);
    system_ = "3";
    back_up(4, Says::follows, 2);
    accept(2);
    EXPECT_EQ(states(), "gggm");
}

TEST_F(Story, WhatIsCarriedIsComparedByTheRulesOfItsOwnSettings) {
    min_ratio_ = 0.1;
    back_up(1);
    back_up(2, Says::own);
    rows_ = 10;
    back_up(3, Says::follows, 2);
    accept(2);
    EXPECT_EQ(states(), "ggg");
    min_ratio_ = 0.5;
    back_up(4, Says::follows, 2);
    EXPECT_EQ(states(), "gggm");
}

TEST_F(Story, WhatWasCarriedStaysTrustedOnceTheAcceptedOneIsGone) {
    back_up(1);
    rows_ = 10;
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    accept(2);
    lose_manifest(2);
    EXPECT_EQ(states(), "gg");
    EXPECT_EQ(trusted(), 3);
}

TEST_F(Story, AnAcceptanceDoesNotCarryOneThatHasAMarkOfItsOwn) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    back_up(4, Says::own);
    back_up(5, Says::follows, 4);
    accept(2);
    EXPECT_EQ(states(), "gggmm");
    EXPECT_EQ(doubt(), 4);
    EXPECT_EQ(trusted(), 3);
    EXPECT_EQ(head_, day(4).text());
}

TEST_F(Story, AnAcceptanceSettlesEarlierMarksWithoutVouchingForThem) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    back_up(4, Says::follows, 2);
    accept(3);
    EXPECT_EQ(states(), "gmgg") << "the last one follows what was settled";
    EXPECT_EQ(doubt(), 0);
    EXPECT_EQ(trusted(), 4);
    back_up(5);
    EXPECT_EQ(states(), "gmggg");
    EXPECT_EQ(trusted(), 5);
}

TEST_F(Story, StaysSettledWhenWhatWasAcceptedIsGone) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    back_up(4, Says::follows, 2);
    accept(3);
    lose_manifest(3);
    EXPECT_EQ(states(), "gmg");
    EXPECT_EQ(doubt(), 0);
    EXPECT_EQ(trusted(), 4);
    lose_manifest(2);
    EXPECT_EQ(states(), "gg");
    EXPECT_EQ(trusted(), 4);
    lose_manifest(4);
    EXPECT_EQ(trusted(), 1);
}

TEST_F(Story, IsNoLongerInDoubtWhenTheNewestMarkedOneWasAcceptedAndIsGone) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::own);
    accept(3);
    lose_manifest(3);
    EXPECT_EQ(states(), "gm");
    EXPECT_EQ(doubt(), 0);
    EXPECT_EQ(trusted(), 1);
}

TEST_F(Story, StaysInDoubtWhenWhatRaisedItIsGone) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    lose_manifest(2);
    EXPECT_EQ(states(), "gm");
    EXPECT_EQ(doubt(), 3);
    EXPECT_EQ(trusted(), 1);
}

TEST_F(Story, StaysInDoubtWhenWhatRaisedItIsHidden) {
    back_up(1);
    back_up(2, Says::own);
    store_.hide(app().manifest(day(2)), morning(2));
    back_up(3, Says::follows, 2);
    EXPECT_EQ(states(), "ghm");
    EXPECT_EQ(doubt(), 2);
    EXPECT_EQ(trusted(), 1);
}

TEST_F(Story, AHiddenAcceptanceCountsAllTheSame) {
    back_up(1);
    back_up(2, Says::own);
    accept(2);
    store_.hide(app().acceptance(day(2)), morning(3));
    EXPECT_EQ(states(), "gg");
    store_.overwrite(app().acceptance(day(2)), "{}", morning(4));
    EXPECT_EQ(states(), "gg");
}

TEST_F(Story, AnAcceptanceThatIsNoneIsReportedAndCountsForNothing) {
    back_up(1);
    back_up(2, Says::own);
    ASSERT_TRUE(store::put(store_, app().acceptance(day(2)), stream::as_bytes("{}")));
    EXPECT_EQ(states(), "gm");
    EXPECT_THAT(read().refused, SizeIs(1));
}

TEST_F(Story, MarksWhatWasMadeInDoubtByOneThatCouldNotKnow) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::unchecked);
    EXPECT_EQ(states(), "gmm");
    EXPECT_EQ(trusted(), 1);
    EXPECT_THAT(read().backups.back().manifest.marks, SizeIs(1));
}

TEST_F(Story, ComparesWithTheNewestThatWasComparedItself) {
    back_up(1);
    back_up(2);
    back_up(3, Says::unchecked);
    auto ancestry = read_ancestry(store_, app(), now_);
    ASSERT_TRUE(ancestry);
    EXPECT_EQ(ancestry->trusted->id, day(2));
    lose_manifest(1);
    lose_manifest(2);
    ancestry = read_ancestry(store_, app(), now_);
    ASSERT_TRUE(ancestry);
    EXPECT_EQ(ancestry->trusted->id, day(3)) << "better than nothing";
}

// A key that may not read makes unmarked backups of an empty server, night after night.
TEST_F(Story, ComparesWhatCouldNotBeComparedWhenItWasMade) {
    back_up(1);
    back_up(2, Says::unchecked);
    EXPECT_EQ(states(), "gg") << "it lost nothing";
    rows_ = 0;
    system_ = "2";
    back_up(3, Says::unchecked);
    back_up(4, Says::unchecked);
    EXPECT_EQ(states(), "ggmm");
    EXPECT_EQ(doubt(), 3);
    EXPECT_EQ(head_of_doubt(), day(3).text());
    const auto found = read().backups[2].manifest.marks;
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[0].kind, new_server);
    EXPECT_EQ(found[1].kind, database_shrunk);
    EXPECT_EQ(found[0].backup, day(1).text()) << "the newest that was compared itself";
    accept(4);
    EXPECT_EQ(states(), "ggmg");
    EXPECT_EQ(trusted(), 4) << "the owner's word makes it the measure";
}

TEST_F(Story, MeasuresASlowLossWithoutComparisonsByTheLastThatWasCompared) {
    back_up(1);
    rows_ = 60;
    back_up(2, Says::unchecked);
    rows_ = 40;
    back_up(3, Says::unchecked);
    EXPECT_EQ(states(), "ggm");
}

// Two servers that finished at the same time: neither saw the other's.
TEST_F(Story, MarksWhatWasMadeWhileAnotherServerRaisedTheDoubt) {
    back_up(1);
    back_up(2, Says::own);
    auto manifest = simple_manifest(day(3));
    manifest.lineage = LineageRecord{day(1).text(), ""};
    for (const auto& stored : manifest.all_objects()) {
        ASSERT_TRUE(store::put(store_, stored.key, stream::as_bytes("abc")));
    }
    ASSERT_TRUE(store::put(store_, app().manifest(day(3)), stream::as_bytes(to_json(manifest))));
    store_.set_modified(app().manifest(day(3)), morning(3));
    EXPECT_EQ(states(), "gmm");
    EXPECT_EQ(trusted(), 1);
}

TEST_F(Story, GoesByTheStoresTimesAndNotByNames) {
    back_up(1);
    back_up(2, Says::own);
    store_.set_modified(app().manifest(day(1)), morning(2) + std::chrono::hours(5));  // whose maker's clock was behind
    EXPECT_EQ(states(), "mm");
    accept(1);
    EXPECT_EQ(states(), "mg");
    EXPECT_EQ(doubt(), 0);
}

TEST_F(Story, ReadsOnlyAsFarBackAsItMatters) {
    for (int number = 1; number <= 9; ++number) {
        back_up(number);
    }
    test::FaultScript script;
    test::FlakyStore counted(store_, script);
    const auto ancestry = read_ancestry(counted, app(), now_);
    ASSERT_TRUE(ancestry);
    EXPECT_EQ(ancestry->trusted->id, day(9));
    EXPECT_EQ(script.calls("read"), 2);
    EXPECT_EQ(script.calls("list"), 3);
}

TEST_F(Story, APartialRunCountsForNothing) {
    back_up(1);
    auto manifest = simple_manifest(day(2));
    manifest.failures = {{"x", "it failed"}};
    for (const auto& stored : manifest.all_objects()) {
        ASSERT_TRUE(store::put(store_, stored.key, stream::as_bytes("abc")));
    }
    ASSERT_TRUE(store::put(store_, app().partial_manifest(day(2)), stream::as_bytes(to_json(manifest))));
    EXPECT_EQ(states(), "gp");
    EXPECT_EQ(trusted(), 1);
    EXPECT_FALSE(read().backups.back().trusted);
}

TEST_F(Story, AnEmptyStoreHasNothingToCompareWith) {
    EXPECT_EQ(trusted(), 0);
    EXPECT_EQ(doubt(), 0);
}

TEST_F(Story, TellsWhichLossesAreAccepted) {
    back_up(1, Says::nothing, 0, "app old");
    back_up(2, Says::nothing, 0, "app side tmp");
    back_up(3, Says::own, 0, "app tmp");
    back_up(4, Says::follows, 3, "app tmp new");
    back_up(5, Says::follows, 3, "app");
    accept(5);
    EXPECT_THAT(accepted_losses(read()),
                ElementsAre(Pair("new", morning(5)), Pair("side", morning(5)), Pair("tmp", morning(5))))
        << "what was lost before the last trusted one is another's matter";
    back_up(6, Says::nothing, 0, "app side");
    EXPECT_EQ(accepted_losses(read()).at("side"), morning(5)) << "what came back may be lost again";
}

// Nothing compares with a partial run, so no mark ever tells that what it alone holds is gone: an acceptance does.
TEST_F(Story, TellsThatTheLossOfWhatPartialRunsAloneHoldIsAccepted) {
    back_up(1, Says::nothing, 0, "app old");
    back_up_partial(2, "app once side");
    back_up(3, Says::nothing, 0, "app");  // the loss of old is another's matter, whatever it was
    back_up(4, Says::own, 0, "app side");
    accept(4);
    EXPECT_THAT(accepted_losses(read()), ElementsAre(Pair("once", morning(4))));
    back_up_partial(5, "app twice");
    back_up(6, Says::own, 0, "app side");
    accept(6);
    EXPECT_THAT(accepted_losses(read()), ElementsAre(Pair("once", morning(4)), Pair("twice", morning(6))))
        << "each once";
}

// A bucket's own rule takes the oldest ones, and what they raised is followed by name from one to the next.
TEST_F(Story, CarriesWhatFollowsOneThatIsGoneByNow) {
    back_up(1, Says::own);
    back_up(2, Says::own);
    back_up(3, Says::follows, 1);
    back_up(4, Says::follows, 2);
    lose(1);
    lose(2);
    accept(3);
    EXPECT_EQ(states(), "gg") << "what it follows was made before what is accepted";
    EXPECT_EQ(doubt(), 0);
    EXPECT_EQ(trusted(), 4);
    // Not one that follows what came later.
    back_up(6, Says::follows, 5);
    EXPECT_EQ(states(), "ggm");
}

TEST_F(Story, CarriesNothingForTheNameOfWhatWasAcceptedAlone) {
    back_up(1);
    back_up(19, Says::own);
    store_.set_modified(app().manifest(day(19)), morning(2));  // whose maker's clock was ahead
    accept(19);
    lose(19);
    back_up(3);
    // 4, which is gone, was marked. By its name it came before the accepted one, and by the store's time after it.
    back_up(5, Says::follows, 4);
    EXPECT_EQ(states(), "ggm");
    EXPECT_EQ(doubt(), 5);
    EXPECT_EQ(trusted(), 3);
}

// ---- what is copied back ----

// An old backup of a poorer time, which its thief kept and stores again once it is gone from the store.
TEST_F(Story, AnOldBackupThatIsCopiedBackIsNeitherTrustedNorTheMeasure) {
    rows_ = 3;
    back_up(1);
    const auto stolen = all_below_instance();
    lose(1);
    rows_ = 1000;
    for (int number = 8; number <= 10; ++number) {
        back_up(number);
    }
    put_back(stolen, morning(10) + std::chrono::hours(9));
    EXPECT_EQ(states(), "gggh");
    const auto catalogue = read();
    EXPECT_TRUE(catalogue.backups.back().misdated);
    EXPECT_THAT(catalogue.backups.back().tampering,
                testing::AllOf(testing::HasSubstr("2026-11-10T02:17:00Z"), testing::HasSubstr("copied")));
    EXPECT_EQ(trusted(), 10);
    EXPECT_EQ(resolve(catalogue, {"latest"})->backup->manifest.id, day(10));
    back_up(11);
    EXPECT_EQ(states(), "ggghg");
}

TEST_F(Story, AMarkedBackupThatIsCopiedBackRaisesNoDoubt) {
    back_up(1, Says::own);
    const auto stolen = all_below_instance();
    lose(1);
    back_up(8);
    back_up(9);
    put_back(stolen, morning(9) + std::chrono::hours(9));
    EXPECT_EQ(states(), "ggh");
    EXPECT_EQ(doubt(), 0);
    EXPECT_EQ(trusted(), 9);
}

// The times of the newer ones tell it, also where all of those were partial.
TEST_F(Story, AnOldBackupThatIsCopiedBackAfterPartialRunsIsNotTrusted) {
    back_up(1);
    const auto stolen = all_below_instance();
    lose(1);
    back_up_partial(8, "app");
    put_back(stolen, morning(8) + std::chrono::hours(9));
    EXPECT_EQ(states(), "ph");
    EXPECT_EQ(trusted(), 0);
}

// What its owner said of it holds of the time at which it came first.
TEST_F(Story, AnAcceptedBackupThatIsCopiedBackMovesNoAcceptance) {
    back_up(1, Says::nothing, 0, "app old");
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    accept(3);
    const auto manifest = app().manifest(day(3));
    const auto stolen = store::get(store_, manifest, "", largest_manifest).value();
    lose_manifest(3);
    back_up(8);
    back_up(9);
    put_back({{manifest.text(), stolen}}, morning(9) + std::chrono::hours(9));
    EXPECT_EQ(states(), "gmggh");
    EXPECT_EQ(doubt(), 0);
    EXPECT_EQ(trusted(), 9);
    EXPECT_THAT(accepted_losses(read()), ElementsAre(Pair("old", morning(3))));
    ASSERT_TRUE(read().backups.back().accepted);
    EXPECT_EQ(read().backups.back().accepted->stored, morning(3));
}

// ---- what is dated in the future ----

// A folder's host and the one that makes the backup, whose clocks were wrong for one night.
class AWrongNight : public Story {
protected:
    void back_up_in_2037(const std::string& name, const std::vector<Mark>& marks = {}) {
        auto manifest = simple_manifest(wrong_);
        manifest.databases = {database(name, {object(app().database(wrong_, name, Encrypted::no))})};
        manifest.databases.back().contents = ContentTotals{1, rows_, 10 * rows_, 0, 0};
        manifest.server.system_identifier = system_;
        manifest.lineage = LineageRecord{"", "", min_ratio_};
        manifest.marks = marks;
        for (const auto& stored : manifest.all_objects()) {
            ASSERT_TRUE(store::put(store_, stored.key, stream::as_bytes("abc")));
        }
        ASSERT_TRUE(store::put(store_, app().manifest(wrong_), stream::as_bytes(to_json(manifest))));
        store_.set_modified(app().manifest(wrong_), at(2037, 1, 1, 3));
    }
    void accept_that() {
        const auto word = acceptance_of(wrong_, at(2037, 1, 1, 3));
        ASSERT_TRUE(store::put(store_, app().acceptance(wrong_), stream::as_bytes(to_json(word, app()))));
    }
    Ancestry ancestry() {
        auto read = read_ancestry(store_, app(), now_);
        EXPECT_TRUE(read);
        return read ? *std::move(read) : Ancestry{};
    }

    BackupId wrong_ = id_of("20370101T021700Z-0001");
};

TEST_F(AWrongNight, IsNotTheMeasureOfThoseAfterIt) {
    back_up(1);
    back_up_in_2037("app");
    ASSERT_TRUE(ancestry().trusted);
    EXPECT_EQ(ancestry().trusted->id, day(1));
    back_up(3);
    EXPECT_EQ(ancestry().trusted->id, day(3));
    now_ = at(2037, 1, 2);
    EXPECT_EQ(ancestry().trusted->id, wrong_) << "until then";
}

TEST_F(AWrongNight, IsBetterThanNothing) {
    back_up_in_2037("app");
    ASSERT_TRUE(ancestry().trusted);
    EXPECT_EQ(ancestry().trusted->id, wrong_);
}

TEST_F(AWrongNight, ThatWasAcceptedEndsNoDoubtOfAnother) {
    back_up(1);
    back_up_in_2037("app", {{"database_gone", "database 'x' is gone", "x", ""}});
    accept_that();
    back_up(3, Says::own);
    back_up(4, Says::follows, 3);
    EXPECT_EQ(ancestry().doubt, day(3));
    EXPECT_EQ(ancestry().trusted->id, day(1));
    lose_manifest(3);
    EXPECT_EQ(ancestry().doubt, day(4)) << "its word is not that what it follows is settled";
    lose_manifest(1);
    EXPECT_EQ(ancestry().doubt, day(4));
    EXPECT_EQ(ancestry().trusted->id, wrong_) << "the oldest, and accepted";
}

// Then it is ours that is wrong, and the order is as good as ever.
TEST_F(AWrongNight, ThatAllAreOfChangesNothing) {
    back_up(1);
    back_up(2, Says::own);
    back_up(3, Says::follows, 2);
    accept(3);
    lose_manifest(3);
    back_up(4, Says::follows, 2);
    now_ = at(1970, 1, 1);
    EXPECT_EQ(trusted(), 4);
}

TEST_F(AWrongNight, IsNotBetweenABackupAndThoseBeforeIt) {
    back_up(1, Says::nothing, 0, "app old");
    back_up_in_2037("other");
    back_up(3, Says::own);
    auto catalogue = read();
    rank_by_age(catalogue, now_);
    ASSERT_TRUE(catalogue.backups.front().in_the_future);
    EXPECT_THAT(losses_of(catalogue, catalogue.backups.back()), ElementsAre("old"));
    EXPECT_THAT(losses_of(catalogue, catalogue.backups.front()), IsEmpty());
}

TEST_F(Story, AcceptsNoLossWhereNothingIsLost) {
    back_up(1, Says::nothing, 0, "app");
    back_up(2, Says::own, 0, "app");
    accept(2);
    EXPECT_THAT(accepted_losses(read()), IsEmpty());
}

}  // namespace
}  // namespace lifeboat::catalogue
