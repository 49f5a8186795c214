#include "s3/bucket_config.hpp"

#include <gtest/gtest.h>

namespace lifeboat::s3 {
namespace {

std::string versioning(const std::string& inside) {
    return R"(<?xml version="1.0"?><VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)" +
           inside + "</VersioningConfiguration>";
}

TEST(BucketVersioning, IsOnSuspendedOrNeverWas) {
    EXPECT_EQ(parse_versioning(versioning("<Status>Enabled</Status>")), Versioning::on);
    EXPECT_EQ(parse_versioning(versioning("<Status>Suspended</Status><MfaDelete>Disabled</MfaDelete>")),
              Versioning::suspended);
    EXPECT_EQ(parse_versioning(versioning("")), Versioning::off);
}

TEST(BucketVersioning, IsNotGuessed) {
    for (const auto& body :
         {std::string(), std::string("<html/>"), std::string("<VersioningConfiguration>"),
          versioning("<Status>Perhaps</Status>"), versioning("<Status>Enabled</Status><Status>Suspended</Status>")}) {
        EXPECT_FALSE(parse_versioning(body)) << body;
    }
}

std::string lock(const std::string& inside) {
    return R"(<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)" + inside +
           "</ObjectLockConfiguration>";
}
std::string with_default(const std::string& retention) {
    return lock("<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>" + retention +
                "</DefaultRetention></Rule>");
}

TEST(BucketLock, HasADefaultRetentionInDaysOrYears) {
    const auto days = parse_object_lock(with_default("<Mode>COMPLIANCE</Mode><Days>30</Days>"));
    ASSERT_TRUE(days && days->enabled && days->retention);
    EXPECT_EQ(days->retention->mode, "COMPLIANCE");
    EXPECT_EQ(days->retention->days, 30U);
    const auto years = parse_object_lock(with_default("<Mode>GOVERNANCE</Mode><Years>2</Years>"));
    ASSERT_TRUE(years && years->retention);
    EXPECT_EQ(years->retention->mode, "GOVERNANCE");
    EXPECT_EQ(years->retention->days, 730U);
}

TEST(BucketLock, MayBeEnabledWithoutADefault) {
    const auto found = parse_object_lock(lock("<ObjectLockEnabled>Enabled</ObjectLockEnabled>"));
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->enabled);
    EXPECT_FALSE(found->retention);
    EXPECT_FALSE(parse_object_lock(lock(""))->enabled);
}

TEST(BucketLock, IsNotGuessed) {
    for (const auto& retention :
         {"<Mode>SOMEHOW</Mode><Days>30</Days>", "<Mode>COMPLIANCE</Mode>", "<Mode>COMPLIANCE</Mode><Days>x</Days>",
          "<Mode>COMPLIANCE</Mode><Days>-1</Days>", "<Mode>COMPLIANCE</Mode><Days>99999999999</Days>", ""}) {
        EXPECT_FALSE(parse_object_lock(with_default(retention))) << retention;
    }
    EXPECT_FALSE(parse_object_lock("<Error/>"));
}

}  // namespace
}  // namespace lifeboat::s3
