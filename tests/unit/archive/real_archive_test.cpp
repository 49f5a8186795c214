// What pg_dump 15.20 itself wrote (-Fc -Z0, into a pipe), of a database called `My "db" x` with odd names, privileges
// granted by others, policies, user mappings, large objects, default privileges and settings per role.
#include "archive/contents.hpp"
#include "archive/prerequisites.hpp"
#include "plain_contents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace lifeboat::archive {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::string data(const std::string& name) {
    std::ifstream file(ARCHIVE_TEST_DATA "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string archive() {
    return data("pg_dump_15.dump");
}

TEST(RealArchive, ReadsAsPgRestoreListsIt) {
    const auto bytes = archive();
    TocReader reader;
    const auto taken = reader.feed(stream::as_bytes(bytes));

    ASSERT_TRUE(reader.complete());
    EXPECT_THAT(reader.entries(), SizeIs(38));
    EXPECT_EQ(reader.header().version_minor, 14);
    EXPECT_EQ(reader.header().compression, Compression::none);
    EXPECT_EQ(reader.header().database, "My \"db\" x");
    EXPECT_EQ(reader.header().server_version, "15.20 (Debian 15.20-0+deb12u1)");
    ASSERT_LT(taken, bytes.size());
    EXPECT_EQ(bytes[taken], '\x01') << "the first data block begins behind the table of contents";
}

TEST(RealArchive, IsCompleteAndGivesItsContents) {
    ContentsReader reader;
    reader.feed(stream::as_bytes(archive()));
    reader.finish();

    ASSERT_EQ(reader.state(), ContentsState::complete) << reader.verdict().error().what;
    ASSERT_THAT(reader.contents().tables, SizeIs(2));
    const auto& odd = reader.contents().tables[0];
    const auto& plain = reader.contents().tables[1];
    EXPECT_EQ(odd.table.name, "Tab\"le\nnl");
    EXPECT_EQ(odd.totals, RowTotals());
    EXPECT_EQ(plain.table, (QualifiedName{"s", "t"}));
    EXPECT_EQ(plain.totals, totals_of({"1\tx\\ny\\\\z\n", "2\t\\N\n"}));
    EXPECT_EQ(reader.contents().large_objects, totals_of_objects({{0x1267, "abc"}}));
    EXPECT_THAT(reader.contents().entries, SizeIs(38));
}

// In the form of every_kind_of_table_15.txt.
std::string listed(const Contents& contents) {
    std::string text;
    const auto line = [&text](const std::vector<std::string>& words) {
        for (const auto& word : words) {
            text += word + "\t";
        }
        text.back() = '\n';
    };
    for (const auto& table : contents.tables) {
        const auto read = table.totals.value_or(RowTotals());
        line({"table", table.table.schema, table.table.name, std::to_string(read.rows), std::to_string(read.bytes),
              read.hash.hex()});
    }
    for (const auto& [sequence, value, called] : contents.sequences) {
        line(
            {"sequence", sequence.schema, sequence.name, std::to_string(value.value_or(0)), called ? "true" : "false"});
    }
    const auto objects = contents.large_objects.value_or(LargeObjectTotals());
    line({"large_objects", std::to_string(objects.objects), std::to_string(objects.bytes), objects.hash.hex()});
    return text;
}

TEST(RealArchive, HoldsOfEveryKindOfTableWhatTheServerCounted) {
    const auto bytes = data("every_kind_of_table_15.dump");
    for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, bytes.size()}) {
        ContentsReader reader;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            reader.feed(stream::as_bytes(std::string_view(bytes).substr(at, piece)));
        }
        reader.finish();
        ASSERT_EQ(reader.state(), ContentsState::complete) << reader.verdict().error().what;
        EXPECT_EQ(listed(reader.contents()), data("every_kind_of_table_15.txt"));
    }
}

TEST(RealArchive, NamesTheRootOfPartitionsThatAreLoadedThroughIt) {
    ContentsReader reader;
    reader.feed(stream::as_bytes(data("every_kind_of_table_15.dump")));
    reader.finish();
    std::vector<std::string> loaded_through;
    for (const auto& table : reader.contents().tables) {
        if (table.root) {
            loaded_through.push_back(table.table.name + " " + table.root->name);
        }
    }
    // An enum's hash is another one on another server; ranges stay where they are.
    EXPECT_THAT(loaded_through, ElementsAre("hashed_0 hashed", "hashed_1 hashed"));
}

TEST(RealArchive, MarksTheEntriesThatOwnDataBlocks) {
    TocReader reader;
    reader.feed(stream::as_bytes(archive()));
    std::vector<std::string> with_data;
    for (const auto& entry : reader.entries()) {
        if (entry.has_data) {
            with_data.push_back(entry.desc + " " + entry.tag);
        }
    }
    EXPECT_THAT(with_data, ElementsAre("TABLE DATA Tab\"le\nnl", "TABLE DATA t", "BLOBS BLOBS"));
}

TEST(RealArchive, TellsWhatAServerMustHave) {
    Prerequisites needs;
    TocReader reader(needs.options());
    reader.feed(stream::as_bytes(archive()));

    ASSERT_TRUE(reader.complete());
    EXPECT_EQ(needs.not_understood(), 0U);
    EXPECT_THAT(needs.roles(), UnorderedElementsAre("app", "bob", "postgres", "reader", "we\"ird; role",
                                                    "new\nline $x$ --", "Ünï -- /* x"));
    EXPECT_THAT(needs.extensions(), UnorderedElementsAre("citext", "hstore"));
    EXPECT_EQ(needs.encoding(), "UTF8");
    EXPECT_EQ(needs.database_owner(), "app");
}

TEST(RealArchive, GivesTheDatabaseUnderAnotherName) {
    TocReader reader;
    reader.feed(stream::as_bytes(archive()));
    std::vector<std::string> renamed;
    for (const auto& statement : database_statements(reader.entries())) {
        renamed.push_back(for_database(statement, "copy").value());
    }
    EXPECT_THAT(
        renamed,
        ElementsAre("CREATE DATABASE \"copy\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc "
                    "LOCALE = 'C.UTF-8'",
                    "COMMENT ON DATABASE \"copy\" IS 'about ON DATABASE \"My \"\"db\"\" x\"; ok\n'",
                    "REVOKE CONNECT,TEMPORARY ON DATABASE \"copy\" FROM PUBLIC",
                    "GRANT CONNECT ON DATABASE \"copy\" TO bob WITH GRANT OPTION",
                    "GRANT CREATE ON DATABASE \"copy\" TO \"we\"\"ird; role\"",
                    "ALTER DATABASE \"copy\" CONNECTION LIMIT = 7",
                    "ALTER DATABASE \"copy\" SET application_name TO 'ALTER DATABASE \"My \"\"db\"\" x\" SET x;'",
                    "ALTER DATABASE \"copy\" SET search_path TO 'a b', 'public'",
                    "ALTER ROLE app IN DATABASE \"copy\" SET work_mem TO '32MB'",
                    "ALTER ROLE \"new\nline $x$ --\" IN DATABASE \"copy\" SET statement_timeout TO '1s'"));
}

}  // namespace
}  // namespace lifeboat::archive
