#include "catalogue/backup_id.hpp"

#include "samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace lifeboat::catalogue {
namespace {

using testing::MatchesRegex;
using testing::StartsWith;

TEST(BackupId, IsItsStartInUtcAndARandomTail) {
    const auto id = BackupId::make(at(2026, 1, 2, 3, 4, 5) + std::chrono::milliseconds(999));
    EXPECT_THAT(id.text(), MatchesRegex("20260102T030405Z-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]"));
    EXPECT_TRUE(BackupId::parse(id.text()));
}

TEST(BackupId, DiffersForRunsOfTheSameSecond) {
    std::set<BackupId> ids;
    for (int i = 0; i < 20; ++i) {
        ids.insert(BackupId::make(at(2026, 1, 2)));
    }
    EXPECT_GT(ids.size(), 10U);
}

TEST(BackupId, SortsByTime) {
    EXPECT_LT(BackupId::make(at(2026, 9, 30, 23, 59, 59)), BackupId::make(at(2026, 10, 1)));
}

TEST(BackupId, RefusesEveryOtherShape) {
    for (const std::string text : {"", "latest", "20261122T021700Z", "20261122T021700Z-7f3", "20261122T021700Z-7f3aa",
                                   "20261122T021700Z-7F3A", "20261122T021700Z-7f3g", "20261122t021700Z-7f3a",
                                   "2026-11-22T02:17:00Z", "../61122T021700Z-7f3a", "20261122T021700Z-7f3\n"}) {
        const auto id = BackupId::parse(text);
        ASSERT_FALSE(id) << text;
        EXPECT_EQ(id.error().kind, ErrorKind::usage);
    }
    EXPECT_LT(BackupId::parse(std::string(100'000, 'x')).error().what.size(), 100U) << "a message stays a message";
}

}  // namespace
}  // namespace lifeboat::catalogue
