#include "lineage/lineage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace lifeboat::lineage {
namespace {

using catalogue::BackupId;
using catalogue::DatabaseRecord;
using catalogue::Manifest;
using catalogue::Mark;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
Manifest manifest(const std::string& id, const std::string& system, std::initializer_list<DatabaseRecord> databases) {
    Manifest made{BackupId::parse(id).value()};
    made.server.system_identifier = system;
    made.databases = databases;
    return made;
}
#pragma GCC diagnostic pop

DatabaseRecord holding(const std::string& name, std::uint64_t rows, std::uint64_t bytes, std::uint64_t tables) {
    DatabaseRecord record;
    record.name = name;
    record.archive_bytes = 5000 + bytes;
    record.contents = catalogue::ContentTotals{tables, rows, bytes, 0, 0};
    return record;
}

DatabaseRecord unknown(const std::string& name, std::uint64_t archive_bytes) {
    DatabaseRecord record;
    record.name = name;
    record.archive_bytes = archive_bytes;
    record.not_proven = "it is of a later version";
    return record;
}

const char* const before = "20261120T021700Z-0001";
const char* const now = "20261121T021700Z-0002";

Judgement compared(const Manifest& then, const Manifest& later, double min_ratio = 0.5,
                   const std::set<std::string>& on_server = {}) {
    return compare(then, later, {min_ratio}, on_server);
}

std::vector<std::string> kinds(const Judgement& judgement) {
    std::vector<std::string> kinds;
    for (const auto& mark : judgement.marks) {
        kinds.push_back(mark.kind);
    }
    return kinds;
}

TEST(Compare, FindsNothingInABackupThatGrew) {
    const auto found = compared(manifest(before, "1", {holding("app", 100, 1000, 4)}),
                                manifest(now, "1", {holding("app", 150, 1100, 4), holding("new", 1, 1, 1)}));
    EXPECT_THAT(found.marks, IsEmpty());
    EXPECT_THAT(found.notes, IsEmpty());
}

TEST(Compare, MarksAnotherServerWithFewerRows) {
    const auto found = compared(manifest(before, "1", {holding("app", 100, 1000, 4)}),
                                manifest(now, "2", {holding("app", 99, 1000, 4)}));
    ASSERT_THAT(kinds(found), ElementsAre(new_server));
    EXPECT_THAT(found.marks[0].reason, AllOf(HasSubstr("99 of 100 rows"), HasSubstr(before)));
    EXPECT_EQ(found.marks[0].backup, before);
}

TEST(Compare, OnlyNotesAnotherServerWithAllRows) {
    for (const std::uint64_t rows : {100U, 101U}) {
        const auto found = compared(manifest(before, "1", {holding("app", 100, 1000, 4)}),
                                    manifest(now, "2", {holding("app", rows, 1000, 4)}));
        EXPECT_THAT(found.marks, IsEmpty());
        EXPECT_THAT(found.notes, ElementsAre(HasSubstr("another one (system identifier 2)")));
    }
}

TEST(Compare, CountsTheRowsOfTheWholeServerForAnotherOne) {
    const auto found = compared(manifest(before, "1", {holding("a", 100, 1000, 4), holding("b", 10, 100, 1)}),
                                manifest(now, "2", {holding("a", 90, 1000, 4), holding("b", 20, 100, 1)}));
    EXPECT_THAT(found.marks, IsEmpty());
}

TEST(Compare, TakesAnUnknownIdentifierForTheSame) {
    for (const auto& [old_id, new_id] : {std::pair("", "2"), std::pair("1", "")}) {
        const auto found = compared(manifest(before, old_id, {holding("app", 100, 1000, 4)}),
                                    manifest(now, new_id, {holding("app", 99, 1000, 4)}));
        EXPECT_THAT(found.marks, IsEmpty());
        EXPECT_THAT(found.notes, IsEmpty());
    }
}

TEST(Compare, DoesNotMindFewerRowsOfTheSameServer) {
    EXPECT_THAT(compared(manifest(before, "1", {holding("app", 100, 1000, 4)}),
                         manifest(now, "1", {holding("app", 50, 500, 2)}))
                    .marks,
                IsEmpty());
}

TEST(Compare, MarksEachDatabaseThatIsGone) {
    const auto found =
        compared(manifest(before, "1", {holding("a", 0, 0, 0), holding("b", 5, 5, 1), holding("c", 1, 1, 1)}),
                 manifest(now, "1", {holding("c", 1, 1, 1)}), 0.5, {"b", "c"});
    ASSERT_THAT(kinds(found), ElementsAre(database_gone, database_gone));
    EXPECT_EQ(found.marks[0].database, "a");
    EXPECT_THAT(found.marks[0].reason, HasSubstr("'a' is gone from the server"));
    EXPECT_EQ(found.marks[1].database, "b");
    EXPECT_THAT(found.marks[1].reason, HasSubstr("left out by postgres.databases or postgres.exclude"));
}

TEST(Compare, MarksRowsBytesAndTablesUnderTheRatio) {
    const auto was = manifest(before, "1", {holding("app", 100, 1000, 10)});
    const auto reason = [&](const DatabaseRecord& is) {
        const auto found = compared(was, manifest(now, "1", {is}));
        return found.marks.size() == 1 ? found.marks[0].kind + ": " + found.marks[0].reason : "";
    };
    EXPECT_THAT(
        reason(holding("app", 49, 1000, 10)),
        AllOf(HasSubstr("database_shrunk"), HasSubstr("'app' shrank to 49 of 100 rows since"), HasSubstr(before)));
    EXPECT_THAT(reason(holding("app", 100, 499, 10)), HasSubstr("shrank to 499 of 1000 bytes since"));
    EXPECT_THAT(reason(holding("app", 100, 1000, 4)), HasSubstr("shrank to 4 of 10 tables since"));
    EXPECT_THAT(reason(holding("app", 0, 0, 0)), HasSubstr("0 of 100 rows, 0 of 1000 bytes, 0 of 10 tables"));
    EXPECT_EQ(reason(holding("app", 50, 500, 5)), "");
}

TEST(Compare, LetsAnythingPassAtRatioZeroAndNothingLessAtOne) {
    const auto was = manifest(before, "1", {holding("app", 100, 1000, 10)});
    EXPECT_THAT(compared(was, manifest(now, "1", {holding("app", 0, 0, 0)}), 0).marks, IsEmpty());
    EXPECT_THAT(compared(was, manifest(now, "1", {holding("app", 99, 1000, 10)}), 1).marks, SizeIs(1));
    EXPECT_THAT(compared(was, manifest(now, "1", {holding("app", 100, 1000, 10)}), 1).marks, IsEmpty());
}

TEST(Compare, SaysThatOtherRowsWereLeftOutOnRequest) {
    const auto was = manifest(before, "1", {holding("app", 100, 1000, 10)});
    auto is = manifest(now, "1", {holding("app", 10, 100, 10)});
    is.exclude_table_data = {"public.sessions"};
    const auto found = compared(was, is);
    ASSERT_THAT(found.marks, SizeIs(1));
    EXPECT_THAT(found.marks[0].reason, AllOf(HasSubstr("exclude_table_data"), Not(HasSubstr("sessions"))));
}

TEST(Compare, GoesByTheArchiveWhereTheRowsAreNotKnown) {
    const auto known = holding("app", 100, 1000, 10);  // 6000 bytes of archive
    for (const auto& [was, is] : {std::pair(known, unknown("app", 2999)), std::pair(unknown("app", 20'000), known)}) {
        const auto found = compared(manifest(before, "1", {was}), manifest(now, "1", {is}));
        ASSERT_THAT(found.marks, SizeIs(1));
        EXPECT_THAT(found.marks[0].reason, HasSubstr("bytes of archive"));
    }
    const auto found = compared(manifest(before, "1", {known}), manifest(now, "1", {unknown("app", 3000)}));
    EXPECT_THAT(found.marks, IsEmpty());
    EXPECT_THAT(found.notes, ElementsAre(HasSubstr("by the size of its archive")));
}

TEST(Compare, LeavesUnknownRowsOutOfTheCountForAnotherServer) {
    const auto found = compared(manifest(before, "1", {holding("a", 100, 1000, 4), holding("b", 1, 1, 1)}),
                                manifest(now, "2", {unknown("a", 6000), holding("b", 1, 1, 1)}));
    EXPECT_THAT(found.marks, IsEmpty());
}

// ---- with what came before ----

const auto full = manifest(before, "1", {holding("app", 100, 1000, 10), holding("side", 10, 100, 1)});

Manifest marked(const std::string& id, std::initializer_list<DatabaseRecord> databases) {
    auto made = manifest(id, "1", databases);
    made.marks = {{std::string(database_gone), "database 'side' is gone", "side", before}};
    return made;
}

catalogue::Ancestry in_doubt(const Manifest& head) {
    return {full, head.id, head};
}

Judgement judged(const catalogue::Ancestry& ancestry, const Manifest& later) {
    return judge(ancestry, later, {}, {});
}

const char* const later = "20261122T021700Z-0003";

TEST(Judge, FindsNothingInTheFirstBackup) {
    EXPECT_THAT(judged({}, full).marks, IsEmpty());
}

TEST(Judge, FollowsAMarkedBackupThatItEquals) {
    const auto head = marked(now, {holding("app", 100, 1000, 10)});
    const auto found = judged(in_doubt(head), manifest(later, "1", {holding("app", 100, 1000, 10)}));
    ASSERT_THAT(kinds(found), ElementsAre(catalogue::follows_marked));
    EXPECT_EQ(found.marks[0].backup, now);
    EXPECT_THAT(found.marks[0].reason, AllOf(HasSubstr("'side' is gone"), HasSubstr("nobody accepted")));
}

TEST(Judge, FollowsAMarkedBackupAlsoWhenEverythingIsBack) {
    const auto head = marked(now, {holding("app", 100, 1000, 10)});
    auto back = full;
    back.id = BackupId::parse(later).value();
    EXPECT_THAT(kinds(judged(in_doubt(head), back)), ElementsAre(catalogue::follows_marked));
}

TEST(Judge, HasMarksOfItsOwnWhenMoreIsLostThanTheMarkedBackupLost) {
    const auto head = marked(now, {holding("app", 100, 1000, 10)});
    const auto found = judged(in_doubt(head), manifest(later, "1", {holding("app", 1, 10, 10)}));
    EXPECT_THAT(kinds(found), ElementsAre(database_shrunk, database_gone, catalogue::follows_marked));
}

TEST(Judge, FollowsADoubtWhoseBeginningIsGone) {
    const catalogue::Ancestry ancestry{full, BackupId::parse(now).value(), std::nullopt};
    auto back = full;
    back.id = BackupId::parse(later).value();
    const auto found = judged(ancestry, back);
    ASSERT_THAT(kinds(found), ElementsAre(catalogue::follows_marked));
    EXPECT_EQ(found.marks[0].backup, now);
}

TEST(Judge, ComparesWithAMarkedBackupWhereNothingIsTrusted) {
    const auto head = marked(now, {holding("app", 100, 1000, 10)});
    const catalogue::Ancestry ancestry{std::nullopt, head.id, head};
    EXPECT_THAT(kinds(judged(ancestry, manifest(later, "1", {holding("app", 100, 1000, 10)}))),
                ElementsAre(catalogue::follows_marked));
    EXPECT_THAT(kinds(judged(ancestry, manifest(later, "1", {holding("app", 1, 10, 10)}))),
                ElementsAre(database_shrunk, catalogue::follows_marked));
}

}  // namespace
}  // namespace lifeboat::lineage
