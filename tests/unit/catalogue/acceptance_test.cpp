#include "catalogue/acceptance.hpp"

#include "catalogue/trust.hpp"
#include "samples.hpp"
#include "support/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::catalogue {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Acceptance, ComesBackAsItWasWritten) {
    auto written = acceptance_of(some_id(), at(2026, 11, 22, 2, 20), {"app", "side"});
    written.settles = {"20261120T021700Z-0001"};
    const auto read = parse_acceptance(to_json(written, app()), app(), some_id());
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(read->id, some_id());
    EXPECT_EQ(read->stored, at(2026, 11, 22, 2, 20));
    EXPECT_EQ(read->accepted, at(2026, 11, 23));
    EXPECT_EQ(read->by, "owner@laptop");
    EXPECT_EQ(read->because, "it is right");
    EXPECT_THAT(read->lost_databases, ElementsAre("app", "side"));
    EXPECT_THAT(read->settles, ElementsAre("20261120T021700Z-0001"));
}

std::string refusal_of(const std::string& json) {
    const auto read = parse_acceptance(json, app(), some_id());
    return read ? "" : read.error().what;
}

std::string with(const std::string& from, const std::string& to) {
    std::string json = to_json(acceptance_of(some_id(), at(2026, 11, 22)), app());
    return json.replace(json.find(from), from.size(), to);
}

TEST(Acceptance, RefusesWhatIsNone) {
    EXPECT_THAT(refusal_of(""), HasSubstr("no JSON object"));
    EXPECT_THAT(refusal_of("[]"), HasSubstr("no JSON object"));
    EXPECT_THAT(refusal_of("{}"), HasSubstr("format"));
    EXPECT_THAT(refusal_of(with("acceptance/1", "acceptance/9")), HasSubstr("format"));
    EXPECT_THAT(refusal_of(with("7f3a", "7f3b")), HasSubstr("of another backup or instance"));
    EXPECT_THAT(refusal_of(with("\"app\"", "\"shop\"")), HasSubstr("of another backup or instance"));
    EXPECT_THAT(refusal_of(with("2026-11-22T00:00:00Z", "yesterday")), HasSubstr("'stored'"));
    EXPECT_THAT(refusal_of(with("\"it is right\"", "7")), HasSubstr("'because'"));
}

TEST(Acceptance, AcceptsNoLossOfWhatIsNoText) {
    const auto read =
        parse_acceptance(with("\"lost_databases\": []", "\"lost_databases\": [1, null]"), app(), some_id());
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_THAT(read->lost_databases, IsEmpty());
}

TEST(Acceptance, NamesInNoKnownEncodingDoNoHarm) {
    EXPECT_NE(to_json(acceptance_of(some_id(), at(2026, 11, 22), {"\xff"}), app()), "");
}

// ---- in the store ----

class AnAcceptanceInTheStore : public testing::TestWithParam<test::MemoryStore::Versions> {
protected:
    std::vector<Acceptance> there() {
        std::vector<Error> refused;
        auto read = read_acceptances(store_, app(), refused);
        EXPECT_TRUE(read);
        refused_ = refused.size();
        return *std::move(read);
    }

    test::MemoryStore store_{GetParam()};
    Acceptance word_ = acceptance_of(some_id(), at(2026, 11, 22, 2, 20));
    store::ObjectKey key_ = app().acceptance(some_id());
    std::size_t refused_ = 0;
};

TEST_P(AnAcceptanceInTheStore, IsWrittenOnce) {
    const auto stored = store_acceptance(store_, app(), word_);
    ASSERT_TRUE(stored);
    EXPECT_FALSE(stored->replaced);
    auto another = word_;
    another.because = "another reason";
    const auto again = store_acceptance(store_, app(), another);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::exists);
    ASSERT_EQ(there().size(), 1U);
    EXPECT_EQ(there()[0].because, "it is right");
}

// Whoever has a writer's key knows the id as soon as the owner does.
TEST_P(AnAcceptanceInTheStore, TakesThePlaceOfWhatIsNone) {
    ASSERT_TRUE(store::put(store_, key_, stream::as_bytes("{}")));
    store_.overwrite(key_, "rubbish", at(2026, 11, 23));
    store_.hide(key_, at(2026, 11, 23));
    ASSERT_TRUE(store::put(store_, store::ObjectKey::parse(key_.text() + ".old").value(), stream::as_bytes("x")));
    const auto stored = store_acceptance(store_, app(), word_);
    ASSERT_TRUE(stored) << stored.error().what;
    EXPECT_TRUE(stored->replaced);
    ASSERT_EQ(there().size(), 1U);
    EXPECT_EQ(refused_, 0U);
    EXPECT_TRUE(store::get(store_, store::ObjectKey::parse(key_.text() + ".old").value(), "", 10)) << "another object";
}

TEST_P(AnAcceptanceInTheStore, TellsTheWaysThatAreLeftWhereTheKeyMayNotDelete) {
    ASSERT_TRUE(store::put(store_, key_, stream::as_bytes("rubbish")));
    test::FaultScript script;
    script.fail("remove", 1, failed("AccessDenied", {}));
    test::FlakyStore flaky(store_, script);
    const auto stored = store_acceptance(flaky, app(), word_);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(stored.error().what, HasSubstr(key_.text()));
    EXPECT_THAT(stored.error().next, HasSubstr("accept a later backup"));
}

INSTANTIATE_TEST_SUITE_P(Stores, AnAcceptanceInTheStore,
                         testing::Values(test::MemoryStore::Versions::kept, test::MemoryStore::Versions::none));

}  // namespace
}  // namespace lifeboat::catalogue
