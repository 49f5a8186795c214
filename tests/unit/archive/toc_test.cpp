#include "archive/toc.hpp"

#include "archive_builder.hpp"

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

TocReader read(std::string_view archive, TocOptions options = {}) {
    TocReader reader(std::move(options));
    reader.feed(as_bytes(archive));
    return reader;
}

ArchiveBuilder sample(HeaderToBuild header = {}) {
    ArchiveBuilder archive(std::move(header));
    archive.add(sample_table()).add(sample_table_data());
    return archive;
}

void expect_sample(const TocReader& reader) {
    ASSERT_TRUE(reader.complete()) << reader.verdict().error().what;
    ASSERT_THAT(reader.entries(), SizeIs(2));
    const auto& table = reader.entries()[0];
    const auto expected = sample_table();
    EXPECT_EQ(table.dump_id, 217);
    EXPECT_FALSE(table.has_data);
    EXPECT_EQ(table.tag, expected.tag);
    EXPECT_EQ(table.desc, "TABLE");
    EXPECT_EQ(table.section, Section::pre_data);
    EXPECT_EQ(table.defn, expected.defn);
    EXPECT_EQ(table.drop, expected.drop);
    EXPECT_EQ(table.copy_stmt, "");
    EXPECT_EQ(table.schema, "s");
    EXPECT_EQ(table.tablespace, "fast");
    EXPECT_EQ(table.owner, "app");
    EXPECT_THAT(table.dependencies, ElementsAre(8, 3));
    const auto& data = reader.entries()[1];
    EXPECT_TRUE(data.has_data);
    EXPECT_EQ(data.section, Section::data);
    EXPECT_EQ(data.copy_stmt, sample_table_data().copy_stmt);
    EXPECT_THAT(data.dependencies, ElementsAre(217));
}

class EveryVersion : public testing::TestWithParam<int> {};

TEST_P(EveryVersion, GivesHeaderAndEntries) {
    const auto reader = read(sample({.minor = GetParam()}).build());

    expect_sample(reader);
    EXPECT_EQ(reader.header().version_major, 1);
    EXPECT_EQ(reader.header().version_minor, GetParam());
    EXPECT_EQ(reader.header().compression, Compression::none);
    EXPECT_EQ(reader.header().database, "app");
    EXPECT_EQ(reader.header().server_version, "15.18 (Debian 15.18-0+deb12u1)");
    EXPECT_EQ(reader.header().pg_dump_version, "15.20");
}

TEST_P(EveryVersion, ReadsPiecesOfOneByte) {
    const auto archive = sample({.minor = GetParam()}).build();
    TocReader reader;
    for (const char& c : archive) {
        ASSERT_EQ(reader.state(), TocState::reading);
        ASSERT_EQ(reader.feed(as_bytes({&c, 1})), 1U);
    }
    expect_sample(reader);
}

TEST_P(EveryVersion, IsNeverCompleteBeforeTheLastByte) {
    const auto archive = sample({.minor = GetParam()}).build();
    for (std::size_t size = 0; size < archive.size(); ++size) {
        const auto reader = read(archive.substr(0, size));
        ASSERT_EQ(reader.state(), TocState::reading) << "at " << size;
        ASSERT_EQ(reader.verdict().error().kind, ErrorKind::corrupt);
    }
}

INSTANTIATE_TEST_SUITE_P(From12To16, EveryVersion, testing::Range(12, 17));

class UnknownVersion : public testing::TestWithParam<int> {};

TEST_P(UnknownVersion, IsAVerdictOfItsOwnAndNothingIsGuessed) {
    const auto reader = read(sample({.minor = GetParam()}).build());

    EXPECT_EQ(reader.state(), TocState::unknown_version);
    EXPECT_THAT(reader.entries(), IsEmpty());
    EXPECT_THAT(reader.verdict().error().what, HasSubstr("(1." + std::to_string(GetParam()) + ")"));
}

INSTANTIATE_TEST_SUITE_P(BelowAndAbove, UnknownVersion, testing::Values(0, 11, 17, 255));

TEST(TocReader, TakesNoByteBehindTheTableOfContents) {
    const auto head = sample().build();
    TocReader reader;

    EXPECT_EQ(reader.feed(as_bytes(head + "\x01 rows")), head.size());
    EXPECT_EQ(reader.feed(as_bytes("more rows")), 0U);

    expect_sample(reader);
    EXPECT_EQ(reader.size(), head.size());
}

TEST(TocReader, IsCompleteWithoutEntries) {
    EXPECT_TRUE(read(ArchiveBuilder().build()).complete());
}

TEST(TocReader, TakesTheSizeOfNumbersFromTheHeader) {
    expect_sample(read(sample({.integer_size = 8, .offset_size = 4}).build()));
    expect_sample(read(sample({.integer_size = 3, .offset_size = 1}).build()));
}

TEST(TocReader, RefusesSizesOfNumbersThatItCannotHold) {
    EXPECT_EQ(read(sample({.integer_size = 9}).build()).state(), TocState::unknown_version);
    EXPECT_EQ(read(sample({.integer_size = 0}).build()).state(), TocState::unknown_version);
    EXPECT_EQ(read(sample({.offset_size = 32}).build()).state(), TocState::unknown_version);
}

TEST(TocReader, LeavesOtherFormatsAlone) {
    EXPECT_EQ(read(sample({.format = 3}).build()).state(), TocState::unknown_version);
}

TEST(TocReader, RefusesWhatDoesNotBeginLikeAnArchive) {
    const auto reader = read("--\n-- PostgreSQL database dump\n--\n");
    EXPECT_EQ(reader.state(), TocState::malformed);
    EXPECT_THAT(reader.verdict().error().what, HasSubstr("signature"));
}

struct CompressionCase {
    int minor;
    int stored;
    Compression meaning;
};

class CompressionField : public testing::TestWithParam<CompressionCase> {};

TEST_P(CompressionField, MeansALevelUpTo14AndAnAlgorithmFrom15On) {
    const auto& [minor, stored, meaning] = GetParam();
    const auto reader = read(sample({.minor = minor, .compression = stored}).build());
    expect_sample(reader);
    EXPECT_EQ(reader.header().compression, meaning);
}

INSTANTIATE_TEST_SUITE_P(
    Values, CompressionField,
    testing::Values(CompressionCase{14, 0, Compression::none}, CompressionCase{14, -1, Compression::gzip},
                    CompressionCase{13, 9, Compression::gzip}, CompressionCase{15, 1, Compression::gzip},
                    CompressionCase{15, 2, Compression::lz4}, CompressionCase{16, 3, Compression::zstd},
                    CompressionCase{16, 77, Compression::unknown}));

TEST(TocReader, KeepsOnlyTheEntriesThatAreWanted) {
    TocOptions options;
    options.wanted = [](std::string_view desc, std::string_view) {
        return desc == "TABLE DATA" ? TocFields::everything() : TocFields::nothing();
    };
    const auto reader = read(sample().build(), std::move(options));

    ASSERT_TRUE(reader.complete());
    ASSERT_THAT(reader.entries(), SizeIs(1));
    EXPECT_EQ(reader.entries()[0].copy_stmt, sample_table_data().copy_stmt);
}

TEST(TocReader, AsksWithTheKindAndTheTag) {
    std::vector<std::string> asked;
    TocOptions options;
    options.wanted = [&](std::string_view desc, std::string_view tag) {
        asked.push_back(std::string(desc) + "|" + std::string(tag));
        return TocFields::nothing();
    };
    (void)read(sample().build(), std::move(options));
    EXPECT_THAT(asked, ElementsAre("TABLE|Tab\"le\nnl", "TABLE DATA|Tab\"le\nnl"));
}

TEST(TocReader, LeavesOutTheTextsThatAreNotWanted) {
    TocOptions options;
    options.wanted = [](std::string_view, std::string_view) { return TocFields::only_names(); };
    const auto reader = read(sample().build(), std::move(options));

    ASSERT_THAT(reader.entries(), SizeIs(2));
    const auto& table = reader.entries()[0];
    EXPECT_EQ(table.owner, "app");
    EXPECT_EQ(table.schema, "s");
    EXPECT_EQ(table.defn + table.drop + reader.entries()[1].copy_stmt, "");
    EXPECT_THAT(table.dependencies, IsEmpty());
}

TEST(TocReader, HandsEntriesOverInsteadOfGatheringThem) {
    std::vector<std::int32_t> taken;
    TocOptions options;
    options.take = [&](const TocEntry& entry) { taken.push_back(entry.dump_id); };
    const auto reader = read(sample().build(), std::move(options));

    EXPECT_THAT(taken, ElementsAre(217, 3543));
    EXPECT_THAT(reader.entries(), IsEmpty());
}

TEST(TocReader, GivesUpRatherThanKeepMoreThanAllowed) {
    ArchiveBuilder archive;
    for (int id = 1; id <= 100; ++id) {
        archive.add(sample_table(id));
    }
    TocOptions options;
    options.keep_at_most = 10'000;
    const auto reader = read(archive.build(), std::move(options));

    EXPECT_EQ(reader.state(), TocState::gave_up);
    EXPECT_THAT(reader.entries(), Not(IsEmpty()));
    EXPECT_LT(reader.entries().size(), 40U);
}

TEST(TocReader, CountsOnlyTheEntryInHandWhenEntriesAreHandedOver) {
    ArchiveBuilder archive;
    for (int id = 1; id <= 1000; ++id) {
        archive.add(sample_table(id));
    }
    std::size_t taken = 0;
    TocOptions options;
    options.keep_at_most = 10'000;
    options.take = [&](const TocEntry&) { ++taken; };

    EXPECT_TRUE(read(archive.build(), std::move(options)).complete());
    EXPECT_EQ(taken, 1000U);
}

TEST(TocReader, PassesOverLongTextsThatAreNotWanted) {
    auto table = sample_table();
    table.defn.assign(100'000, 'x');
    TocOptions options;
    options.keep_at_most = 10'000;
    options.wanted = [](std::string_view, std::string_view) { return TocFields::only_names(); };
    EXPECT_TRUE(read(ArchiveBuilder().add(table).build(), std::move(options)).complete());
}

TEST(TocReader, GivesUpOnDependenciesThatGrowWithoutEnd) {
    auto table = sample_table();
    table.dependencies.assign(10'000, 7);
    TocOptions options;
    options.keep_at_most = 10'000;
    EXPECT_EQ(read(ArchiveBuilder().add(table).build(), std::move(options)).state(), TocState::gave_up);
}

TEST(TocReader, GivesUpOnATextLongerThanAnyRealOne) {
    ArchiveBuilder archive;
    (void)archive.head();
    archive.integer(1).integer(5).integer(0).integer((std::int64_t{64} << 20U) + 1);
    EXPECT_EQ(read(archive.bytes()).state(), TocState::gave_up);
}

TEST(TocReader, GivesUpOnATableOfContentsLongerThanAnyRealOne) {
    const auto archive = sample().build();
    TocOptions options;
    options.longest_toc = archive.size() / 2;
    EXPECT_EQ(read(archive, std::move(options)).state(), TocState::gave_up);
}

TEST(TocReader, TurnsAnExceptionOfTheHandlerIntoAVerdict) {
    TocOptions options;
    options.take = [](const TocEntry&) { throw std::bad_alloc(); };
    const auto reader = read(sample().build(), std::move(options));
    EXPECT_EQ(reader.state(), TocState::gave_up);
}

// Each writes what no pg_dump writes in place of the number of entries or of the first entry's fields.
using Vandal = void (*)(ArchiveBuilder&);
class Broken : public testing::TestWithParam<Vandal> {};

TEST_P(Broken, IsMalformed) {
    ArchiveBuilder archive;
    (void)archive.head();
    GetParam()(archive);
    const auto reader = read(archive.bytes());
    EXPECT_EQ(reader.state(), TocState::malformed);
    EXPECT_EQ(reader.verdict().error().kind, ErrorKind::corrupt);
}

INSTANTIATE_TEST_SUITE_P(
    Entries, Broken,
    testing::Values([](ArchiveBuilder& a) { a.integer(-1); },                                 // a negative count
                    [](ArchiveBuilder& a) { a.byte(2).byte(1).byte(0).byte(0).byte(0); },     // a sign that is none
                    [](ArchiveBuilder& a) { a.byte(0).byte(0).byte(0).byte(0).byte(0x80); },  // beyond 32 bits
                    [](ArchiveBuilder& a) { a.integer(1).integer(0); },                       // dump id 0
                    [](ArchiveBuilder& a) { a.integer(1).integer(-5); },                      // a negative dump id
                    [](ArchiveBuilder& a) { a.integer(1).integer(5).integer(2); },  // neither with nor without data
                    [](ArchiveBuilder& a) { a.integer(1).integer(5).integer(0).integer(-2); },  // a length below NULL's
                    [](ArchiveBuilder& a) {
                        a.integer(1).integer(5).integer(0).text({"1\0", 2});
                    },  // a NUL in a text
                    [](ArchiveBuilder& a) {
                        a.integer(1).integer(5).integer(0).text("1").text("2").text("t").null_text();
                    },
                    [](ArchiveBuilder& a) {  // a section that is none
                        a.integer(1).integer(5).integer(0).text("1").text("2").text("t").text("TABLE").integer(5);
                    }));

std::string with_dependency(std::string_view dependency) {
    ArchiveBuilder a;
    (void)a.head();
    a.integer(1).integer(5).integer(0).text("1").text("2").text("t").text("TABLE").integer(2);
    a.text("").text("").null_text().text("").text("").text("").text("").text("false");
    a.text(dependency).null_text();
    return a.byte(3).integer(0).byte(0).byte(0).byte(0).bytes();
}

TEST(TocReader, ReadsDependenciesAsNumbers) {
    EXPECT_THAT(read(with_dependency("2147483647")).entries().at(0).dependencies, ElementsAre(2147483647));
}

TEST(TocReader, RefusesDependenciesThatAreNoDumpId) {
    for (const auto* text : {"", "0", "-1", "12x", " 12", "2147483648", "99999999999999999999"}) {
        EXPECT_EQ(read(with_dependency(text)).state(), TocState::malformed) << text;
    }
}

TEST(TocReader, RefusesAnUnknownOffsetState) {
    auto archive = ArchiveBuilder().add(sample_table()).build();
    archive[archive.size() - 9] = 4;
    EXPECT_EQ(read(archive).state(), TocState::malformed);
}

TEST(TocReader, NamesNeitherTablesNorTextsInItsVerdict) {
    auto table = sample_table();
    table.section = static_cast<Section>(9);
    const auto what = read(ArchiveBuilder().add(sample_table()).add(table).build()).verdict().error().what;
    EXPECT_THAT(what, HasSubstr("section (entry 2, byte "));
    EXPECT_THAT(what, Not(HasSubstr("Tab")));
}

TEST(TocReader, SurvivesAnyFlippedByte) {
    const auto good = sample({.minor = 16}).build();
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const int flip : {0x01, 0x02, 0x80, 0xFF}) {
            auto bad = good;
            bad[at] = static_cast<char>(bad[at] ^ flip);
            const auto reader = read(bad);
            for (const auto& entry : reader.entries()) {
                ASSERT_GT(entry.dump_id, 0);
            }
        }
    }
}

TEST(TocReader, GivesTheSameHoweverTheBytesAreCut) {
    const auto archive = sample({.minor = 16}).build();
    std::mt19937 random(7);  // NOLINT(cert-msc*): the same cuts in every run
    for (int round = 0; round < 200; ++round) {
        TocReader reader;
        std::string_view rest = archive;
        while (!rest.empty()) {
            const auto size = std::min<std::size_t>(rest.size(), random() % 50);
            EXPECT_EQ(reader.feed(as_bytes(rest.substr(0, size))), size);
            rest.remove_prefix(size);
        }
        expect_sample(reader);
    }
}

}  // namespace
}  // namespace lifeboat::archive
