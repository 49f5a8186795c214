#include "archive/contents.hpp"

#include "archive/prerequisites.hpp"
#include "archive_builder.hpp"
#include "plain_contents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <random>

namespace lifeboat::archive {
namespace {

using stream::as_bytes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

ContentsReader read(std::string_view archive, ContentsOptions options = {}) {
    ContentsReader reader(std::move(options));
    reader.feed(as_bytes(archive));
    reader.finish();
    return reader;
}

ContentsReader read_in_pieces(std::string_view archive, const std::function<std::size_t()>& size) {
    ContentsReader reader;
    while (!archive.empty()) {
        const auto piece = archive.substr(0, size());
        reader.feed(as_bytes(piece));
        archive.remove_prefix(piece.size());
    }
    reader.finish();
    return reader;
}

const std::vector<std::string> people = {"1\tone\n", "2\t\\N\n", "3\ta\\nb \\\\. \xF0\x9F\x9B\x9F\n", "1\tone\n"};
const std::vector<std::string> odd = {"\\\\.\n", "\\.x\n", "\\\n", ".\n", "\n", "x\\.\n"};
const LargeObjects sample_objects = {{16402, "large"}, {16403, ""}, {3'000'000'001, std::string("\0\n\\.\n\n\n", 7)}};

TocEntry sequence_entry(std::string name, std::string defn) {
    auto entry = sql_entry("SEQUENCE SET", std::move(name), std::move(defn), "app");
    entry.schema = "public";
    entry.section = Section::data;
    return entry;
}

ArchiveBuilder sample(HeaderToBuild header = {}) {
    ArchiveBuilder archive(std::move(header));
    archive.add(sample_table())
        .add(sequence_entry("people_id_seq", "SELECT pg_catalog.setval('public.people_id_seq', 3, true);\n"))
        .add(sql_entry("ACL", "TABLE people", "GRANT SELECT ON TABLE public.people TO reader;\n", "app"))
        .add(data_entry(31, "public", "people", "COPY public.people (id, name) FROM stdin;\n"))
        .add(data_entry(30, "public", "odd", "COPY public.odd (t) FROM stdin;\n"))
        .add(data_entry(32, "public", "empty", "COPY public.empty (t) FROM stdin;\n"))
        .add(objects_entry(40));
    (void)archive.build();
    archive.rows_block(31, people).rows_block(30, odd).rows_block(32, {});
    archive.objects_block(40, {{16402, {"lar", "ge"}}, {16403, {}}, {3'000'000'001, {sample_objects.at(2).second}}});
    return archive;
}

void expect_sample(const ContentsReader& reader) {
    ASSERT_EQ(reader.state(), ContentsState::complete) << reader.verdict().error().what;
    EXPECT_TRUE(reader.archive_complete());
    EXPECT_FALSE(reader.archive_broken());
    const auto& tables = reader.contents().tables;
    ASSERT_THAT(tables, SizeIs(3));
    EXPECT_EQ(tables[0].table, (QualifiedName{"public", "empty"}));
    EXPECT_EQ(tables[1].table, (QualifiedName{"public", "odd"}));
    EXPECT_EQ(tables[2].table, (QualifiedName{"public", "people"}));
    EXPECT_EQ(tables[0].totals, totals_of({}));
    EXPECT_EQ(tables[1].totals, totals_of(odd));
    EXPECT_EQ(tables[2].totals, totals_of(people));
    for (const auto& table : tables) {
        EXPECT_EQ(table.unread, Unread::no);
        EXPECT_EQ(table.root, std::nullopt);
    }
    EXPECT_EQ(reader.contents().large_objects, totals_of_objects(sample_objects));
    ASSERT_THAT(reader.contents().sequences, SizeIs(1));
    EXPECT_EQ(reader.contents().sequences[0].value, 3);
    EXPECT_THAT(reader.contents().entries, SizeIs(7));
}

class ContentsOfEveryVersion : public testing::TestWithParam<int> {
protected:
    std::string archive_ = sample({.minor = GetParam()}).bytes();
};

TEST_P(ContentsOfEveryVersion, GivesTheTotalsOfEveryTableAndOfTheLargeObjects) {
    expect_sample(read(archive_));
}

TEST_P(ContentsOfEveryVersion, ReadsPiecesOfOneByte) {
    expect_sample(read_in_pieces(archive_, [] { return 1; }));
}

TEST_P(ContentsOfEveryVersion, IsNeverCompleteBeforeTheLastByte) {
    for (std::size_t size = 0; size < archive_.size(); ++size) {
        const auto reader = read(archive_.substr(0, size));
        ASSERT_EQ(reader.state(), ContentsState::cut_off) << "at " << size;
        ASSERT_TRUE(reader.archive_broken());
        ASSERT_EQ(reader.verdict().error().kind, ErrorKind::corrupt);
        ASSERT_EQ(reader.contents().large_objects, std::nullopt);
    }
}

TEST_P(ContentsOfEveryVersion, GivesNoTotalsOfAPartOfTheRows) {
    for (std::size_t size = 0; size < archive_.size(); ++size) {
        const auto reader = read(archive_.substr(0, size));
        for (const auto& table : reader.contents().tables) {
            const auto& name = table.table.name;
            if (table.totals) {
                ASSERT_EQ(table.totals, totals_of(name == "people" ? people
                                                  : name == "odd"  ? odd
                                                                   : std::vector<std::string>{}));
            } else {
                ASSERT_EQ(table.unread, Unread::not_reached);
            }
        }
    }
}

TEST_P(ContentsOfEveryVersion, IsBrokenWhenAnythingFollowsTheLastBlock) {
    for (const char byte : {'\0', '\1', '\3', '\n', 'P'}) {
        const auto reader = read(archive_ + byte);
        EXPECT_EQ(reader.state(), ContentsState::malformed);
        EXPECT_THAT(reader.verdict().error().what, HasSubstr("goes on behind its last data block"));
    }
}

INSTANTIATE_TEST_SUITE_P(From12To16, ContentsOfEveryVersion, testing::Range(12, 17));

// ---- rows whose columns may come in another order ----

constexpr const char* inheriting = "CREATE TABLE public.child (\n    b text\n)\nINHERITS (public.people);\n";

// A child of "people" with these columns and rows.
std::string archive_of_child(const std::string& columns, const std::vector<std::string>& rows,
                             const std::string& create = inheriting, const std::string& target = "public.child") {
    ArchiveBuilder archive;
    auto table = sql_entry("TABLE", "child", create, "app");
    table.schema = "public";
    archive.add(table).add(data_entry(31, "public", "child", "COPY " + target + " " + columns + " FROM stdin;\n"));
    (void)archive.build();
    archive.rows_block(31, rows);
    return archive.bytes();
}

std::optional<ContentHash> by_column(const std::string& archive, std::size_t piece = std::string::npos) {
    ContentsReader reader(ContentsOptions{.also = {}, .by_column = true});
    for (std::size_t at = 0; at < archive.size(); at += std::min(piece, archive.size())) {
        reader.feed(as_bytes(std::string_view(archive).substr(at, piece)));
    }
    reader.finish();
    EXPECT_EQ(reader.state(), ContentsState::complete);
    return reader.contents().tables.at(0).by_column;
}

const std::vector<std::string> child_rows = {"1\tx\t\\N\n", "2\t\t\\t\\\\.\n", "\\\\\t.\t\\.x\n", "1\tx\t\\N\n"};
const std::vector<std::string> permuted = {"1\t\\N\tx\n", "2\t\\t\\\\.\t\n", "\\\\\t\\.x\t.\n", "1\t\\N\tx\n"};

TEST(RowsByColumn, AreTheSameInAnotherOrderOfColumns) {
    const auto hash = by_column(archive_of_child("(a, b, \"D e\")", child_rows));
    ASSERT_TRUE(hash);
    EXPECT_EQ(by_column(archive_of_child("(a, \"D e\", b)", permuted)), hash);
    EXPECT_EQ(by_column(archive_of_child("(a, b, \"D e\")", child_rows), 1), hash) << "in pieces of one byte";
    EXPECT_EQ(by_column(archive_of_child("(a, \"D e\", b)", permuted, "", "public.root")), hash) << "of a partition";
}

TEST(RowsByColumn, AreOthersWhenAnyValueIs) {
    const auto hash = by_column(archive_of_child("(a, b, \"D e\")", child_rows));
    EXPECT_NE(by_column(archive_of_child("(a, b, \"D e\")", permuted)), hash) << "values in each other's columns";
    for (std::size_t row = 0; row < permuted.size(); ++row) {
        auto changed = permuted;
        changed[row].insert(changed[row].size() - 1, "y");
        EXPECT_NE(by_column(archive_of_child("(a, \"D e\", b)", changed)), hash) << row;
        auto lost = permuted;
        lost.erase(lost.begin() + static_cast<std::ptrdiff_t>(row));
        EXPECT_NE(by_column(archive_of_child("(a, \"D e\", b)", lost)), hash) << row;
    }
    // The same values in other rows.
    EXPECT_NE(by_column(archive_of_child("(a, b)", {"1\tx\n", "2\ty\n"})),
              by_column(archive_of_child("(a, b)", {"1\ty\n", "2\tx\n"})));
}

TEST(RowsByColumn, AreTakenOnlyWhereTheyAreWantedAndFitTheirColumns) {
    EXPECT_EQ(read(archive_of_child("(a, b, \"D e\")", child_rows)).contents().tables.at(0).by_column, std::nullopt);
    EXPECT_EQ(by_column(archive_of_child("(a, b, \"D e\")", child_rows, "CREATE TABLE public.child ();")),
              std::nullopt);
    EXPECT_EQ(by_column(archive_of_child("(a, b)", child_rows)), std::nullopt) << "more values than columns";
    EXPECT_EQ(by_column(archive_of_child("(a, b, c, d)", child_rows)), std::nullopt) << "fewer";
    EXPECT_EQ(by_column(archive_of_child("", {"\n"})), std::nullopt) << "no columns";
    EXPECT_EQ(by_column(archive_of_child("(a)", {})), ContentHash()) << "no rows";
}

TEST(ContentsReader, GivesTheSameHoweverTheBytesAreCut) {
    const auto archive = sample({.minor = 16}).bytes();
    std::mt19937 random(11);  // NOLINT(cert-msc*): the same cuts in every run
    for (int round = 0; round < 300; ++round) {
        expect_sample(read_in_pieces(archive, [&] { return random() % 40; }));
    }
}

TEST(ContentsReader, GivesTheSameHoweverRowsAreCutIntoChunks) {
    std::string text;
    for (const auto& row : odd) {
        text += row;
    }
    text += "\\.\n\n\n";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        ArchiveBuilder archive;
        (void)archive.add(data_entry(5, "s", "t", "COPY s.t (a) FROM stdin;\n")).build();
        std::vector<std::string> chunks;
        for (std::size_t at = 0; at < text.size(); at += size) {
            chunks.push_back(text.substr(at, size));
        }
        const auto reader = read(archive.table_block(5, chunks).bytes());
        ASSERT_EQ(reader.state(), ContentsState::complete) << "chunks of " << size;
        ASSERT_EQ(reader.contents().tables.at(0).totals, totals_of(odd));
    }
}

TEST(ContentsReader, TakesTheSizeOfNumbersFromTheHeader) {
    expect_sample(read(sample({.integer_size = 8}).bytes()));
    expect_sample(read_in_pieces(sample({.integer_size = 8}).bytes(), [] { return 3; }));
    // Three bytes hold no oid above 2^24.
    ArchiveBuilder archive({.integer_size = 3});
    (void)archive.add(data_entry(5, "s", "t", "COPY s.t (a) FROM stdin;\n")).build();
    EXPECT_EQ(read(archive.rows_block(5, people).bytes()).contents().tables.at(0).totals, totals_of(people));
}

// By xxhsum -H2 and by Python's xxhash, over the bytes of the rows.
TEST(ContentHash, IsTheSumOfTheHashesOfTheRows) {
    EXPECT_EQ(hash_of(as_bytes("1\tone\n")).hex(), "b919ccf0e83b5c9456fbced2e4b49853");
    auto sum = hash_of(as_bytes("1\tone\n"));
    sum += hash_of(as_bytes("2\t\\N\n"));
    EXPECT_EQ(sum.hex(), "56471eb0bad32930c20a361a0b73bb3e");
    EXPECT_EQ(totals_of({"1\tone\n", "2\t\\N\n"}).hash.hex(), sum.hex());
    EXPECT_EQ(totals_of(std::vector<std::string>(5, "1\tone\n")).hash.hex(), "9d8100b48928cee5b2eb0a1e7786f99f");
    EXPECT_EQ(hash_of(as_bytes(std::string(1'000'000, 'x') + "\n")).hex(), "d45e7fe565dcbe86c7e971ad3dd51a6b");
}

TEST(ContentHash, IsReadBackFromItsDigits) {
    const ContentHash hash{0x0123456789abcdef, 0xfedcba9876543210};
    EXPECT_EQ(hash.hex(), "0123456789abcdeffedcba9876543210");
    EXPECT_EQ(ContentHash::from_hex(hash.hex()), hash);
    EXPECT_EQ(ContentHash{}.hex(), std::string(32, '0'));
    for (const auto* text :
         {"", "0123456789abcdeffedcba987654321", "0123456789abcdeffedcba98765432100",
          "0123456789ABCDEFfedcba9876543210", "0x23456789abcdeffedcba9876543210", "0123456789abcdef-edcba9876543210"}) {
        EXPECT_EQ(ContentHash::from_hex(text), std::nullopt) << text;
    }
}

ArchiveBuilder one_table() {
    ArchiveBuilder archive;
    (void)archive.add(data_entry(5, "s", "t", "COPY s.t (a) FROM stdin;\n")).build();
    return archive;
}

TEST(ContentsReader, DoesNotMindTheOrderOfRowsAndMindsEverythingElse) {
    const auto hash = [](const std::vector<std::string>& rows) {
        return read(one_table().rows_block(5, rows).bytes()).contents().tables.at(0).totals.value().hash;
    };
    const auto known = hash({"a\n", "b\n", "b\n"});
    EXPECT_EQ(hash({"b\n", "a\n", "b\n"}), known);
    EXPECT_NE(hash({"b\n", "a\n"}), known);
    EXPECT_NE(hash({"a\n", "b\n", "b\n", "b\n"}), known);
    EXPECT_NE(hash({"a\n", "a\n", "b\n"}), known);
    EXPECT_NE(hash({"a\n", "bb\n", "\n"}), known);
    EXPECT_NE(hash({"a\n"}), known) << "two equal rows must not cancel";
}

TEST(ContentsReader, ReadsARowOfAnyLengthWithoutHoldingIt) {
    // Two chunks of one row, with the row's end in the second; each comes in many pieces.
    const std::string part(3'000'000, 'x');
    const auto reader =
        read_in_pieces(one_table().rows_block(5, {part, part + "\n", "y\n"}).bytes(), [] { return 4096; });
    EXPECT_EQ(reader.contents().tables.at(0).totals, totals_of({part + part + "\n", "y\n"}));
}

// Each writes the data area of an archive with the table 5, behind it the table 6 and the large objects 7.
using Vandal = void (*)(ArchiveBuilder&);
class BrokenBlocks : public testing::TestWithParam<Vandal> {};

TEST_P(BrokenBlocks, AreMalformed) {
    ArchiveBuilder archive;
    (void)archive.add(data_entry(5, "s", "t", "COPY s.t (a) FROM stdin;\n"))
        .add(data_entry(6, "s", "u", "COPY s.u (a) FROM stdin;\n"))
        .add(objects_entry(7))
        .build();
    GetParam()(archive);
    for (const auto& reader : {read(archive.bytes()), read_in_pieces(archive.bytes(), [] { return 1; })}) {
        EXPECT_EQ(reader.state(), ContentsState::malformed);
        EXPECT_TRUE(reader.archive_broken());
        EXPECT_EQ(reader.verdict().error().kind, ErrorKind::corrupt);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Data, BrokenBlocks,
    testing::Values(
        [](ArchiveBuilder& a) { a.rows_block(6, {}).rows_block(5, {}).objects_block(7, {}); },  // not in order
        [](ArchiveBuilder& a) { a.rows_block(5, {}).objects_block(7, {}); },                    // one is missing
        [](ArchiveBuilder& a) { a.rows_block(5, {}).rows_block(5, {}).rows_block(6, {}).objects_block(7, {}); },
        [](ArchiveBuilder& a) { a.rows_block(5, {}).rows_block(8, {}).objects_block(7, {}); },  // of no entry
        [](ArchiveBuilder& a) { a.rows_block(5, {}).rows_block(6, {}).objects_block(7, {}).rows_block(5, {}); },
        [](ArchiveBuilder& a) { a.objects_block(5, {}); },                                   // objects for a table
        [](ArchiveBuilder& a) { a.rows_block(5, {}).rows_block(6, {}).rows_block(7, {}); },  // rows for objects
        [](ArchiveBuilder& a) { a.table_block(5, {}); },                                     // no end mark at all
        [](ArchiveBuilder& a) { a.table_block(5, {"a\n"}); },                                // nor here
        [](ArchiveBuilder& a) {
            a.table_block(5, {"a\n", "\\.\n\n"});
        },  // half of one
        [](ArchiveBuilder& a) {
            a.table_block(5, {"a\n", "\\.\n"});
        },
        [](ArchiveBuilder& a) { a.table_block(5, {"a\\.\n\n\n"}); },  // one inside of a row
        [](ArchiveBuilder& a) {
            a.table_block(5, {"a", "\\.\n\n\n"});
        },
        [](ArchiveBuilder& a) { a.table_block(5, {"\\.\n\n\n\n"}); },  // too much of one
        [](ArchiveBuilder& a) {
            a.table_block(5, {"\\.\n\n\n", "a\n"});
        },  // rows behind it
        [](ArchiveBuilder& a) { a.table_block(5, {"\\.\nb\n"}); },
        [](ArchiveBuilder& a) { a.rows_block(5, {"\\.\n"}); },        // a row like it
        [](ArchiveBuilder& a) { a.byte(2).integer(5); },              // an unknown kind of block
        [](ArchiveBuilder& a) { a.byte(0); },                         // another
        [](ArchiveBuilder& a) { a.byte(1).integer(-5); },             // a dump id below 0
        [](ArchiveBuilder& a) { a.byte(1).integer(5).integer(-1); },  // a length below 0
        [](ArchiveBuilder& a) { a.byte(1).integer(5).byte(2).byte(1).byte(0).byte(0).byte(0); },     // no sign
        [](ArchiveBuilder& a) { a.byte(1).integer(5).byte(0).byte(0).byte(0).byte(0).byte(0x80); },  // beyond an int
        [](ArchiveBuilder& a) {
            a.rows_block(5, {}).rows_block(6, {}).byte(3).integer(7).integer(std::int64_t{1} << 31U);
        }));

TEST(ContentsReader, IsCutOffWhereBlocksAreMissing) {
    const auto reader = read(one_table().bytes());
    EXPECT_EQ(reader.state(), ContentsState::cut_off);
    EXPECT_THAT(reader.verdict().error().what,
                HasSubstr("ends where a data block should begin (data block 1 of 1, byte "));
    EXPECT_EQ(reader.verdict().error().detail, "the table is s.t");
}

// What a cancelled COPY leaves: pg_dump writes the mark before it looks at the result, and closes nothing.
TEST(ContentsReader, IsCutOffBehindTheEndMarkOfABlockThatIsNotClosed) {
    auto archive = one_table().rows_block(5, people).bytes();
    archive.resize(archive.size() - 5);
    ASSERT_TRUE(archive.ends_with("\\.\n\n\n"));
    EXPECT_EQ(read(archive).state(), ContentsState::cut_off);
}

TEST(ContentsReader, SaysInWhichBlockAnArchiveEnds) {
    const auto whole = one_table().rows_block(5, people).bytes();
    const auto error = read(whole.substr(0, whole.size() - 1)).verdict().error();
    EXPECT_THAT(error.what, HasSubstr("ends inside of a data block (data block 1 of 1, byte " +
                                      std::to_string(whole.size() - 1) + ")"));
    EXPECT_EQ(error.detail, "the table is s.t");
}

TEST(ContentsReader, NamesTablesOnlyInTheDetail) {
    const auto error = read(one_table().table_block(5, {"secret row\n"}).bytes()).verdict().error();
    EXPECT_THAT(error.what + error.next, Not(HasSubstr("s.t")));
    EXPECT_EQ(error.detail, "the table is s.t");
    EXPECT_THAT(whole_text(error) + error.next, Not(HasSubstr("secret")));
}

TEST(ContentsReader, IsCompleteWithoutAnyData) {
    const auto reader = read(ArchiveBuilder().add(sample_table()).build());
    EXPECT_EQ(reader.state(), ContentsState::complete);
    EXPECT_THAT(reader.contents().tables, IsEmpty());
    EXPECT_EQ(reader.contents().large_objects, LargeObjectTotals());
}

TEST(ContentsReader, SumsUpTheLargeObjectsOfSeveralBlocks) {
    ArchiveBuilder archive({.minor = 16});
    (void)archive.add(objects_entry(7)).add(objects_entry(8)).build();
    archive.objects_block(7, {{1, {"a"}}, {2, {"b", "c"}}}).objects_block(8, {{4'294'967'295, {"d"}}});
    EXPECT_EQ(read(archive.bytes()).contents().large_objects,
              totals_of_objects({{1, "a"}, {2, "bc"}, {4'294'967'295, "d"}}));
}

TEST(ContentsReader, BindsTheBytesOfALargeObjectToItsOid) {
    const auto hash = [](const std::vector<ArchiveBuilder::LargeObject>& objects) {
        ArchiveBuilder archive;
        (void)archive.add(objects_entry(7)).build();
        return read(archive.objects_block(7, objects).bytes()).contents().large_objects.value().hash;
    };
    EXPECT_EQ(hash({{16402, {"large"}}}).hex(), "88637f1ea54c818dd40dc67ca71edf1b");  // by Python's xxhash
    EXPECT_EQ(hash({{1, {"a"}}, {2, {"b"}}}), hash({{2, {"b"}}, {1, {"a"}}}));
    EXPECT_NE(hash({{1, {"a"}}, {2, {"b"}}}), hash({{1, {"b"}}, {2, {"a"}}}));
}

TEST(ContentsReader, ReportsCompressedTablesAsNotRead) {
    for (const auto& header :
         {HeaderToBuild{.minor = 14, .compression = -1}, HeaderToBuild{.minor = 15, .compression = 1},
          HeaderToBuild{.minor = 16, .compression = 2}, HeaderToBuild{.minor = 16, .compression = 3},
          HeaderToBuild{.minor = 16, .compression = 9}}) {
        const auto reader = read(sample(header).bytes());
        EXPECT_EQ(reader.state(), ContentsState::unread);
        EXPECT_FALSE(reader.archive_complete());
        EXPECT_FALSE(reader.archive_broken());
        EXPECT_THAT(reader.verdict().error().what, HasSubstr("what 4 of 4 data blocks"));
        ASSERT_THAT(reader.contents().tables, SizeIs(3));
        for (const auto& table : reader.contents().tables) {
            EXPECT_EQ(table.totals, std::nullopt);
            EXPECT_EQ(table.unread, Unread::compressed);
        }
        EXPECT_EQ(reader.contents().large_objects, std::nullopt);
    }
}

TEST(ContentsReader, StillSeesThatACompressedArchiveIsCutOff) {
    const auto archive = sample({.minor = 16, .compression = 3}).bytes();
    EXPECT_EQ(read(archive.substr(0, archive.size() - 1)).state(), ContentsState::cut_off);
}

TEST(ContentsReader, ReportsTablesOfInsertStatementsAsNotRead) {
    ArchiveBuilder archive;
    (void)archive.add(data_entry(5, "s", "t", "")).add(data_entry(6, "s", "u", "COPY s.u (a) FROM stdin;\n")).build();
    archive.table_block(5, {"INSERT INTO s.t VALUES (1);\n", "\n\n"}).rows_block(6, people);
    const auto reader = read(archive.bytes());

    EXPECT_EQ(reader.state(), ContentsState::unread);
    ASSERT_THAT(reader.contents().tables, SizeIs(2));
    EXPECT_EQ(reader.contents().tables[0].totals, std::nullopt);
    EXPECT_EQ(reader.contents().tables[0].unread, Unread::not_copy_text);
    EXPECT_EQ(reader.contents().tables[1].totals, totals_of(people));
}

TEST(ContentsReader, DoesNotReadTheDataOfAnUnknownKindOfEntry) {
    auto novel = data_entry(5, "s", "t", "");
    novel.desc = "NOVEL DATA";
    ArchiveBuilder archive;
    (void)archive.add(novel).build();
    const auto reader = read(archive.table_block(5, {"whatever"}).bytes());
    EXPECT_EQ(reader.state(), ContentsState::unread);
    EXPECT_THAT(reader.contents().tables, IsEmpty());
    EXPECT_EQ(reader.contents().large_objects, LargeObjectTotals());
}

TEST(ContentsReader, SaysNothingAgainstAVersionThatItDoesNotKnow) {
    for (const int minor : {11, 17}) {
        const auto reader = read(sample({.minor = minor}).bytes());
        EXPECT_EQ(reader.state(), ContentsState::unknown_version);
        EXPECT_FALSE(reader.archive_complete());
        EXPECT_FALSE(reader.archive_broken());
        EXPECT_EQ(reader.verdict().error().kind, ErrorKind::failed);
        EXPECT_THAT(reader.contents().tables, IsEmpty());
        EXPECT_EQ(reader.contents().large_objects, std::nullopt);
        EXPECT_EQ(reader.contents().kept, Kept::nothing);
    }
}

TEST(ContentsReader, HandsOnWhatIsWrongWithTheTableOfContents) {
    EXPECT_EQ(read("not an archive").state(), ContentsState::malformed);
    EXPECT_THAT(read("not an archive").verdict().error().what, HasSubstr("signature"));
    EXPECT_EQ(read("").state(), ContentsState::cut_off);
    EXPECT_THAT(read("PGD").verdict().error().what, HasSubstr("ends inside its table of contents"));
}

TEST(ContentsReader, StillProvesAnArchiveCompleteWhoseNamesAreTooMany) {
    ArchiveBuilder archive;
    for (int id = 1; id <= 200; ++id) {
        archive.add(data_entry(id, "public", "table_" + std::to_string(id), "COPY public.t (a) FROM stdin;\n"));
    }
    (void)archive.build();
    for (int id = 1; id <= 200; ++id) {
        archive.rows_block(id, people);
    }
    ContentsOptions options;
    options.keep_at_most = 10'000;
    const auto reader = read(archive.bytes(), std::move(options));
    EXPECT_EQ(reader.state(), ContentsState::too_large);
    EXPECT_TRUE(reader.archive_complete());
    EXPECT_THAT(reader.verdict().error().what, HasSubstr("what it holds is not on record"));
    EXPECT_EQ(reader.contents().kept, Kept::nothing);
    EXPECT_THAT(reader.contents().tables, IsEmpty());
    EXPECT_THAT(reader.contents().entries, IsEmpty());
    EXPECT_EQ(reader.contents().large_objects, std::nullopt);
    EXPECT_EQ(read(archive.bytes()).state(), ContentsState::complete);

    auto cut = archive.bytes();
    cut.pop_back();
    ContentsOptions same;
    same.keep_at_most = 10'000;
    EXPECT_EQ(read(cut, std::move(same)).state(), ContentsState::cut_off);
}

TEST(ContentsReader, KeepsWhatTablesHoldRatherThanTheListOfEntries) {
    ArchiveBuilder archive;
    for (int i = 0; i < 300; ++i) {
        archive.add(sql_entry("VIEW", "view_" + std::to_string(i), "SELECT 1;\n", "app"));
    }
    archive.add(sequence_entry("s", "SELECT pg_catalog.setval('public.s', 7, true);\n"));
    (void)archive.add(data_entry(5, "s", "t", "COPY s.t (a) FROM stdin;\n")).build();
    ContentsOptions options;
    options.keep_at_most = 10'000;
    const auto reader = read(archive.rows_block(5, people).bytes(), std::move(options));

    EXPECT_EQ(reader.state(), ContentsState::too_large);
    EXPECT_THAT(reader.verdict().error().what, HasSubstr("the list of its objects is not"));
    EXPECT_EQ(reader.contents().kept, Kept::tables);
    EXPECT_THAT(reader.contents().entries, IsEmpty());
    EXPECT_EQ(reader.contents().tables.at(0).totals, totals_of(people));
    EXPECT_EQ(reader.contents().sequences.at(0).value, 7);
    EXPECT_EQ(reader.contents().large_objects, LargeObjectTotals());
}

TEST(ContentsReader, GivesUpWhenNotEvenTheOrderOfTheBlocksCanBeKept) {
    ArchiveBuilder archive;
    for (int id = 1; id <= 200; ++id) {
        archive.add(data_entry(id, "public", "t", "COPY public.t (a) FROM stdin;\n"));
    }
    ContentsOptions options;
    options.keep_at_most = 1'000;
    const auto reader = read(archive.build(), std::move(options));
    EXPECT_EQ(reader.state(), ContentsState::gave_up);
    EXPECT_FALSE(reader.archive_complete());
    EXPECT_FALSE(reader.archive_broken());
    EXPECT_EQ(reader.verdict().error().kind, ErrorKind::failed);
}

TEST(ContentsReader, ReadsTheValuesOfSequences) {
    struct Case {
        std::string defn;
        std::optional<std::int64_t> value;
        bool called;
    };
    const std::vector<Case> cases = {
        {"SELECT pg_catalog.setval('public.s', 1, false);\n", 1, false},
        {"SELECT pg_catalog.setval('public.s', -9223372036854775808, true);\n", std::int64_t(-9223372036854775807) - 1,
         true},
        {"SELECT pg_catalog.setval('\"Sch, 7, true);\"\"''ema\".s', 9223372036854775807, true);\n", 9223372036854775807,
         true},
        {"SELECT pg_catalog.setval(E'a\\\\b', 12, true);\n", 12, true},
        {"SELECT pg_catalog.setval('public.s', 9223372036854775808, true);\n", std::nullopt, true},
        {"SELECT pg_catalog.setval('public.s', NULL, true);\n", std::nullopt, true},
        {"SELECT pg_catalog.setval('public.s', 1);\n", std::nullopt, false},
        {"SELECT pg_catalog.setval('public.s', 1, maybe);\n", std::nullopt, false},
        {"SELECT pg_catalog.nextval('public.s', 1, true);\n", std::nullopt, false},
        {"SELECT pg_catalog.setval('public.s', 1, true); SELECT 1;\n", std::nullopt, false},
        {"SELECT pg_catalog.setval('public.s, 1, true);\n", std::nullopt, false},
        {"", std::nullopt, false},
    };
    for (const auto& [defn, value, called] : cases) {
        const auto reader = read(ArchiveBuilder().add(sequence_entry("s", defn)).build());
        ASSERT_THAT(reader.contents().sequences, SizeIs(1));
        const auto& sequence = reader.contents().sequences[0];
        EXPECT_EQ(sequence.sequence, (QualifiedName{"public", "s"}));
        EXPECT_EQ(sequence.value, value) << defn;
        EXPECT_EQ(sequence.value.has_value() && sequence.called, value.has_value() && called) << defn;
    }
}

TEST(ContentsReader, NamesTheRootThroughWhichAPartitionIsLoaded) {
    ArchiveBuilder archive;
    (void)archive.add(data_entry(5, "Sch", "part\"1", "COPY \"Sch\".\"ro\"\"ot\" (a) FROM stdin;\n")).build();
    const auto reader = read(archive.rows_block(5, people).bytes());
    EXPECT_EQ(reader.contents().tables.at(0).root, (QualifiedName{"Sch", "ro\"ot"}));
    EXPECT_EQ(reader.contents().tables.at(0).table, (QualifiedName{"Sch", "part\"1"}));
}

TEST(ContentsReader, ListsTheEntriesSorted) {
    const auto reader = read(sample().bytes());
    std::vector<std::string> lines;
    for (const auto& line : reader.contents().entries) {
        lines.push_back(std::string(line.kind()) + "|" + std::string(line.schema()) + "|" + std::string(line.name()) +
                        "|" + std::string(line.owner()) + "|" + std::string(line.privileges()));
    }
    EXPECT_THAT(lines, ElementsAre("ACL||TABLE people|app|GRANT SELECT ON TABLE public.people TO reader;\n",
                                   "BLOBS||BLOBS|app|", "SEQUENCE SET|public|people_id_seq|app|",
                                   "TABLE|s|Tab\"le\nnl|app|", "TABLE DATA|public|empty|app|",
                                   "TABLE DATA|public|odd|app|", "TABLE DATA|public|people|app|"));
}

TEST(ContentsReader, HandsEntriesOnAsAnotherReaderWants) {
    const auto archive = sample().bytes();
    Prerequisites alone;
    TocReader toc(alone.options());
    toc.feed(as_bytes(archive));
    Prerequisites beside;
    ContentsOptions options;
    options.also = beside.options();

    expect_sample(read(archive, std::move(options)));
    EXPECT_EQ(beside.roles(), alone.roles());
    EXPECT_THAT(beside.roles(), testing::UnorderedElementsAre("app", "reader"));
}

TEST(ContentsReader, HandsOnNoMoreOfAnEntryThanWasAskedFor) {
    std::vector<TocEntry> taken;
    ContentsOptions options;
    options.also.wanted = [](std::string_view desc, std::string_view) {
        return desc == "ACL" ? TocFields::only_names() : TocFields::nothing();
    };
    options.also.take = [&](TocEntry entry) { taken.push_back(std::move(entry)); };
    expect_sample(read(sample().bytes(), std::move(options)));
    ASSERT_THAT(taken, SizeIs(1));
    EXPECT_EQ(taken[0].desc, "ACL");
    EXPECT_EQ(taken[0].defn, "");
}

TEST(ContentsReader, TurnsAnExceptionOfTheOtherReaderIntoAVerdict) {
    ContentsOptions options;
    options.also.take = [](const TocEntry&) { throw std::bad_alloc(); };
    EXPECT_EQ(read(sample().bytes(), std::move(options)).state(), ContentsState::gave_up);
}

TEST(ContentsReader, IsReadingUntilTheEndIsSaid) {
    ContentsReader reader;
    reader.feed(as_bytes(sample().bytes()));
    EXPECT_EQ(reader.state(), ContentsState::reading);
    EXPECT_FALSE(reader.verdict());
    reader.finish();
    reader.feed(as_bytes("more"));
    reader.finish();
    expect_sample(reader);
}

// A changed byte may make another archive, or none. If one, then with the totals that its bytes really have.
TEST(ContentsReader, GivesNoWrongTotalsWhateverByteIsFlipped) {
    const auto good = sample({.minor = 16}).bytes();
    int complete = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const int flip : {0x01, 0x02, 0x04, 0x80, 0xFF}) {
            auto bad = good;
            bad[at] = static_cast<char>(bad[at] ^ flip);
            const auto reader = read(bad);
            if (reader.state() != ContentsState::complete) {
                continue;
            }
            ++complete;
            const PlainContents plain(reader.toc(), bad);
            ASSERT_TRUE(plain.good());
            ASSERT_THAT(plain.blocks(), SizeIs(4));
            std::vector<RowTotals> expected;
            std::vector<RowTotals> found;
            for (std::size_t i = 0; i < 3; ++i) {
                expected.push_back(PlainContents::rows_in(plain.blocks()[i].bytes).value());
                found.push_back(reader.contents().tables.at(i).totals.value());
            }
            ASSERT_THAT(found, testing::UnorderedElementsAreArray(expected)) << "byte " << at;
            ASSERT_EQ(reader.contents().large_objects, totals_of_objects(plain.blocks()[3].objects)) << "byte " << at;
        }
    }
    EXPECT_GT(complete, 100) << "most flips change only texts and rows";
}

class Collector final : public stream::Sink {
public:
    Status write(stream::Bytes chunk) override {
        received += stream::as_text(chunk);
        return failing ? Status(failed("disk full")) : done();
    }
    Status finish() override {
        finished = true;
        return failing ? Status(failed("disk full")) : done();
    }

    std::string received;
    bool finished = false;
    bool failing = false;
};

TEST(ContentsTap, PassesEveryByteOnAndReadsTheArchive) {
    const auto archive = sample().bytes();
    Collector next;
    ContentsTap tap(next);
    for (std::size_t at = 0; at < archive.size(); at += 7) {
        ASSERT_TRUE(tap.write(as_bytes(std::string_view(archive).substr(at, 7))));
    }
    ASSERT_TRUE(tap.finish());
    EXPECT_EQ(next.received, archive);
    EXPECT_TRUE(next.finished);
    expect_sample(tap.reader());
}

TEST(ContentsTap, DoesNotDisturbAStreamThatItCannotRead) {
    Collector next;
    ContentsTap tap(next);
    ASSERT_TRUE(tap.write(as_bytes("not an archive at all")));
    ASSERT_TRUE(tap.finish());
    EXPECT_EQ(next.received, "not an archive at all");
    EXPECT_TRUE(tap.reader().archive_broken());
}

TEST(ContentsTap, HandsOnTheErrorsOfTheNextStage) {
    Collector next;
    next.failing = true;
    ContentsTap tap(next);
    EXPECT_FALSE(tap.write(as_bytes("PGDMP")));
    EXPECT_FALSE(tap.finish());
}

}  // namespace
}  // namespace lifeboat::archive
