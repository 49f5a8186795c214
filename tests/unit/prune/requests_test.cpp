// How many requests a prune makes, as docs/retention.md states it, over S3.
#include "prune/prune.hpp"

#include "store/s3_store.hpp"
#include "stored_backups.hpp"
#include "support/fake_s3.hpp"
#include "support/fake_timer.hpp"

#include <gmock/gmock.h>

namespace lifeboat::prune {
namespace {

constexpr std::size_t backups = 30;
constexpr std::size_t versions_of_one = 3;  // manifest, a database, the globals
constexpr std::size_t page = 10;

class Requests : public testing::Test {
protected:
    Requests() {
        server_.page = page;
        for (std::size_t i = 0; i < backups; ++i) {
            const auto id = id_at(at(2026, 1, 1) + std::chrono::hours(i));
            const auto manifest = StoredBackups::made(id, {"shop"});
            for (const auto& object : manifest.all_objects()) {
                server_.add(object.key.text(), "abc");
            }
            server_.add(app().manifest(id).text(), to_json(manifest));
        }
        store::S3Options options;
        options.bucket = "bucket";
        options.endpoint = "https://s3.example.test";
        options.region = "nowhere-1";
        options.credentials = s3::always({"id", Secret("key"), {}});
        store_ = store::open_s3(options, server_, timer_).value();
        server_.forget_log();
    }
    Plan planned(unsigned keep_last) {
        Wishes wishes;
        wishes.policy = {.last = keep_last};
        wishes.max_delete = 100;
        auto plan = make_plan(*store_, app(), wishes, std::chrono::system_clock::now());
        EXPECT_TRUE(plan) << plan.error().what;
        return *std::move(plan);
    }
    [[nodiscard]] std::size_t count(const std::string& operation) const { return server_.log_of(operation).size(); }

    test::FakeS3 server_;
    test::FakeTimer timer_;
    std::unique_ptr<store::ObjectStore> store_;
};

TEST_F(Requests, ToSeeWhatThereIsAreAListForEachPageAndAReadForEachBackup) {
    EXPECT_EQ(planned(backups).rows.size(), backups);
    EXPECT_EQ(count("ListObjectVersions"), backups * versions_of_one / page);
    EXPECT_EQ(count("GetObject"), backups);
    EXPECT_EQ(count("ListMultipartUploads"), 1U);
    EXPECT_EQ(server_.log().size(), backups * versions_of_one / page + backups + 1) << "and nothing else";
}

TEST_F(Requests, ToDeleteAreThreeListsAndOneOfAllManifestsForEachBackupAndOneForEachVersion) {
    const auto plan = planned(backups - 4);
    ASSERT_EQ(plan.going(), 4U);
    server_.forget_log();
    EXPECT_EQ(carry_out(*store_, plan).gone.size(), 4U);
    const std::size_t lists = 3 + backups / page;
    EXPECT_EQ(count("ListObjectVersions"), 4 * lists);
    EXPECT_EQ(count("DeleteObject"), 4 * versions_of_one);
    EXPECT_EQ(server_.log().size(), 4 * lists + 4 * versions_of_one) << "and nothing else";
    for (const auto& request : server_.log_of("DeleteObject")) {
        EXPECT_FALSE(request.asked("versionId").empty()) << "a deletion by name only hides";
    }
}

TEST_F(Requests, ToClearWhatIsLeftAreAListForEachPage) {
    ASSERT_TRUE(clear_remains(*store_, app(), std::chrono::hours(24), at(2036, 1, 1)));
    EXPECT_EQ(server_.log().size(), backups * versions_of_one / page);
}

// The words of a lock tell it from a key without the right.
TEST_F(Requests, ThatAreRefusedForALockLeaveTheBackupAndSayIt) {
    const auto plan = planned(backups - 2);
    server_.instead = [](const test::S3Request& request) -> std::optional<s3::HttpReply> {
        if (request.operation != "DeleteObject") {
            return std::nullopt;
        }
        return test::s3_error(403, "AccessDenied", "Access Denied because object protected by object lock.");
    };
    auto outcome = carry_out(*store_, plan);
    ASSERT_EQ(outcome.left.size(), 2U);
    EXPECT_EQ(outcome.left[0].why.kind, ErrorKind::refused);
    EXPECT_FALSE(outcome.may_not());
    EXPECT_FALSE(outcome.failure);

    server_.instead = [](const test::S3Request& request) -> std::optional<s3::HttpReply> {
        return request.operation == "DeleteObject" ? std::optional(test::s3_error(403, "AccessDenied", "Access Denied"))
                                                   : std::nullopt;
    };
    outcome = carry_out(*store_, plan);
    EXPECT_TRUE(outcome.may_not());
    EXPECT_TRUE(outcome.gone.empty());
}

}  // namespace
}  // namespace lifeboat::prune
