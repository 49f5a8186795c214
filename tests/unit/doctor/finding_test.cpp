#include "doctor/finding.hpp"

#include <gtest/gtest.h>

namespace lifeboat::doctor {
namespace {

TEST(Finding, OfAnErrorFailsWithItsCure) {
    const auto finding = failed("server", Error{ErrorKind::temporary, "no connection", "start it", "names"});
    EXPECT_EQ(finding.outcome, Outcome::fail);
    EXPECT_EQ(finding.text, "no connection");
    EXPECT_EQ(finding.cure, "start it");
    EXPECT_EQ(finding.detail, "names");
}

TEST(Finding, OfWhatTheDoctorHadNoTimeForIsUnknown) {
    EXPECT_EQ(failed("server", Error{ErrorKind::interrupted, "stopped", {}, {}}).outcome, Outcome::unknown);
}

TEST(Findings, TheWorstCounts) {
    EXPECT_EQ(worst_of({}), Outcome::pass);
    EXPECT_EQ(worst_of({passed("a", ""), unknown("b", "")}), Outcome::unknown);
    EXPECT_EQ(worst_of({warned("a", "", ""), unknown("b", ""), passed("c", "")}), Outcome::warn);
    EXPECT_EQ(worst_of({warned("a", "", ""), failed("b", "", ""), passed("c", "")}), Outcome::fail);
}

}  // namespace
}  // namespace lifeboat::doctor
