// What goes into a bucket: parts, one PUT, what is believed, and what is left when it goes wrong.
#include "bucket_fixture.hpp"

#include <condition_variable>
#include <set>
#include <thread>

namespace lifeboat::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::size_t part = bucket_part_size;
const std::string full_key = "backups/data/app";

class BucketUpload : public BucketStore {};

// --- The good way

TEST_F(BucketUpload, PutsAnObjectUpToOnePartInOneRequest) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, part}) {
        server.forget_log();
        const auto stored = put("data/" + std::to_string(size), content_of(size));
        ASSERT_TRUE(stored.ok()) << stored.error().what;
        EXPECT_THAT(server.operations(), ElementsAre("HeadObject", "PutObject", "HeadObject"));
        EXPECT_EQ(stored->version_id, server.versions("backups/data/" + std::to_string(size)).back().id);
    }
}

TEST_F(BucketUpload, SendsPartsOfOneSizeAndTheRest) {
    const std::string content = content_of(4 * part + 17);
    const auto stored = put("data/app", content);
    ASSERT_TRUE(stored.ok()) << stored.error().what;
    EXPECT_EQ(server.versions(full_key).back().content, content);
    std::map<int, std::size_t> sizes;
    for (const auto& request : server.log_of("UploadPart")) {
        sizes[std::stoi(request.asked("partNumber"))] = request.body.size();
    }
    EXPECT_THAT(sizes, ElementsAre(std::pair(1, part), std::pair(2, part), std::pair(3, part), std::pair(4, part),
                                   std::pair(5, std::size_t{17})));
    EXPECT_EQ(stored->version_id, server.versions(full_key).back().id);
    EXPECT_THAT(server.log_of("AbortMultipartUpload"), IsEmpty());
}

TEST_F(BucketUpload, HasNoEmptyLastPart) {
    ASSERT_TRUE(put("data/app", content_of(3 * part)).ok());
    EXPECT_THAT(server.log_of("UploadPart"), SizeIs(3));
}

TEST_F(BucketUpload, KeepsNoMorePartsUnderWayThanItMay) {
    std::mutex mutex;
    std::condition_variable changed;
    int under_way = 0;
    int most = 0;
    int begun = 0;
    server.instead = [&](const S3Request& request) -> std::optional<s3::HttpReply> {
        if (request.operation == "UploadPart") {
            std::unique_lock lock(mutex);
            most = std::max(most, ++under_way);
            ++begun;
            changed.notify_all();
            // Held until there are as many as may be: more would come now, if they could.
            changed.wait(lock, [&] { return begun >= 3; });
            --under_way;
        }
        return std::nullopt;
    };
    ASSERT_TRUE(put("data/app", content_of(12 * part)).ok());
    EXPECT_EQ(most, 3);
}

TEST_F(BucketUpload, KeepsAPartUntilTheStoreHasIt) {
    fail("UploadPart", s3_error(503, "SlowDown"), 2, 5);
    const std::string content = content_of(9 * part + 5);
    ASSERT_TRUE(put("data/app", content).ok());
    EXPECT_TRUE(server.versions(full_key).back().content == content);
    EXPECT_THAT(server.log_of("UploadPart"), SizeIs(15));
}

TEST_F(BucketUpload, TakesNoMoreThanItsPartsCanHold) {
    options.largest_part_number = 3;
    EXPECT_EQ(store().max_object_size(), 3 * part);
    ASSERT_TRUE(put("data/app", content_of(3 * part)).ok());
    const auto larger = put("data/larger", content_of(3 * part + 1));
    ASSERT_FALSE(larger.ok());
    EXPECT_THAT(larger.error().next, HasSubstr("store.part_size"));
    expect_nothing_left("data/larger");
}

TEST_F(BucketUpload, KnowsItsLargestObjectWhateverItsPartsAre) {
    options.part_size = ~std::uint64_t{0} / 2;
    EXPECT_EQ(store().max_object_size(), 4'900'000'000'000U);
}

TEST_F(BucketUpload, LocksItsObjectsWhenAsked) {
    options.lock_for = std::chrono::hours(24);
    ASSERT_TRUE(put("data/small", "x").ok());
    ASSERT_TRUE(put("data/large", content_of(2 * part)).ok());
    for (const char* operation : {"PutObject", "CreateMultipartUpload"}) {
        const auto request = server.log_of(operation).at(0);
        EXPECT_EQ(request.header("x-amz-object-lock-mode"), "COMPLIANCE");
        EXPECT_EQ(request.header("x-amz-object-lock-retain-until-date"), "2026-11-23T02:17:00Z");
    }
}

TEST_F(BucketUpload, LocksItsObjectsByTheServersClock) {
    options.lock_for = std::chrono::hours(24);
    server.instead = [&, told = std::make_shared<std::atomic<bool>>(false)](
                         const S3Request& request) -> std::optional<s3::HttpReply> {
        if (request.operation != "CreateMultipartUpload" || told->exchange(true)) {
            return std::nullopt;
        }
        auto skewed = s3_error(403, "RequestTimeTooSkewed");
        skewed.headers["date"] = "Mon, 23 Nov 2026 05:17:00 GMT";
        return skewed;
    };
    ASSERT_TRUE(put("data/large", content_of(2 * part)).ok());
    const auto created = server.log_of("CreateMultipartUpload");
    ASSERT_THAT(created, SizeIs(2));
    EXPECT_EQ(created[0].header("x-amz-object-lock-retain-until-date"), "2026-11-23T02:17:00Z");
    EXPECT_EQ(created[1].header("x-amz-object-lock-retain-until-date"), "2026-11-24T05:17:00Z")
        << "ours is a day and three hours behind";
}

TEST_F(BucketUpload, SpeaksOfNoLockUnasked) {
    ASSERT_TRUE(put("data/small", "x").ok());
    EXPECT_THAT(server.log_of("PutObject").at(0).headers, Not(Contains(Key("x-amz-object-lock-mode"))));
}

// --- Nothing is replaced

TEST_F(BucketUpload, SetsTheConditionThatNothingIsThere) {
    ASSERT_TRUE(put("data/small", "x").ok());
    ASSERT_TRUE(put("data/large", content_of(2 * part)).ok());
    EXPECT_EQ(server.log_of("PutObject").at(0).header("if-none-match"), "*");
    EXPECT_EQ(server.log_of("CompleteMultipartUpload").at(0).header("if-none-match"), "*");
}

TEST_F(BucketUpload, GivesWayToOneThatCameBetween) {
    for (const std::size_t size : {std::size_t{5}, 3 * part}) {
        const std::string name = "data/" + std::to_string(size);
        server.instead = [&](const S3Request& request) -> std::optional<s3::HttpReply> {
            if (request.operation == "PutObject" || request.operation == "CompleteMultipartUpload") {
                server.add("backups/" + name, "somebody else's");
            }
            return std::nullopt;
        };
        const auto stored = put(name, content_of(size));
        ASSERT_FALSE(stored.ok());
        EXPECT_EQ(stored.error().kind, ErrorKind::exists) << stored.error().what;
        ASSERT_THAT(server.versions("backups/" + name), SizeIs(1));
        EXPECT_THAT(server.open_uploads(), IsEmpty());
    }
}

TEST_F(BucketUpload, RemembersThatTheStoreRefusesConditions) {
    server.knows_conditions = false;
    ASSERT_TRUE(put("data/1", "x").ok());
    ASSERT_TRUE(put("data/2", "y").ok());
    ASSERT_TRUE(put("data/3", content_of(2 * part)).ok());
    EXPECT_THAT(server.log_of("PutObject"), SizeIs(3)) << "asked again once, for the first alone";
    EXPECT_THAT(server.log_of("CompleteMultipartUpload"), SizeIs(1));
    EXPECT_EQ(put("data/1", "z").error().kind, ErrorKind::exists);
}

// --- What is believed

TEST_F(BucketUpload, DoesNotBelieveACompleteWithoutAnEtagBeforeItSeesTheObject) {
    server.tells_etag_on_complete = false;
    ASSERT_TRUE(put("data/app", content_of(3 * part)).ok());
    EXPECT_THAT(server.log_of("CompleteMultipartUpload"), SizeIs(1));
    EXPECT_EQ(server.operations().back(), "HeadObject");
}

TEST_F(BucketUpload, SeesByAListingWhatItMayNotRead) {
    server.may_read = false;
    server.tells_etag_on_complete = false;
    const auto stored = put("data/app", content_of(3 * part));
    ASSERT_TRUE(stored.ok()) << stored.error().what;
    EXPECT_EQ(stored->version_id, server.versions(full_key).back().id);
    EXPECT_EQ(server.operations().back(), "ListObjectVersions");
}

TEST_F(BucketUpload, TriesAgainWhenACompleteSaysNothingAndNothingIsThere) {
    fail("CompleteMultipartUpload", {200, {}, "<CompleteMultipartUploadResult/>", {}, {}});
    ASSERT_TRUE(put("data/app", content_of(3 * part)).ok());
    EXPECT_THAT(server.log_of("CompleteMultipartUpload"), SizeIs(2));
}

TEST_F(BucketUpload, TakesAnErrorInABodyOf200ForOne) {
    auto lie = s3_error(200, "InternalError");
    fail("CompleteMultipartUpload", lie);
    ASSERT_TRUE(put("data/app", content_of(3 * part)).ok());
    fail("PutObject", lie);
    ASSERT_TRUE(put("data/small", "x").ok());
    fail("CompleteMultipartUpload", lie, 1, always);
    EXPECT_EQ(put("data/never", content_of(3 * part)).error().kind, ErrorKind::temporary);
    expect_nothing_left("data/never");
}

TEST_F(BucketUpload, DoesNotBelieveASuccessOfWhichNothingIsSeen) {
    server.afterwards = [&](const S3Request& request, s3::HttpReply&) {
        if (request.operation == "PutObject" || request.operation == "CompleteMultipartUpload") {
            server.remove_everything(request.key);
        }
    };
    for (const std::size_t size : {std::size_t{5}, 3 * part}) {
        EXPECT_EQ(put("data/app", content_of(size)).error().kind, ErrorKind::corrupt);
    }
}

TEST_F(BucketUpload, TakesBackTheVersionThatTheStoreGaveItAndDoesNotShow) {
    for (const std::size_t size : {std::size_t{5}, 3 * part}) {
        fail("HeadObject", s3_error(503, "SlowDown"), 1, always);
        const auto stored = put("data/app", content_of(size));
        ASSERT_FALSE(stored.ok());
        EXPECT_THAT(stored.error().what, HasSubstr("503"));
        expect_nothing_left("data/app");
    }
}

TEST_F(BucketUpload, FindsByAListingWhatTheStoreTookAndDoesNotShow) {
    fail("HeadObject", s3_error(503, "SlowDown"), 1, always);
    server.afterwards = [](const S3Request& request, s3::HttpReply& reply) {
        if (request.operation == "CompleteMultipartUpload") {
            reply.headers.erase("x-amz-version-id");  // Ceph tells none here
        }
    };
    ASSERT_FALSE(put("data/app", content_of(3 * part)).ok());
    expect_nothing_left("data/app");
}

TEST_F(BucketUpload, RemovesNothingThatOnlyLooksAlike) {
    fail("HeadObject", s3_error(503, "SlowDown"), 1, always);
    server.afterwards = [&](const S3Request& request, s3::HttpReply& reply) {
        if (request.operation == "PutObject") {
            reply = s3_error(400, "InvalidRequest");  // and who stored it, nobody told us
        }
    };
    ASSERT_FALSE(put("RESTORE.txt", "how to").ok());
    EXPECT_THAT(server.versions("backups/RESTORE.txt"), Not(IsEmpty()));
}

TEST_F(BucketUpload, DoesNotBelieveAnEtagOfOtherBytes) {
    server.afterwards = [](const S3Request& request, s3::HttpReply& reply) {
        if (request.operation == "CompleteMultipartUpload") {
            reply.body =
                "<CompleteMultipartUploadResult><ETag>\"0123456789abcdef0123456789abcdef-3\"</ETag></"
                "CompleteMultipartUploadResult>";
        }
    };
    EXPECT_EQ(put("data/app", content_of(3 * part)).error().kind, ErrorKind::corrupt);
}

TEST_F(BucketUpload, FailsWhenAPartHasNoEtag) {
    server.afterwards = [](const S3Request& request, s3::HttpReply& reply) {
        if (request.operation == "UploadPart") {
            reply.headers.clear();
        }
    };
    const auto stored = put("data/app", content_of(3 * part));
    ASSERT_FALSE(stored.ok());
    EXPECT_THAT(stored.error().what, HasSubstr("no ETag"));
    expect_nothing_left("data/app");
}

// --- Replies that are lost

TEST_F(BucketUpload, SettlesALostReplyByItsToken) {
    for (const auto& lost : {s3_broken(s3::Broken::cut), s3_broken(s3::Broken::stalled), s3_error(500, "InternalError"),
                             s3::HttpReply{504, {}, "<html>gateway</html>", {}, {}}}) {
        server.forget_log();
        server.remove_everything(full_key);
        lose_reply("PutObject", lost);
        ASSERT_TRUE(put("data/app", "small").ok());
        EXPECT_THAT(server.versions(full_key), SizeIs(1));
        EXPECT_THAT(server.log_of("PutObject"), SizeIs(1));
        server.remove_everything(full_key);
        lose_reply("CompleteMultipartUpload", lost);
        const auto stored = put("data/app", content_of(3 * part));
        ASSERT_TRUE(stored.ok()) << stored.error().what;
        EXPECT_EQ(stored->version_id, server.versions(full_key).back().id);
        EXPECT_THAT(server.log_of("CompleteMultipartUpload"), SizeIs(1));
    }
}

TEST_F(BucketUpload, SettlesALostReplyByAListingWhereItMayNotRead) {
    server.may_read = false;
    for (const char* operation : {"PutObject", "CompleteMultipartUpload"}) {
        server.remove_everything(full_key);
        lose_reply(operation);
        const auto stored = put("data/app", content_of(operation == std::string("PutObject") ? 5 : 3 * part));
        ASSERT_TRUE(stored.ok()) << stored.error().what;
        EXPECT_THAT(server.versions(full_key), SizeIs(1));
    }
}

TEST_F(BucketUpload, TakesThe412OfItsOwnLostPutForASuccess) {
    // What libcurl does on its own when a kept connection dies: the request is there twice.
    server.instead = [&](const S3Request& request) -> std::optional<s3::HttpReply> {
        if (request.operation == "PutObject" && server.versions(request.key).empty()) {
            server.instead = nullptr;
            s3::HttpRequest again;
            again.method = "PUT";
            again.url = "https://s3.example.org/pg-main/" + request.key;
            again.headers = request.headers;
            again.body = stream::as_bytes(request.body);
            (void)server.perform(again, {});
        }
        return std::nullopt;
    };
    const auto stored = put("data/app", "small");
    ASSERT_TRUE(stored.ok()) << stored.error().what;
    EXPECT_THAT(server.versions(full_key), SizeIs(1));
    EXPECT_THAT(server.log_of("PutObject"), SizeIs(2));
}

TEST_F(BucketUpload, AbortsTheUploadWhoseBeginningItWasNotTold) {
    for (const auto& lost : {s3_broken(s3::Broken::cut), s3_error(500, "InternalError"),
                             s3::HttpReply{200, {}, "<html>a proxy</html>", {}, {}}}) {
        server.forget_log();
        server.remove_everything(full_key);
        const bool passes = lost.status != 200;
        lose_reply("CreateMultipartUpload", lost);
        EXPECT_EQ(put("data/app", content_of(3 * part)).ok(), passes);
        EXPECT_THAT(server.open_uploads(), IsEmpty()) << "the first one is found by its key";
        ASSERT_THAT(server.log_of("ListMultipartUploads"), SizeIs(1));
        EXPECT_EQ(server.log_of("ListMultipartUploads")[0].asked("prefix"), full_key);
    }
}

TEST_F(BucketUpload, AbortsTheUploadWhoseBeginningItIsNeverTold) {
    server.afterwards = [](const S3Request& request, s3::HttpReply& reply) {
        if (request.operation == "CreateMultipartUpload") {
            reply = s3_broken(s3::Broken::cut);
        }
    };
    EXPECT_FALSE(put("data/app", content_of(3 * part)).ok());
    EXPECT_GE(server.log_of("CreateMultipartUpload").size(), 3U);
    expect_nothing_left("data/app");
}

TEST_F(BucketUpload, LeavesUploadsOfOtherKeysAndOfOthersAlone) {
    auto longer = store().begin(key("data/app.0001")).value();
    ASSERT_TRUE(longer->write(stream::as_bytes(content_of(2 * part))).ok());
    ASSERT_TRUE(put("data/app", content_of(3 * part)).ok());
    EXPECT_THAT(server.log_of("ListMultipartUploads"), IsEmpty()) << "nothing is in doubt";
    server.remove_everything(full_key);
    lose_reply("CreateMultipartUpload");
    ASSERT_TRUE(put("data/app", content_of(3 * part)).ok());
    ASSERT_THAT(server.open_uploads(), SizeIs(1));
    EXPECT_EQ(server.open_uploads().begin()->second.key, full_key + ".0001");
}

TEST_F(BucketUpload, DoesWithoutTheListOfUploads) {
    lose_reply("CreateMultipartUpload");
    server.instead = [](const S3Request& request) -> std::optional<s3::HttpReply> {
        return request.operation == "ListMultipartUploads" ? std::optional(s3_error(403, "AccessDenied"))
                                                           : std::nullopt;
    };
    EXPECT_TRUE(put("data/app", content_of(3 * part)).ok());
}

TEST_F(BucketUpload, TellsOfTheConflictAfterWhichItsUploadIsGone) {
    server.instead = [&](const S3Request& request) -> std::optional<s3::HttpReply> {
        if (request.operation != "CompleteMultipartUpload" || server.open_uploads().empty()) {
            return std::nullopt;
        }
        server.drop_uploads();  // as AWS does
        return s3_error(409, "ConditionalRequestConflict");
    };
    const auto stored = put("data/app", content_of(3 * part));
    ASSERT_FALSE(stored.ok());
    EXPECT_THAT(stored.error().what, HasSubstr("409 ConditionalRequestConflict"));
    EXPECT_THAT(stored.error().what, HasSubstr("dropped the upload"));
    EXPECT_EQ(stored.error().kind, ErrorKind::temporary);
    expect_nothing_left("data/app");
}

TEST_F(BucketUpload, SettlesAConflictWithItself) {
    for (const char* operation : {"PutObject", "CompleteMultipartUpload"}) {
        server.forget_log();
        server.remove_everything(full_key);
        lose_reply(operation, s3_error(409, "ConditionalRequestConflict"));
        const auto stored = put("data/app", content_of(operation == std::string("PutObject") ? 5 : 3 * part));
        ASSERT_TRUE(stored.ok()) << stored.error().what;
        EXPECT_THAT(server.versions(full_key), SizeIs(1));
    }
}

TEST_F(BucketUpload, AsksTheListingWhereAStoreRefusesHead) {
    for (const int status : {301, 405, 501}) {
        server.remove_everything(full_key);
        server.instead = [=](const S3Request& request) -> std::optional<s3::HttpReply> {
            return request.operation == "HeadObject" ? std::optional(s3::HttpReply{status, {}, {}, {}, {}})
                                                     : std::nullopt;
        };
        server.forget_log();
        ASSERT_TRUE(put("data/app", content_of(3 * part)).ok()) << status;
        EXPECT_EQ(server.operations().back(), "ListObjectVersions") << status;
    }
}

TEST_F(BucketUpload, TakesNoSuchUploadForASuccessWhenItsObjectIsThere) {
    lose_reply("CompleteMultipartUpload", s3_error(404, "NoSuchUpload"));
    EXPECT_TRUE(put("data/app", content_of(3 * part)).ok());
}

TEST_F(BucketUpload, FailsWhenItsUploadWasDropped) {
    server.instead = [&](const S3Request& request) -> std::optional<s3::HttpReply> {
        if (request.operation == "CompleteMultipartUpload") {
            server.drop_uploads();
        }
        return std::nullopt;
    };
    const auto stored = put("data/app", content_of(3 * part));
    ASSERT_FALSE(stored.ok());
    EXPECT_THAT(stored.error().what, HasSubstr("NoSuchUpload"));
    expect_nothing_left("data/app");
}

TEST_F(BucketUpload, TakesAnothersObjectForNoneOfItsOwn) {
    // As large as ours, and without our token.
    server.instead = [&](const S3Request& request) -> std::optional<s3::HttpReply> {
        if (request.operation != "PutObject") {
            return std::nullopt;
        }
        server.add(request.key, "small");
        return s3_broken(s3::Broken::cut);
    };
    EXPECT_EQ(put("data/app", "small").error().kind, ErrorKind::exists);
}

TEST_F(BucketUpload, BelievesAnEtagWhereItMayNeitherReadNorList) {
    server.may_read = false;
    server.versions_status = 403;
    server.lists_status = 403;
    EXPECT_TRUE(put("data/small", "x").ok());
    EXPECT_TRUE(put("data/large", content_of(3 * part)).ok());
    lose_reply("PutObject");
    const auto unsettled = put("data/lost", "x");
    EXPECT_EQ(unsettled.error().kind, ErrorKind::exists) << "refused by the condition, and not to be settled";
}

// --- Failures, and what is left

TEST_F(BucketUpload, LeavesNothingWhateverFails) {
    struct Fault {
        const char* operation;
        int nth;
    };
    for (const auto& [operation, nth] :
         {Fault{"CreateMultipartUpload", 1}, {"UploadPart", 1}, {"UploadPart", 4}, {"CompleteMultipartUpload", 1}}) {
        for (const auto& reply :
             {s3_error(403, "AccessDenied"), s3_error(503, "SlowDown"), s3_broken(s3::Broken::not_reached)}) {
            server.forget_log();
            fail(operation, reply, nth, always);
            const auto stored = put("data/app", content_of(6 * part));
            ASSERT_FALSE(stored.ok()) << operation;
            EXPECT_FALSE(stored.error().next.empty());
            EXPECT_THAT(stored.error().what, Not(HasSubstr("stopped"))) << operation;
            expect_nothing_left("data/app");
        }
    }
}

TEST_F(BucketUpload, NamesThePartThatFailed) {
    fail("UploadPart", s3_error(403, "AccessDenied", "no entry"), 1, always);
    const auto stored = put("data/app", content_of(6 * part));
    ASSERT_FALSE(stored.ok());
    EXPECT_THAT(stored.error().what, AllOf(HasSubstr("part "), HasSubstr("no entry")));
    EXPECT_THAT(stored.error().next, HasSubstr("writeFiles"));
}

// The part that failed stops the others, which must not be the ones that say why.
TEST_F(BucketUpload, TellsTheFailureThatCameFirst) {
    for (int round = 0; round < 30; ++round) {
        server.instead = [&](const S3Request& request) -> std::optional<s3::HttpReply> {
            return request.operation == "UploadPart" && request.asked("partNumber") == "3"
                       ? std::optional(s3_error(403, "AccessDenied"))
                       : std::nullopt;
        };
        auto stored = put("data/app", content_of(8 * part));
        ASSERT_FALSE(stored.ok());
        EXPECT_THAT(stored.error().what, HasSubstr("AccessDenied"));
    }
}

TEST_F(BucketUpload, SaysASecondTimeThatItGaveUp) {
    {
        auto upload = store().begin(key("data/app")).value();
        ASSERT_TRUE(upload->write(stream::as_bytes(content_of(3 * part))).ok());
    }
    EXPECT_THAT(server.log_of("AbortMultipartUpload"), SizeIs(2)) << "a part may have arrived after the first";
    expect_nothing_left("data/app");
}

TEST_F(BucketUpload, AsksNothingForAnUploadThatNeverBegan) {
    {
        auto upload = store().begin(key("data/app")).value();
        ASSERT_TRUE(upload->write(stream::as_bytes("small")).ok());
    }
    EXPECT_THAT(server.operations(), IsEmpty());
}

TEST_F(BucketUpload, TakesNothingAfterAFailure) {
    fail("UploadPart", s3_error(403, "AccessDenied"), 1, always);
    auto upload = store().begin(key("data/app")).value();
    const std::string content = content_of(part);
    while (upload->write(stream::as_bytes(content))) {
    }
    EXPECT_FALSE(upload->write(stream::as_bytes(content)).ok());
    EXPECT_FALSE(upload->commit().ok());
    upload.reset();
    expect_nothing_left("data/app");
}

// --- A stop

TEST_F(BucketUpload, IsAbortedOnAStopWhereverItComes) {
    struct Where {
        const char* operation;
        int nth;
    };
    for (const auto& [operation, nth] : {Where{"CreateMultipartUpload", 1},
                                         {"UploadPart", 1},
                                         {"UploadPart", 5},
                                         {"HeadObject", 1},
                                         {"CompleteMultipartUpload", 1}}) {
        FakeS3 bucket;
        std::stop_source stopping;
        std::atomic<int> seen{0};
        bucket.instead = [&, name = std::string(operation),
                          at = nth](const S3Request& request) -> std::optional<s3::HttpReply> {
            if (request.operation == name && ++seen == at) {
                stopping.request_stop();
            }
            return std::nullopt;
        };
        auto with_stop = options;
        with_stop.stop = stopping.get_token();
        auto opened = store::open_s3(with_stop, bucket, timer).value();
        const auto stored = put_text(*opened, "data/app", content_of(8 * part));
        ASSERT_FALSE(stored.ok()) << operation;
        EXPECT_EQ(stored.error().kind, ErrorKind::interrupted) << operation << ": " << stored.error().what;
        EXPECT_THAT(bucket.open_uploads(), IsEmpty()) << operation;
        EXPECT_THAT(bucket.versions(full_key), IsEmpty()) << operation;
    }
}

TEST_F(BucketUpload, DoesNotKeepAWriterWaitingThatIsToEnd) {
    fail("UploadPart", s3_error(503, "SlowDown"), 1, always);
    std::stop_source writers;
    timer.on_wait = [&] { writers.request_stop(); };
    auto upload = store().begin(key("data/app")).value();
    upload->end_on(writers.get_token());
    const std::string content = content_of(8 * part);
    auto written = upload->write(stream::as_bytes(content));
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().kind, ErrorKind::interrupted) << written.error().what;
    upload.reset();
    expect_nothing_left("data/app");
    server.instead = nullptr;
    EXPECT_TRUE(put("data/other", content).ok()) << "the store itself goes on";
}

TEST_F(BucketUpload, IsAbortedOnAStopInAPause) {
    fail("UploadPart", s3_error(503, "SlowDown"), 1, always);
    timer.on_wait = [&] { stop.request_stop(); };
    const auto stored = put("data/app", content_of(8 * part));
    ASSERT_FALSE(stored.ok());
    EXPECT_EQ(stored.error().kind, ErrorKind::interrupted) << stored.error().what;
    expect_nothing_left("data/app");
}

TEST_F(BucketUpload, EndsAnAbortThatIsTriedAgainOnAStop) {
    fail("AbortMultipartUpload", s3_error(503, "SlowDown"), 1, always);
    std::optional<std::chrono::steady_clock::time_point> asked_to_stop;
    timer.on_wait = [&] {
        stop.request_stop();
        asked_to_stop = asked_to_stop.value_or(timer.now());
    };
    auto upload = store().begin(key("data/app")).value();
    ASSERT_TRUE(upload->write(stream::as_bytes(content_of(3 * part))).ok());
    upload.reset();
    EXPECT_GE(server.log_of("AbortMultipartUpload").size(), 2U) << "the one that was tried, and another in spite of it";
    ASSERT_TRUE(asked_to_stop);
    EXPECT_LE(timer.now() - *asked_to_stop, std::chrono::seconds(3));
}

// --- Settings

TEST(BucketOptions, RefusesAKeyThatWouldBreakAHeader) {
    FakeS3 server;
    FakeTimer timer;
    for (const char* bad : {"", "a\r\nx-evil: 1", "a b", "a\n", "a\x7f", "\xc3\xa4"}) {
        auto options = bucket_options();
        options.credentials = s3::always({bad, Secret("key"), {}});
        auto opened = store::open_s3(options, server, timer);
        ASSERT_FALSE(opened.ok());
        EXPECT_EQ(opened.error().kind, ErrorKind::usage);
        EXPECT_THAT(opened.error().what, AllOf(HasSubstr("store.access_key_id"), Not(HasSubstr("evil"))));
    }
    auto options = bucket_options();
    options.credentials = s3::always({"id", Secret("key"), Secret("token\r\nx-evil: 1")});
    EXPECT_THAT(store::open_s3(options, server, timer).error().what,
                AllOf(HasSubstr("store.session_token"), Not(HasSubstr("evil"))));
    options.credentials = s3::always({"id", Secret("key"), Secret("FwoGZXIvYXdzEBYaD+/=")});
    EXPECT_TRUE(store::open_s3(options, server, timer).ok());
}

TEST(BucketOptions, RefusesNumbersThatNothingCanGoThrough) {
    FakeS3 server;
    FakeTimer timer;
    for (const auto number : {&store::S3Options::uploads, &store::S3Options::largest_part_number}) {
        auto options = bucket_options();
        options.*number = 0;
        EXPECT_EQ(store::open_s3(options, server, timer).error().kind, ErrorKind::usage);
    }
}

}  // namespace
}  // namespace lifeboat::test
