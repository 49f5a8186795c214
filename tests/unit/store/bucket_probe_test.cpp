#include "store/bucket_probe.hpp"

#include "bucket_fixture.hpp"

namespace lifeboat::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ABucketProbe : public test::BucketStore {
protected:
    BucketProbe& probe() {
        if (!probe_) {
            probe_ = open_bucket_probe(options, server, timer).value();
        }
        return *probe_;
    }
    static s3::HttpReply says(std::string body) { return {200, {}, std::move(body), {}, {}}; }

    const ObjectKey key_ = ObjectKey::parse("clinic/RESTORE.txt").value();

private:
    std::unique_ptr<BucketProbe> probe_;
};

TEST_F(ABucketProbe, LearnsOfTheRightToWriteAndLeavesNothing) {
    EXPECT_TRUE(probe().may_write(key_));
    EXPECT_THAT(server.operations(), ElementsAre("CreateMultipartUpload", "AbortMultipartUpload"));
    expect_nothing_left("clinic/RESTORE.txt");
}

TEST_F(ABucketProbe, NamesTheRightThatIsMissing) {
    fail("CreateMultipartUpload", test::s3_error(403, "AccessDenied"));
    const auto may = probe().may_write(key_);
    ASSERT_FALSE(may);
    EXPECT_EQ(may.error().kind, ErrorKind::failed);
    EXPECT_THAT(may.error().next, HasSubstr("writeFiles"));
}

TEST_F(ABucketProbe, SaysSoWhenAnUploadCouldNotBeTakenBack) {
    fail("AbortMultipartUpload", test::s3_error(403, "AccessDenied"));
    EXPECT_FALSE(probe().may_write(key_));
}

TEST_F(ABucketProbe, TellsAnotherRegionFromAWrongKey) {
    EXPECT_TRUE(probe().greet("clinic/").listed);
    EXPECT_EQ(probe().greet("clinic/").region, "eu-west-1");
    fail("ListObjectsV2", test::s3_error(400, "AuthorizationHeaderMalformed"));
    const auto elsewhere = probe().greet("clinic/");
    EXPECT_TRUE(elsewhere.other_region);
    EXPECT_FALSE(elsewhere.known);
    EXPECT_THAT(elsewhere.listed.error().next, HasSubstr("store.region"));
}

TEST_F(ABucketProbe, KnowsThatWhoMayNotListIsKnown) {
    fail("ListObjectsV2", test::s3_error(403, "AccessDenied"));
    EXPECT_TRUE(probe().greet("clinic/").known);
}

TEST_F(ABucketProbe, IsNotKnownByAWrongSignature) {
    fail("ListObjectsV2", test::s3_error(403, "SignatureDoesNotMatch"));
    const auto greeting = probe().greet("clinic/");
    EXPECT_FALSE(greeting.known || greeting.other_region || greeting.listed.ok());
}

TEST_F(ABucketProbe, TakesAStoreThatDoesNotKnowTheQuestionForOneWithout) {
    fail("GetBucketVersioning", test::s3_error(501, "NotImplemented"));
    EXPECT_EQ(probe().versioning().value(), s3::Versioning::off);
    fail("GetObjectLockConfiguration", test::s3_error(501, "NotImplemented"));
    EXPECT_FALSE(probe().object_lock().value().enabled);
}

TEST_F(ABucketProbe, AsksForVersioning) {
    fail("GetBucketVersioning", says("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"));
    EXPECT_EQ(probe().versioning().value(), s3::Versioning::on);
}

TEST_F(ABucketProbe, DoesNotTakeARefusalForAnAnswer) {
    fail("GetBucketVersioning", test::s3_error(403, "AccessDenied"));
    EXPECT_THAT(probe().versioning().error().next, HasSubstr("readBuckets"));
}

TEST_F(ABucketProbe, KnowsABucketWithoutLocks) {
    fail("GetObjectLockConfiguration", test::s3_error(404, "ObjectLockConfigurationNotFoundError"));
    const auto lock = probe().object_lock();
    ASSERT_TRUE(lock);
    EXPECT_FALSE(lock->enabled);
}

TEST_F(ABucketProbe, ShowsOnlyRulesOfItsOwnPrefixAndNamesThemBelowIt) {
    const auto rule = [](const std::string& prefix, int days) {
        return "<Rule><Filter><Prefix>" + prefix + "</Prefix></Filter><Status>Enabled</Status><Expiration><Days>" +
               std::to_string(days) + "</Days></Expiration></Rule>";
    };
    fail("GetBucketLifecycleConfiguration",
         says("<LifecycleConfiguration>" + rule("", 1) + rule("backups/clinic/data/", 2) + rule("photos/", 3) +
              "</LifecycleConfiguration>"));
    const auto rules = probe().rules();
    ASSERT_TRUE(rules);
    ASSERT_EQ(rules->size(), 2U);
    EXPECT_EQ(rules->at(0).prefix, "");
    EXPECT_EQ(rules->at(1).prefix, "clinic/data/");
}

TEST_F(ABucketProbe, TriesADeletionByVersionAlone) {
    const auto id = server.add("backups/clinic/RESTORE.txt", "text");
    EXPECT_EQ(probe().try_to_delete(key_, id).value(), Deletion::done);
    EXPECT_THAT(server.versions("backups/clinic/RESTORE.txt"), IsEmpty());
    EXPECT_EQ(server.log_of("DeleteObject").front().asked("versionId"), id);
}

TEST_F(ABucketProbe, TellsARefusedDeletionFromAnUnansweredOne) {
    fail("DeleteObject", test::s3_error(403, "AccessDenied"));
    EXPECT_EQ(probe().try_to_delete(key_, "v1").value(), Deletion::refused);
    fail("DeleteObject", test::s3_error(400, "InvalidArgument"));
    EXPECT_FALSE(probe().try_to_delete(key_, "v1"));
    fail("DeleteObject", test::s3_error(404, "NoSuchVersion"));
    EXPECT_EQ(probe().try_to_delete(key_, "v1").value(), Deletion::done);
}

TEST_F(ABucketProbe, ComparesTheClocks) {
    EXPECT_FALSE(probe().clock_offset());
    server.afterwards = [](const test::S3Request&, s3::HttpReply& reply) {
        reply.headers["date"] = "Sun, 22 Nov 2026 02:17:00 GMT";
    };
    (void)probe().greet("");
    const auto theirs =
        std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(2) + std::chrono::minutes(17);
    EXPECT_EQ(probe().clock_offset(), std::chrono::round<std::chrono::seconds>(theirs - timer.wall()));
}

}  // namespace
}  // namespace lifeboat::store
