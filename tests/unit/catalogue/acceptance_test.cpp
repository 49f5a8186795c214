#include "catalogue/acceptance.hpp"

#include "samples.hpp"

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

}  // namespace
}  // namespace lifeboat::catalogue
