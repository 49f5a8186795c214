#include "catalogue/catalogue.hpp"

#include "samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::catalogue {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A backup of "shop", and of `extra` too, that started and was stored on that day of November at 02:17.
Backup on(unsigned day, State state = State::good, const std::string& extra = {}) {
    const auto id = id_of("202611" + std::to_string(day) + "T021700Z-00" + std::to_string(day));
    Backup backup{simple_manifest(id), state, at(2026, 11, day, 2, 18)};
    backup.manifest.started = at(2026, 11, day, 2, 17);
    if (!extra.empty()) {
        backup.manifest.databases.push_back(backup.manifest.databases[0]);
        backup.manifest.databases.back().name = extra;
    }
    if (state == State::marked) {
        backup.manifest.marks = {{"shrunk", "fewer rows"}};
    }
    return backup;
}

Catalogue catalogue_of(std::vector<Backup> backups) {
    return {"app", std::move(backups), {}, {}};
}

Wanted wanted(const std::string& text, std::optional<std::string> database = {}) {
    return {text, std::move(database), false, false};
}

// The day of the backup that was chosen; 0 for none.
int day(const Catalogue& catalogue, const Wanted& wanted) {
    const auto chosen = resolve(catalogue, wanted);
    if (!chosen) {
        EXPECT_EQ(chosen.error().kind, ErrorKind::not_found) << chosen.error().what;
        return 0;
    }
    return std::stoi(chosen->backup->manifest.id.text().substr(6, 2));
}

TEST(Resolve, TakesTheNewestByTheStoresClockForLatest) {
    EXPECT_EQ(day(catalogue_of({on(12), on(11)}), wanted("latest")), 11) << "the last one in the catalogue's order";
}

// One clock that was wrong for once must not settle for years what is restored.
TEST(Resolve, TakesOneFromTheFutureOnlyWhereThereIsNoOther) {
    auto wrong = on(13);
    wrong.stored = at(2037, 1, 1);
    const auto now = at(2026, 11, 20);
    auto catalogue = catalogue_of({on(11), on(12), wrong});
    rank_by_age(catalogue, now);
    for (const std::string text : {"latest", "2026-11-20"}) {
        const auto chosen = resolve(catalogue, wanted(text));
        ASSERT_TRUE(chosen);
        EXPECT_EQ(chosen->backup->manifest.id, on(12).manifest.id) << text;
        EXPECT_THAT(chosen->notes, ElementsAre(AllOf(HasSubstr(wrong.manifest.id.text()), HasSubstr("2037-01-01"))));
    }
    EXPECT_EQ(day(catalogue, wanted(wrong.manifest.id.text())), 13);
    auto alone = catalogue_of({wrong});
    rank_by_age(alone, now);
    EXPECT_EQ(day(alone, wanted("latest")), 13);
    // For whoever's own clock is years behind, everything is of the future, and the newest the newest.
    auto all = catalogue_of({on(11), on(12)});
    rank_by_age(all, at(2020, 1, 1));
    EXPECT_EQ(day(all, wanted("latest")), 12);
    EXPECT_THAT(resolve(all, wanted("latest"))->notes, IsEmpty());
    // A clock may be a little off.
    auto near = catalogue_of({on(11), on(12)});
    rank_by_age(near, at(2026, 11, 11, 3));
    EXPECT_EQ(day(near, wanted("latest")), 12);
}

TEST(Resolve, TakesABackupByItsIdWhateverItsState) {
    for (const State state : {State::good, State::marked, State::partial, State::expired}) {
        const auto catalogue = catalogue_of({on(11, state), on(12)});
        EXPECT_EQ(day(catalogue, wanted("20261111T021700Z-0011")), 11) << name_of(state);
    }
}

TEST(Resolve, PrefersTheWholeOneOfTwoWithTheSameId) {
    const auto catalogue = catalogue_of({on(11, State::partial), on(11, State::good)});
    EXPECT_EQ(resolve(catalogue, wanted("20261111T021700Z-0011"))->backup->state, State::good);
}

TEST(Resolve, NamesAnIdThatIsNotThere) {
    const auto chosen = resolve(catalogue_of({on(11)}), wanted("20261111T021700Z-9999"));
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().kind, ErrorKind::not_found);
    EXPECT_THAT(chosen.error().what, AllOf(HasSubstr("'app'"), HasSubstr("20261111T021700Z-9999")));
}

TEST(Resolve, ReadsTimesInEveryFormAsStartedAtOrBefore) {
    const auto catalogue = catalogue_of({on(11), on(12), on(13)});
    for (const std::string time : {"2026-11-12T02:17:00Z", "2026-11-12T02:17:00", "2026-11-12 02:17:00Z",
                                   "2026-11-12 02:17:00", "2026-11-12T02:17", "2026-11-12T02:17Z", "2026-11-12 02:17",
                                   "20261112T021700Z", "20261112T021700", "2026-11-13"}) {
        EXPECT_EQ(day(catalogue, wanted(time)), 12) << time;
    }
    EXPECT_EQ(day(catalogue, wanted("2026-11-12T02:16:59")), 11);
    EXPECT_EQ(day(catalogue, wanted("2030-01-01")), 13);
    EXPECT_EQ(day(catalogue, wanted("2026-11-11")), 0) << "a bare date is its 00:00";
}

TEST(Resolve, RefusesWhatIsNoTime) {
    for (const std::string text :
         {"", "newest", "LATEST", "2026", "2026-11", "2026-13-01", "2026-02-30", "2026-11-12T25:00",
          "2026-11-12T02:17:00+01:00", "2026-11-12x", "12.11.2026", "20261112T021700Z-001"}) {
        const auto chosen = resolve(catalogue_of({on(11)}), wanted(text));
        ASSERT_FALSE(chosen) << text;
        EXPECT_EQ(chosen.error().kind, ErrorKind::usage) << text;
    }
}

TEST(Resolve, PassesOverMarkedAndPartialBackupsAndSaysSo) {
    const auto catalogue = catalogue_of({on(11), on(12, State::marked), on(13, State::partial)});
    for (const std::string text : {"latest", "2026-11-30"}) {
        const auto chosen = resolve(catalogue, wanted(text));
        ASSERT_TRUE(chosen);
        EXPECT_EQ(chosen->backup, &catalogue.backups[0]);
        EXPECT_THAT(chosen->notes, ElementsAre(AllOf(HasSubstr("20261113T"), HasSubstr("it is partial")),
                                               AllOf(HasSubstr("20261112T"), HasSubstr("it is marked (fewer rows)"))));
    }
}

TEST(Resolve, SaysNothingOfOlderOnes) {
    EXPECT_THAT(resolve(catalogue_of({on(11, State::marked), on(12)}), wanted("latest"))->notes, IsEmpty());
}

TEST(Resolve, TakesMarkedAndPartialBackupsWhenTold) {
    const auto catalogue = catalogue_of({on(11), on(12, State::marked), on(13, State::partial)});
    EXPECT_EQ(day(catalogue, {"latest", std::nullopt, true, false}), 12);
    EXPECT_EQ(day(catalogue, {"latest", std::nullopt, false, true}), 13);
    EXPECT_EQ(day(catalogue, {"2026-11-12T03:00", std::nullopt, true, true}), 12);
}

TEST(Resolve, NeverTakesAnExpiredOne) {
    const auto catalogue = catalogue_of({on(11), on(12, State::expired)});
    EXPECT_EQ(day(catalogue, {"latest", std::nullopt, true, true}), 11);
    EXPECT_THAT(resolve(catalogue, wanted("latest"))->notes, ElementsAre(HasSubstr("expired")));
}

Backup damaged_on(unsigned day, State state) {
    auto backup = on(day, state);
    backup.trusted = true;
    backup.tampering = "somebody hid it";
    if (state == State::expired) {
        backup.gone = {*store::ObjectKey::parse("app/data/x")};
    }
    return backup;
}

TEST(Resolve, TellsOfNewerOnesThatAreDamaged) {
    auto catalogue = catalogue_of({on(11), damaged_on(12, State::expired), damaged_on(13, State::hidden)});
    const auto refused_on = [](unsigned day) {
        const auto id = id_of("202611" + std::to_string(day) + "T021700Z-00" + std::to_string(day));
        return RefusedBackup{id, at(2026, 11, day, 2, 18), {ErrorKind::corrupt, "the manifest is refused", {}}};
    };
    catalogue.refused_backups = {refused_on(10), refused_on(14)};
    for (const std::string text : {"latest", "2026-11-30"}) {
        const auto chosen = resolve(catalogue, wanted(text));
        ASSERT_TRUE(chosen);
        EXPECT_EQ(chosen->backup, &catalogue.backups[0]);
        EXPECT_THAT(chosen->damaged, ElementsAre(HasSubstr("20261113T"), HasSubstr("20261112T"),
                                                 AllOf(HasSubstr("20261114T"), HasSubstr("is refused"))));
    }
    EXPECT_THAT(resolve(catalogue, wanted("2026-11-12"))->damaged, IsEmpty()) << "of what came later";
    EXPECT_EQ(resolve(catalogue, wanted("20261114T021700Z-0014")).error().kind, ErrorKind::corrupt);
}

TEST(Resolve, TakesWhatTheStoresOwnRulesDoForNoDamage) {
    auto by_age = damaged_on(12, State::expired);
    by_age.gone.clear();
    const auto chosen =
        resolve(catalogue_of({on(11), by_age, on(13, State::marked), on(14, State::partial)}), wanted("latest"));
    EXPECT_THAT(chosen->notes, testing::SizeIs(3));
    EXPECT_THAT(chosen->damaged, IsEmpty());
}

TEST(Resolve, FindsTheNewestThatHoldsADatabase) {
    const auto catalogue = catalogue_of({on(11, State::good, "crm"), on(12)});
    EXPECT_EQ(day(catalogue, wanted("latest", "crm")), 11);
    EXPECT_EQ(day(catalogue, wanted("latest", "shop")), 12);
    EXPECT_EQ(day(catalogue, wanted("latest", "lost")), 0);
}

TEST(Resolve, TakesAPartialOneThatHoldsTheDatabaseForLatestAlone) {
    const auto catalogue =
        catalogue_of({on(11, State::good, "crm"), on(12, State::partial, "crm"), on(13, State::partial)});
    EXPECT_EQ(day(catalogue, wanted("latest", "crm")), 12);
    EXPECT_EQ(day(catalogue, wanted("2026-11-30", "crm")), 11);
}

TEST(Resolve, SaysNothingOfThoseThatNeverHadTheDatabase) {
    const auto catalogue = catalogue_of({on(11, State::partial), on(12)});
    EXPECT_THAT(resolve(catalogue, wanted("latest", "lost")).error().next, HasSubstr("lifeboat list"));
    auto failed = on(11, State::partial);
    failed.manifest.failures = {{"lost", "the server went away"}};
    EXPECT_THAT(resolve(catalogue_of({failed}), wanted("latest", "lost")).error().next, HasSubstr("is partial"));
}

TEST(Resolve, TellsWhyThereIsNoGoodOne) {
    const auto none = resolve(catalogue_of({}), wanted("latest"));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, ErrorKind::not_found);
    const auto marked = resolve(catalogue_of({on(11, State::marked)}), wanted("latest"));
    ASSERT_FALSE(marked);
    EXPECT_THAT(marked.error().next, AllOf(HasSubstr("20261111T021700Z-0011 was passed over: it is marked"),
                                           HasSubstr("name it by its id")));
}

}  // namespace
}  // namespace lifeboat::catalogue
