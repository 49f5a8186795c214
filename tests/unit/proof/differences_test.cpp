#include "proof/differences.hpp"

#include "proof_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace lifeboat::proof {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const CompareOptions restored = {"in the backup", "after the restore", {}};

std::vector<std::string> texts(const std::vector<Difference>& found) {
    std::vector<std::string> texts;
    std::ranges::transform(found, std::back_inserter(texts), &Difference::text);
    return texts;
}

std::vector<std::string> compared(const DatabaseProof& first, const DatabaseProof& second) {
    return texts(differences(first, second, restored));
}

TEST(Differences, ThereAreNoneBetweenTheSame) {
    EXPECT_THAT(differences(sample_proof(), sample_proof()), IsEmpty());
}

// The rows of "people" as lines are others, and the same by column.
TEST(Differences, ThereAreNoneWhereOnlyTheOrderOfColumnsIsAnother) {
    auto first = sample_database();
    auto second = sample_database();
    first.contents.tables[1].by_column = archive::ContentHash{7, 8};
    second.contents.tables[1].by_column = first.contents.tables[1].by_column;
    second.contents.tables[1].totals->hash = {9, 9};
    EXPECT_THAT(compared(first, second), IsEmpty());
    second.contents.tables[1].by_column = archive::ContentHash{7, 9};
    EXPECT_THAT(compared(first, second), SizeIs(1));
    second.contents.tables[1].by_column.reset();
    EXPECT_THAT(compared(first, second), SizeIs(1)) << "one side alone proves nothing";
    first.contents.tables[1].by_column.reset();
    EXPECT_THAT(compared(first, second), SizeIs(1)) << "nor does the lack of both";
    second = first;
    first.contents.tables[1].by_column = second.contents.tables[1].by_column = archive::ContentHash{7, 8};
    second.contents.tables[1].totals->bytes += 1;
    EXPECT_THAT(compared(first, second), SizeIs(1)) << "as many bytes there must be";
}

TEST(Differences, ARootsPartitionsMustAllBeTheSameByColumn) {
    auto first = sample_database();
    for (auto& one : first.contents.tables) {
        one.root = archive::QualifiedName{"public", "tree"};
        one.by_column = archive::ContentHash{0, 5};
    }
    auto second = first;
    second.contents.tables[0].by_column = archive::ContentHash{0, 1};
    second.contents.tables[1].by_column = archive::ContentHash{0, 9};
    second.contents.tables[0].totals->hash = {9, 9};
    EXPECT_THAT(compared(first, second), IsEmpty()) << "a row has moved";
    second.contents.tables[1].by_column.reset();
    EXPECT_THAT(compared(first, second), SizeIs(1));
}

TEST(Differences, TheOwnersOfPrivilegesCountUnlessToldOtherwise) {
    auto first = sample_database();
    auto second = sample_database();
    second.contents.entries[0] = {"ACL", "public", "TABLE people", "Bob",
                                  std::string(first.contents.entries[0].privileges())};
    EXPECT_THAT(compared(first, second), SizeIs(1));
    auto options = restored;
    options.owners_of_privileges = false;
    EXPECT_THAT(differences(first, second, options), IsEmpty());
    first.contents.entries.emplace_back("COMMENT", "", "SCHEMA public", "admin", "");
    second.contents.entries.emplace_back("COMMENT", "", "SCHEMA public", "app", "");
    EXPECT_THAT(differences(first, second, options), IsEmpty());
    second.contents.entries[2] = {"TABLE", "public", "people", "Bob", ""};
    EXPECT_THAT(differences(first, second, options), SizeIs(1)) << "of the table itself it does";
}

// Each changes one thing after the restore; the sentence must name it, and there must be no other.
struct Case {
    const char* name;
    void (*change)(archive::Contents&);
    DifferenceKind kind;
    std::string object;
    std::string text;
};

void PrintTo(const Case& changed, std::ostream* out) {
    *out << changed.name;
}

class OneChange : public testing::TestWithParam<Case> {};

TEST_P(OneChange, IsNamed) {
    auto second = sample_proof();
    GetParam().change(second.databases[0].contents);
    const auto found = differences(sample_proof(), second, restored);

    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].text, GetParam().text);
    EXPECT_EQ(name_of(found[0].kind), name_of(GetParam().kind));
    EXPECT_EQ(found[0].object, GetParam().object);
    EXPECT_EQ(found[0].database, "app");
}

INSTANTIATE_TEST_SUITE_P(
    Changes, OneChange,
    testing::Values(
        Case{"a row lost", [](archive::Contents& c) { c.tables[1].totals->rows = 3; }, DifferenceKind::rows,
             "public.people", "table public.people: 4 rows in the backup, 3 after the restore"},
        Case{"a row changed", [](archive::Contents& c) { c.tables[1].totals->hash.low = 9; }, DifferenceKind::content,
             "public.people", "table public.people: 4 rows and 20 bytes in both, but not the same content"},
        Case{"a row grown", [](archive::Contents& c) { c.tables[1].totals->bytes = 21; }, DifferenceKind::content,
             "public.people",
             "table public.people: 4 rows in both, but 20 bytes in the backup and 21 after the restore"},
        Case{"a table missing", [](archive::Contents& c) { c.tables.erase(c.tables.begin()); }, DifferenceKind::table,
             "public.orders", "table public.orders: only in the backup"},
        Case{"a table more", [](archive::Contents& c) { c.tables.push_back(table("Extra\x1b[2J", 1)); },
             DifferenceKind::table, "public.\"Extra\\x1b[2J\"",
             "table public.\"Extra\\x1b[2J\": only after the restore"},
        Case{"a table not read",
             [](archive::Contents& c) {
                 c.tables[1].totals.reset();
                 c.tables[1].unread = archive::Unread::compressed;
             },
             DifferenceKind::not_proven, "public.people",
             "table public.people: its rows were not read after the restore (compressed)"},
        Case{"a sequence behind", [](archive::Contents& c) { c.sequences[0].value = 11; }, DifferenceKind::sequence,
             "public.people_id_seq", "sequence public.people_id_seq: 12 in the backup, 11 after the restore"},
        Case{"a sequence not called", [](archive::Contents& c) { c.sequences[0].called = false; },
             DifferenceKind::sequence, "public.people_id_seq",
             "sequence public.people_id_seq: 12 in the backup, 12 (not called yet) after the restore"},
        Case{"a sequence not understood", [](archive::Contents& c) { c.sequences[0].value.reset(); },
             DifferenceKind::not_proven, "public.people_id_seq",
             "sequence public.people_id_seq: its value was not understood after the restore"},
        Case{"a sequence missing", [](archive::Contents& c) { c.sequences.clear(); }, DifferenceKind::sequence,
             "public.people_id_seq", "sequence public.people_id_seq: only in the backup"},
        Case{"a large object lost", [](archive::Contents& c) { c.large_objects->objects = 1; },
             DifferenceKind::large_objects, "", "large objects: 2 in the backup, 1 after the restore"},
        Case{"a large object shorter", [](archive::Contents& c) { c.large_objects->bytes = 6; },
             DifferenceKind::large_objects, "",
             "large objects: 2 in both, but 7 bytes in the backup and 6 after the restore"},
        Case{"a large object's byte", [](archive::Contents& c) { c.large_objects->hash.high = 0; },
             DifferenceKind::large_objects, "",
             "large objects: 2 and 7 bytes in both, but not the same oids or content"},
        Case{"large objects not read", [](archive::Contents& c) { c.large_objects.reset(); },
             DifferenceKind::not_proven, "", "large objects: they were not read after the restore"},
        Case{"an index missing", [](archive::Contents& c) { c.entries.erase(c.entries.begin() + 1); },
             DifferenceKind::entry, "INDEX public.people_name", "INDEX public.people_name: only in the backup"},
        Case{"an entry more", [](archive::Contents& c) { c.entries.emplace_back("VIEW", "public", "v", "app", ""); },
             DifferenceKind::entry, "VIEW public.v", "VIEW public.v: only after the restore"},
        Case{"an entry doubled", [](archive::Contents& c) { c.entries.push_back(c.entries[2]); }, DifferenceKind::entry,
             "TABLE public.people", "TABLE public.people: only after the restore"},
        Case{"another owner",
             [](archive::Contents& c) {
                 c.entries[2] = {"TABLE", "public", "people", "Bob", ""};
             },
             DifferenceKind::owner, "TABLE public.people",
             "TABLE public.people: owned by app in the backup, by \"Bob\" after the restore"},
        Case{"no owner",
             [](archive::Contents& c) {
                 c.entries[2] = {"TABLE", "public", "people", "", ""};
             },
             DifferenceKind::owner, "TABLE public.people",
             "TABLE public.people: owned by app in the backup, by nobody after the restore"},
        Case{"other privileges",
             [](archive::Contents& c) {
                 c.entries[0] = {"ACL", "public", "TABLE people", "app", "REVOKE a;\nGRANT b;\n"};
             },
             DifferenceKind::privileges, "ACL TABLE people in schema public",
             "ACL TABLE people in schema public: other privileges, in the backup: GRANT SELECT ON TABLE "
             "public.people TO reader; after the restore: REVOKE a; GRANT b;"},
        Case{"no privileges", [](archive::Contents& c) { c.entries.erase(c.entries.begin()); }, DifferenceKind::entry,
             "ACL TABLE people in schema public", "ACL TABLE people in schema public: only in the backup"}));

TEST(Differences, MindNoOrder) {
    auto second = sample_proof();
    std::ranges::reverse(second.databases[0].contents.tables);
    std::ranges::reverse(second.databases[0].contents.entries);
    EXPECT_THAT(differences(sample_proof(), second), IsEmpty());
}

TEST(Differences, AreReadTheOtherWayRound) {
    auto second = sample_database();
    second.contents.entries.erase(second.contents.entries.begin() + 1);
    EXPECT_THAT(compared(second, sample_database()), ElementsAre("INDEX public.people_name: only after the restore"));
}

DatabaseProof partitions(std::uint64_t rows_a, std::uint64_t rows_b) {
    auto database = sample_database();
    for (auto part :
         {table("part_a", rows_a, rows_a * 5, {0, rows_a}), table("part_b", rows_b, rows_b * 5, {0, rows_b})}) {
        part.root = archive::QualifiedName{"public", "parted"};
        database.contents.tables.push_back(part);
    }
    return database;
}

TEST(Differences, CompareTheTablesOfOneRootTogether) {
    EXPECT_THAT(compared(partitions(60, 40), partitions(30, 70)), IsEmpty());
    EXPECT_THAT(compared(partitions(60, 40), partitions(30, 69)),
                ElementsAre("table public.parted with its partitions: 100 rows in the backup, 99 after the restore"));
}

TEST(Differences, KnowTheRootFromEitherSide) {
    auto second = partitions(30, 70);
    for (auto& table : second.contents.tables) {
        table.root.reset();
    }
    EXPECT_THAT(compared(partitions(60, 40), second), IsEmpty());
    EXPECT_THAT(compared(second, partitions(60, 40)), IsEmpty());
}

TEST(Differences, DoNotMixTablesWithoutARoot) {
    auto first = sample_database();
    first.contents.tables = {table("a", 1, 2, {0, 1}), table("b", 2, 4, {0, 2})};
    auto second = first;
    std::swap(second.contents.tables[0].totals, second.contents.tables[1].totals);
    EXPECT_THAT(compared(first, second), SizeIs(2));
}

TEST(Differences, StillMissAPartition) {
    auto second = partitions(100, 0);
    second.contents.tables.pop_back();
    EXPECT_THAT(compared(partitions(60, 40), second), ElementsAre("table public.part_b: only in the backup"));
}

TEST(Differences, NeverCompareWithRowsThatWereNotRead) {
    auto second = partitions(30, 70);
    second.contents.tables.back().totals.reset();
    second.contents.tables.back().unread = archive::Unread::not_copy_text;
    EXPECT_THAT(
        compared(partitions(60, 40), second),
        ElementsAre("table public.parted with its partitions: its rows were not read after the restore (not COPY "
                    "text)"));
}

TEST(Differences, SayWhatIsNotProvenInsteadOfListingEverything) {
    DatabaseProof unknown{"app", "1.17.0", "the archive has an unknown version (1.17)", {}};
    unknown.contents.kept = archive::Kept::nothing;
    EXPECT_THAT(compared(sample_database(), unknown),
                ElementsAre("not proven after the restore: the archive has an unknown version (1.17)"));
    EXPECT_THAT(compared(unknown, unknown), SizeIs(2));
}

TEST(Differences, StillCompareWhatWasReadOfAProofThatLacksSomething) {
    auto second = sample_database();
    second.not_proven = "what 1 of 2 data blocks hold was not read";
    second.contents.sequences[0].value = 11;
    EXPECT_THAT(compared(sample_database(), second),
                ElementsAre("not proven after the restore: what 1 of 2 data blocks hold was not read",
                            "sequence public.people_id_seq: 12 in the backup, 11 after the restore"));
}

TEST(Differences, StillCompareTablesWhereTheEntriesWereNotKept) {
    auto second = sample_database();
    second.not_proven = "the archive names more objects than may be kept";
    second.contents.entries.clear();
    second.contents.kept = archive::Kept::tables;
    second.contents.tables[1].totals->rows = 5;
    EXPECT_THAT(compared(sample_database(), second),
                ElementsAre("not proven after the restore: the archive names more objects than may be kept",
                            "table public.people: 4 rows in the backup, 5 after the restore"));
}

TEST(Differences, NameDatabasesThatAreInOneOnly) {
    auto second = sample_proof();
    second.databases[0].name = "other";
    const auto found = differences(sample_proof(), second, restored);
    EXPECT_THAT(texts(found),
                ElementsAre("the database is only in the backup", "the database is only after the restore"));
    EXPECT_EQ(found[0].database, "app");
    EXPECT_EQ(found[1].database, "other");
    EXPECT_EQ(found[1].kind, DifferenceKind::database);
}

TEST(Differences, LeaveOutTheEntriesThatTheCallerSays) {
    auto first = sample_database();
    first.contents.entries.emplace_back("SUBSCRIPTION", "", "sub", "app", "");
    auto options = restored;
    EXPECT_THAT(texts(differences(first, sample_database(), options)),
                ElementsAre("SUBSCRIPTION sub: only in the backup"));
    options.leave_out = [](const archive::TocLine& line) { return line.kind() == "SUBSCRIPTION"; };
    EXPECT_THAT(differences(first, sample_database(), options), IsEmpty());
}

// Each object once, whatever it is made of.
TEST(Differences, NameATableThatIsMissingOnce) {
    auto first = sample_database();
    first.contents.entries.emplace_back("TABLE", "public", "orders", "app", "");
    first.contents.entries.emplace_back("TABLE DATA", "public", "orders", "app", "");
    first.contents.entries.emplace_back("SEQUENCE", "public", "people_id_seq", "app", "");
    first.contents.entries.emplace_back("SEQUENCE SET", "public", "people_id_seq", "app", "");
    first.contents.entries.emplace_back("MATERIALIZED VIEW", "public", "sums", "app", "");
    first.contents.entries.emplace_back("MATERIALIZED VIEW DATA", "public", "sums", "app", "");
    auto second = sample_database();
    second.contents.tables.pop_front();
    second.contents.sequences.clear();
    EXPECT_THAT(compared(first, second), ElementsAre("table public.orders: only in the backup",
                                                     "sequence public.people_id_seq: only in the backup",
                                                     "MATERIALIZED VIEW public.sums: only in the backup"));
    EXPECT_THAT(compared(second, first), SizeIs(3));
}

// Only the rows of the view were left out: nothing else tells of it.
TEST(Differences, NameAPartWhoseWholeIsThere) {
    auto first = sample_database();
    first.contents.entries.emplace_back("MATERIALIZED VIEW", "public", "sums", "app", "");
    auto second = first;
    first.contents.entries.emplace_back("MATERIALIZED VIEW DATA", "public", "sums", "app", "");
    EXPECT_THAT(compared(first, second), ElementsAre("MATERIALIZED VIEW DATA public.sums: only in the backup"));
    second.contents.entries[3] = {"MATERIALIZED VIEW", "public", "sums", "bob", ""};
    EXPECT_THAT(compared(first, second), SizeIs(2)) << "another owner is another matter";
}

TEST(Differences, NameALargeObjectThatIsMissingOnce) {
    auto first = sample_database();
    for (const char* name : {"7001", "7002"}) {
        first.contents.entries.emplace_back("BLOB", "", name, "app", "");
        first.contents.entries.emplace_back("COMMENT", "", std::string("LARGE OBJECT ") + name, "app", "");
    }
    auto second = first;
    first.contents.entries.emplace_back("BLOBS", "", "BLOBS", "", "");
    second.contents.entries.erase(second.contents.entries.begin() + 3, second.contents.entries.begin() + 5);
    second.contents.entries.pop_back();
    second.contents.large_objects->objects = 1;
    EXPECT_THAT(compared(first, second),
                ElementsAre("large objects: 2 in the backup, 1 after the restore", "BLOB 7001: only in the backup",
                            "COMMENT LARGE OBJECT 7002: only in the backup"));
}

TEST(Differences, NameAnotherOwnerOfATableOnce) {
    auto first = sample_database();
    first.contents.entries.emplace_back("TABLE DATA", "public", "people", "app", "");
    auto second = first;
    for (auto& line : second.contents.entries) {
        line = {line.kind(), line.schema(), line.name(), "bob", line.privileges()};
    }
    auto options = restored;
    options.owners_of_privileges = false;
    EXPECT_THAT(texts(differences(first, second, options)),
                ElementsAre("TABLE public.people: owned by app in the backup, by bob after the restore"));
}

TEST(Differences, FindAChangedEntryBehindOneThatIsMissing) {
    auto second = sample_database();
    second.contents.entries.erase(second.contents.entries.begin() + 1);
    second.contents.entries[1] = {"TABLE", "public", "people", "bob", ""};
    EXPECT_THAT(compared(sample_database(), second),
                ElementsAre("INDEX public.people_name: only in the backup",
                            "TABLE public.people: owned by app in the backup, by bob after the restore"));
}

// The server sorts them by its numbers of the roles, which are others after a restore. It does so with no other kind.
TEST(Differences, PassOverTheOrderOfDefaultPrivileges) {
    auto first = sample_database();
    auto second = first;
    const auto compared_as = [&](const char* kind, const char* one, const char* other) {
        first.contents.entries = {{kind, "", "TABLES", "a", one}};
        second.contents.entries = {{kind, "", "TABLES", "a", other}};
        return compared(first, second).size();
    };
    EXPECT_EQ(compared_as("DEFAULT ACL", "GRANT 1;\nGRANT 2;\n", "GRANT 2;\nGRANT 1;\n"), 0U);
    EXPECT_EQ(compared_as("DEFAULT ACL", "GRANT 1;\nGRANT 1;\n", "GRANT 1;\n"), 1U);
    EXPECT_EQ(compared_as("DEFAULT ACL", "GRANT 1;\nGRANT 2;\n", "GRANT 2;\nGRANT 3;\n"), 1U);
    EXPECT_EQ(compared_as("ACL", "GRANT 1;\nGRANT 2;\n", "GRANT 2;\nGRANT 1;\n"), 1U);
}

TEST(Differences, FindTheOtherOwnerAmongEntriesOfOneName) {
    auto first = sample_database();
    first.contents.entries = {{"DEFAULT ACL", "", "DEFAULT PRIVILEGES FOR TABLES", "a", "GRANT 1;\n"},
                              {"DEFAULT ACL", "", "DEFAULT PRIVILEGES FOR TABLES", "b", "GRANT 2;\n"},
                              {"TABLE", "public", "x", "a", ""}};
    auto second = first;
    second.contents.entries[1] = {"DEFAULT ACL", "", "DEFAULT PRIVILEGES FOR TABLES", "b", "GRANT 3;\n"};
    second.contents.entries.emplace_back("AGGREGATE", "public", "early", "a", "");
    EXPECT_THAT(
        compared(first, second),
        ElementsAre("AGGREGATE public.early: only after the restore",
                    "DEFAULT ACL DEFAULT PRIVILEGES FOR TABLES: other privileges, in the backup: GRANT 2; after "
                    "the restore: GRANT 3;"));
}

}  // namespace
}  // namespace lifeboat::proof
