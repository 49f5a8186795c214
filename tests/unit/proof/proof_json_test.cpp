#include "proof/proof_json.hpp"

#include "proof/differences.hpp"
#include "proof_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace lifeboat::proof {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Json = nlohmann::json;

class Text final : public stream::Sink {
public:
    Status write(stream::Bytes chunk) override {
        largest = std::max(largest, chunk.size());
        text += stream::as_text(chunk);
        return room > text.size() ? done() : Status(failed("disk full"));
    }
    Status finish() override {
        finished = true;
        return done();
    }

    std::string text;
    std::size_t largest = 0;
    std::size_t room = std::numeric_limits<std::size_t>::max();
    bool finished = false;
};

std::string written(const Proof& proof) {
    Text text;
    ProofWriter writer(text, proof.id, proof.instance);
    for (const auto& database : proof.databases) {
        EXPECT_TRUE(writer.add(database));
    }
    EXPECT_TRUE(writer.finish());
    EXPECT_TRUE(text.finished);
    return text.text;
}

TEST(ProofJson, IsAsDocumented) {
    EXPECT_EQ(
        written(sample_proof()),
        R"({"format":"lifeboat-proof/1","id":"20261122T142508Z-3313","instance":"basketball-api","algorithm":"xxh3-128-sum/1","databases":[
{"name":"app","archive_version":"1.14.0","large_objects":{"objects":2,"bytes":7,"hash":"00000000000000050000000000000006"},"tables":[
{"schema":"public","name":"orders","rows":3,"bytes":30,"hash":"00000000000000030000000000000004"},
{"schema":"public","name":"people","rows":4,"bytes":20,"hash":"00000000000000010000000000000002"}],"sequences":[
{"schema":"public","name":"people_id_seq","value":12,"called":true}],"entries":[
{"kind":"ACL","schema":"public","name":"TABLE people","owner":"app","privileges":"GRANT SELECT ON TABLE public.people TO reader;\n"},
{"kind":"INDEX","schema":"public","name":"people_name","owner":"app"},
{"kind":"TABLE","schema":"public","name":"people","owner":"app"}]}]}
)");
}

TEST(ProofJson, BindsTheGlobals) {
    Text text;
    ProofWriter writer(text, "20261122T142508Z-3313", "shop");
    writer.globals(std::string(64, 'a'));
    ASSERT_TRUE(writer.finish());
    const auto proof = parse_proof(text.text);
    ASSERT_TRUE(proof) << text.text;
    EXPECT_EQ(proof->globals_sha256, std::string(64, 'a'));
    EXPECT_EQ(parse_proof(written(sample_proof()))->globals_sha256, "") << "one of an earlier version";
}

TEST(ProofJson, IsReadBackAsItWas) {
    auto database = sample_database();
    auto& contents = database.contents;
    contents.tables[0].root = archive::QualifiedName{"public", "root"};
    contents.tables[1].totals.reset();
    contents.tables[1].unread = archive::Unread::not_copy_text;
    contents.tables.push_back(table("huge", std::numeric_limits<std::uint64_t>::max(),
                                    std::numeric_limits<std::uint64_t>::max(), {~0ULL, ~0ULL}));
    contents.tables.push_back(table("Ünï\n\"\x01", 0, 0, {}));
    contents.tables.push_back(table("latin \xFC\xFF", 1));
    contents.sequences = {{{"s", "low"}, std::numeric_limits<std::int64_t>::min(), true},
                          {{"s", "unknown"}, std::nullopt, false}};
    contents.entries.emplace_back("TABLE", "", "\xC3", "\xFF", "");
    auto proof = sample_proof();
    proof.databases[0] = database;
    proof.databases.push_back({"lat\xEDn", "", "the archive was \"odd\"", {}});
    proof.databases.back().contents.kept = archive::Kept::nothing;
    proof.databases.push_back(sample_database());
    proof.databases.back().contents.entries.clear();
    proof.databases.back().contents.kept = archive::Kept::tables;

    const auto read = parse_proof(written(proof));
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(read->id, proof.id);
    EXPECT_EQ(read->instance, proof.instance);
    ASSERT_THAT(read->databases, SizeIs(3));
    EXPECT_EQ(read->databases[0].contents.kept, archive::Kept::all);
    EXPECT_EQ(read->databases[1].contents.kept, archive::Kept::nothing);
    EXPECT_EQ(read->databases[2].contents.kept, archive::Kept::tables);
    EXPECT_THAT(read->databases[2].contents.tables, SizeIs(2));
    EXPECT_EQ(read->databases[1].name, "lat\xEDn");
    EXPECT_EQ(read->databases[1].not_proven, proof.databases[1].not_proven);
    EXPECT_EQ(read->databases[1].contents.large_objects, std::nullopt);
    EXPECT_EQ(read->databases[0].archive_version, "1.14.0");
    const auto& back = read->databases[0].contents;
    ASSERT_EQ(back.tables.size(), contents.tables.size());
    for (std::size_t i = 0; i < back.tables.size(); ++i) {
        EXPECT_EQ(back.tables[i].table, contents.tables[i].table);
        EXPECT_EQ(back.tables[i].root, contents.tables[i].root);
        EXPECT_EQ(back.tables[i].totals, contents.tables[i].totals);
        EXPECT_EQ(back.tables[i].unread, contents.tables[i].unread);
    }
    ASSERT_THAT(back.sequences, SizeIs(2));
    EXPECT_EQ(back.sequences[0].value, contents.sequences[0].value);
    EXPECT_EQ(back.sequences[1].value, std::nullopt);
    EXPECT_EQ(back.large_objects, contents.large_objects);
    EXPECT_EQ(back.entries, contents.entries);
}

TEST(ProofJson, KeepsNamesApartThatAreNotUtf8) {
    auto proof = sample_proof();
    proof.databases[0].contents.tables = {table("\xFC", 1), table("\xFD", 1)};
    const auto read = parse_proof(written(proof));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->databases[0].contents.tables[0].table.name, "\xFC");
    EXPECT_EQ(read->databases[0].contents.tables[1].table.name, "\xFD");
    EXPECT_THAT(written(proof), HasSubstr(R"("name":{"hex":"fc"})"));
}

TEST(ProofJson, IsADocumentWithoutAnyDatabase) {
    auto proof = sample_proof();
    proof.databases.clear();
    const auto read = parse_proof(written(proof));
    ASSERT_TRUE(read);
    EXPECT_THAT(read->databases, IsEmpty());
}

TEST(ProofJson, IgnoresFieldsThatItDoesNotKnow) {
    auto json = Json::parse(written(sample_proof()));
    json["novel"] = 1;
    json["databases"][0]["novel"] = {1};
    json["databases"][0]["tables"][0]["novel"] = "x";
    const auto read = parse_proof(json.dump());
    ASSERT_TRUE(read);
    EXPECT_THAT(differences(*read, sample_proof()), IsEmpty());
}

TEST(ProofJson, WritesInPiecesOfBoundedSize) {
    auto database = sample_database();
    database.contents.entries.clear();
    for (int i = 0; i < 20'000; ++i) {
        database.contents.entries.emplace_back("TABLE", "public", "table_" + std::to_string(i), "app", "");
    }
    Text text;
    ProofWriter writer(text, "id", "instance");
    ASSERT_TRUE(writer.add(database));
    ASSERT_TRUE(writer.finish());
    EXPECT_GT(text.text.size(), 1'000'000U);
    EXPECT_LT(text.largest, 70'000U);
    EXPECT_THAT(parse_proof(text.text)->databases[0].contents.entries, SizeIs(20'000));
}

TEST(ProofJson, HandsOnTheErrorsOfTheSink) {
    auto database = sample_database();
    database.contents.entries.assign(10'000, database.contents.entries[0]);
    Text full;
    full.room = 100'000;
    ProofWriter writer(full, "id", "instance");
    EXPECT_FALSE(writer.add(database));

    Text none;
    none.room = 0;
    ProofWriter late(none, "id", "instance");
    ASSERT_TRUE(late.add(sample_database()));
    EXPECT_FALSE(late.finish());
    EXPECT_FALSE(none.finished);
}

// Each makes one field of a good proof into something that it may not be.
struct Vandal {
    const char* name;
    void (*change)(Json& proof);
    std::string says;
};

void PrintTo(const Vandal& vandal, std::ostream* out) {
    *out << vandal.name;
}

class BrokenProof : public testing::TestWithParam<Vandal> {};

TEST_P(BrokenProof, IsRefusedByTheNameOfTheField) {
    auto json = Json::parse(written(sample_proof()));
    GetParam().change(json);
    const auto read = parse_proof(json.dump());
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(read.error().what, HasSubstr(GetParam().says));
    EXPECT_THAT(read.error().what, Not(HasSubstr("people")));
}

Json& first_table(Json& proof) {
    return proof["databases"][0]["tables"][0];
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BrokenProof,
    testing::Values(
        Vandal{"another format", [](Json& j) { j["format"] = "lifeboat-proof/2"; }, "format"},
        Vandal{"another algorithm", [](Json& j) { j["algorithm"] = "xxh3-128-sum/2"; }, "algorithm"},
        Vandal{"no id", [](Json& j) { j.erase("id"); }, "'id' is missing"},
        Vandal{"no list", [](Json& j) { j["databases"] = 1; }, "'databases' is no list"},
        Vandal{"a list", [](Json& j) { j = Json::array(); }, "'format' is missing"},
        Vandal{"no tables", [](Json& j) { j["databases"][0].erase("tables"); }, "'tables' is missing"},
        Vandal{"negative rows", [](Json& j) { first_table(j)["rows"] = -1; }, "'rows'"},
        Vandal{"half a byte", [](Json& j) { first_table(j)["bytes"] = 1.5; }, "'bytes'"},
        Vandal{"a short hash", [](Json& j) { first_table(j)["hash"] = "00"; }, "'hash'"},
        Vandal{"no hash", [](Json& j) { first_table(j).erase("hash"); }, "'hash' is missing"},
        Vandal{"an unknown reason", [](Json& j) { first_table(j)["unread"] = "lazy"; }, "'unread'"},
        Vandal{"a name of numbers", [](Json& j) { first_table(j)["name"] = 5; }, "'name' is no text"},
        Vandal{"odd hex",
               [](Json& j) {
                   first_table(j)["name"] = Json{{"hex", "abc"}};
               },
               "'name'"},
        Vandal{"no hex",
               [](Json& j) {
                   first_table(j)["name"] = Json{{"hex", "zz"}};
               },
               "'name'"},
        Vandal{"a NUL", [](Json& j) { first_table(j)["name"] = std::string("a\0b", 3); }, "'name' holds a NUL"},
        Vandal{"a NUL in hex",
               [](Json& j) {
                   first_table(j)["name"] = Json{{"hex", "00"}};
               },
               "'name'"},
        Vandal{"a value too large",
               [](Json& j) { j["databases"][0]["sequences"][0]["value"] = std::uint64_t{1} << 63U; }, "'value'"},
        Vandal{"a value without called", [](Json& j) { j["databases"][0]["sequences"][0].erase("called"); },
               "'called' is missing"},
        Vandal{"called once", [](Json& j) { j["databases"][0]["sequences"][0]["called"] = 1; }, "'called'"},
        Vandal{"an entry without a kind", [](Json& j) { j["databases"][0]["entries"][0].erase("kind"); }, "'kind'"}));

TEST(ProofJson, RefusesWhatIsCutOff) {
    const auto whole = written(sample_proof());
    for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
        ASSERT_FALSE(parse_proof(whole.substr(0, size))) << size;
    }
}

TEST(Totals, AreSumsOverAllTables) {
    EXPECT_EQ(totals_of(sample_database()), (Totals{2, 7, 57, 1, 2}));
}

TEST(Totals, AreNeverSumsOfAPart) {
    auto database = sample_database();
    database.contents.tables[0].totals.reset();
    EXPECT_EQ(totals_of(database), std::nullopt);
    database = sample_database();
    database.contents.large_objects.reset();
    EXPECT_EQ(totals_of(database), std::nullopt);
    database = sample_database();
    database.contents.kept = archive::Kept::nothing;
    EXPECT_EQ(totals_of(database), std::nullopt);
    database.contents.kept = archive::Kept::tables;
    EXPECT_EQ(totals_of(database), (Totals{2, 7, 57, 1, 2}));
}

DatabaseProof proof_of_bytes(std::string_view archive) {
    archive::ContentsReader reader;
    reader.feed(stream::as_bytes(archive));
    reader.finish();
    return proof_of("app", std::move(reader));
}

TEST(ProofOf, TakesTheVersionAndTheVerdict) {
    const auto none = proof_of_bytes("");
    EXPECT_EQ(none.archive_version, "");
    EXPECT_THAT(none.not_proven, HasSubstr("ends inside its table of contents"));
    const auto newer = proof_of_bytes("PGDMP\x01\x11\x02\x04\x08\x01");
    EXPECT_EQ(newer.archive_version, "1.17.2");
    EXPECT_THAT(newer.not_proven, HasSubstr("unknown version (1.17)"));
}

}  // namespace
}  // namespace lifeboat::proof
