// What is in a bucket, and how it is removed.
#include "bucket_fixture.hpp"

namespace lifeboat::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class BucketListing : public BucketStore {
protected:
    // "key version size", with a "-" where it hides.
    std::vector<std::string> shown() {
        std::vector<std::string> lines;
        auto status = store().list("", [&](const store::ObjectInfo& info) {
            lines.push_back((info.hide_marker ? "-" : "") + info.key.text() + " " + info.version_id + " " +
                            std::to_string(info.size));
            return done();
        });
        if (!status) {
            lines.push_back("error: " + status.error().what);
        }
        return lines;
    }
    static Status nothing(const store::ObjectInfo& /*info*/) { return done(); }
};

TEST_F(BucketListing, ShowsEveryVersionTheOldestFirst) {
    for (const std::size_t page : {std::size_t{1}, std::size_t{2}, std::size_t{1000}}) {
        FakeS3 bucket;
        bucket.page = page;
        bucket.add("backups/a", "1");    // version-1
        bucket.add("backups/a", "22");   // version-2
        bucket.hide("backups/a");        // marker-3
        bucket.add("backups/b", "333");  // version-4
        bucket.add("elsewhere/c", "4444");
        auto opened = store::open_s3(options, bucket, timer).value();
        std::vector<std::string> lines;
        ASSERT_TRUE(opened
                        ->list("",
                               [&](const store::ObjectInfo& info) {
                                   lines.push_back((info.hide_marker ? "-" : "") + info.key.text() + " " +
                                                   info.version_id + " " + std::to_string(info.size));
                                   return done();
                               })
                        .ok());
        EXPECT_THAT(lines, ElementsAre("a version-1 1", "a version-2 2", "-a marker-3 0", "b version-4 3")) << page;
        EXPECT_TRUE(opened->lists_everything());
    }
}

TEST_F(BucketListing, AsksBelowItsPrefixWithItsSlash) {
    EXPECT_THAT(shown(), IsEmpty());
    EXPECT_EQ(server.log().front().asked("prefix"), "backups/") << "keys of Backblaze B2 are bound to such a prefix";
}

TEST_F(BucketListing, PassesOverKeysThatCannotBeItsOwn) {
    server.add("backups/a b", "x");
    server.add("backups//a", "x");
    server.add("backups/a", "x");
    EXPECT_THAT(listed(store()), ElementsAre("a"));
}

TEST_F(BucketListing, DoesWithoutVersionsWhereThereAreNone) {
    for (const int status : {501, 405}) {
        FakeS3 bucket;
        bucket.versioned = false;
        bucket.versions_status = status;
        bucket.add("backups/a", "1");
        auto opened = store::open_s3(options, bucket, timer).value();
        EXPECT_THAT(listed(*opened), ElementsAre("a"));
        EXPECT_TRUE(opened->lists_everything());
        EXPECT_THAT(listed(*opened), ElementsAre("a"));
        EXPECT_THAT(bucket.log_of("ListObjectVersions"), SizeIs(1)) << "not asked a second time";
        EXPECT_TRUE(opened->remove(key("a"), "version-of-elsewhere").ok());
        EXPECT_THAT(listed(*opened), IsEmpty());
    }
}

TEST_F(BucketListing, SaysThatItMayNotSeeVersions) {
    server.versions_status = 403;
    server.add("backups/a", "1");
    EXPECT_THAT(listed(store()), ElementsAre("a"));
    EXPECT_FALSE(store().lists_everything());
}

TEST_F(BucketListing, LearnsNothingFromAKeyThatMayNotListAtAll) {
    server.versions_status = 403;
    server.lists_status = 403;
    EXPECT_THAT(listed(store()).at(0), HasSubstr("error: "));
    EXPECT_TRUE(store().lists_everything());
    server.versions_status = 200;
    server.lists_status = 200;
    server.add("backups/a", "1");
    EXPECT_THAT(shown(), ElementsAre("a version-1 1"));
}

TEST_F(BucketListing, DoesNotTakeAnUnwellServerForOneWithoutVersions) {
    fail("ListObjectVersions", s3_error(503, "SlowDown"), 1, always);
    timer.roll(500);
    EXPECT_THAT(listed(store()).at(0), HasSubstr("SlowDown"));
    EXPECT_THAT(server.log_of("ListObjectsV2"), IsEmpty());
}

TEST_F(BucketListing, TriesAPageAgain) {
    server.page = 2;
    for (const char* name : {"a", "b", "c", "d", "e"}) {
        server.add(std::string("backups/") + name, "x");
    }
    fail("ListObjectVersions", s3_error(503, "SlowDown"), 2);
    EXPECT_THAT(listed(store()), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(BucketListing, RefusesAPageThatIsNone) {
    for (const char* body :
         {"", "<html/>", "<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>"}) {
        fail("ListObjectVersions", {200, {}, body, {}, {}});
        EXPECT_THAT(listed(store()), ElementsAre(HasSubstr("not understood"))) << body;
    }
}

TEST_F(BucketListing, DoesNotGoInCirclesWithAServerThatDoes) {
    fail("ListObjectVersions",
         {200,
          {},
          "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>x</NextKeyMarker>"
          "</ListVersionsResult>",
          {},
          {}},
         1, always);
    EXPECT_THAT(listed(store()), ElementsAre(HasSubstr("not understood")));
    fail("ListMultipartUploads",
         {200,
          {},
          "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>x</NextKeyMarker>"
          "</ListMultipartUploadsResult>",
          {},
          {}},
         1, always);
    EXPECT_THAT(unfinished_keys(store()), ElementsAre(HasSubstr("not understood")));
    server.versions_status = 501;
    fail("ListObjectsV2",
         {200,
          {},
          "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
          "</ListBucketResult>",
          {},
          {}},
         1, always);
    EXPECT_THAT(listed(store()), ElementsAre(HasSubstr("not understood")));
}

// --- Removing

TEST_F(BucketListing, RemovesOneVersionByItsId) {
    server.add("backups/a", "1");
    server.add("backups/a", "22");
    ASSERT_TRUE(store().remove(key("a"), "version-1").ok());
    EXPECT_THAT(shown(), ElementsAre("a version-2 2"));
    EXPECT_TRUE(store().remove(key("a"), "version-1").ok()) << "gone is gone";
}

TEST_F(BucketListing, RemovesEveryVersionAndHideMarkerByItsId) {
    server.add("backups/a", "1");
    server.add("backups/a", "22");
    server.hide("backups/a");
    server.add("backups/a2", "longer by name");
    ASSERT_TRUE(store().remove(key("a"), {}).ok());
    EXPECT_THAT(shown(), ElementsAre("a2 version-4 14"));
    for (const auto& request : server.log_of("DeleteObject")) {
        EXPECT_FALSE(request.asked("versionId").empty()) << "a deletion by name only hides";
    }
}

TEST_F(BucketListing, NeverDeletesByNameWhatMayHaveVersions) {
    server.add("backups/a", "1");
    server.versions_status = 403;
    const auto removed = store().remove(key("a"), {});
    ASSERT_FALSE(removed.ok());
    EXPECT_THAT(removed.error().next, HasSubstr("s3:ListBucketVersions"));
    EXPECT_THAT(server.log_of("DeleteObject"), IsEmpty());
}

TEST_F(BucketListing, DeletesByNameWhereThereAreNoVersions) {
    server.versioned = false;
    server.versions_status = 501;
    server.add("backups/a", "1");
    ASSERT_TRUE(store().remove(key("a"), {}).ok());
    EXPECT_THAT(server.versions("backups/a"), IsEmpty());
}

TEST_F(BucketListing, SaysWhichRightIsMissingToDelete) {
    server.add("backups/a", "1");
    server.may_delete = false;
    EXPECT_THAT(store().remove(key("a"), {}).error().next,
                AllOf(HasSubstr("deleteFiles"), HasSubstr("s3:DeleteObjectVersion")));
}

TEST_F(BucketListing, TakesALostReplyToADeletionForNoHarm) {
    server.add("backups/a", "1");
    lose_reply("DeleteObject");
    EXPECT_TRUE(store().remove(key("a"), "version-1").ok());
    EXPECT_THAT(server.versions("backups/a"), IsEmpty());
}

// --- What is unfinished

TEST_F(BucketListing, ShowsAndDiscardsWhatIsUnfinished) {
    server.page = 2;
    std::vector<std::unique_ptr<store::Upload>> uploads;
    for (const char* name : {"data/1", "data/2", "data/2", "data/3", "other/1"}) {
        uploads.push_back(store().begin(key(name)).value());
        ASSERT_TRUE(uploads.back()->write(stream::as_bytes(content_of(2 * bucket_part_size))).ok());
    }
    EXPECT_THAT(unfinished_keys(store(), "data/"), ElementsAre("data/1", "data/2", "data/2", "data/3"));
    const std::vector<store::UnfinishedUpload> found = store().unfinished("data/").value();
    for (const auto& upload : found) {
        EXPECT_TRUE(store().discard(upload).ok());
        EXPECT_TRUE(store().discard(upload).ok()) << "gone is gone";
    }
    EXPECT_THAT(server.open_uploads(), SizeIs(1));
    EXPECT_EQ(server.open_uploads().begin()->second.key, "backups/other/1");
}

}  // namespace
}  // namespace lifeboat::test
