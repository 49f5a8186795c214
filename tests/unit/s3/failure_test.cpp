// What a reply means, for the program and in words.
#include "scripted_client.hpp"

#include <gmock/gmock.h>

namespace lifeboat::s3 {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Failure failure_of(const Call& call, const HttpReply& reply) {
    ScriptedClient scripted;
    auto answer = scripted.ask(call, reply);
    EXPECT_FALSE(answer.ok()) << reply.status;
    return answer.failure.value_or(Failure{});
}

Call conditional_put() {
    auto call = put_call();
    call.headers["if-none-match"] = "*";
    return call;
}

// --- What can be cured by another try, and what may have been done all the same

TEST(S3Failure, IsCuredByAnotherTryWhereTheServerIsUnwell) {
    for (const int status : {408, 425, 429, 499, 500, 502, 503, 504, 520, 524}) {
        const auto failure = failure_of(put_call(), {status, {}, "", {}, {}});
        EXPECT_TRUE(failure.retryable) << status;
        EXPECT_EQ(failure.error.kind, ErrorKind::temporary) << status;
        EXPECT_THAT(failure.error.next, HasSubstr("later")) << status;
    }
}

TEST(S3Failure, IsCuredByAnotherTryWhereTheCodeSaysSo) {
    for (const char* code : {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling",
                             "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "OperationAborted"}) {
        const auto failure = failure_of(put_call(), error_reply(400, code));
        EXPECT_TRUE(failure.retryable) << code;
        EXPECT_EQ(failure.error.kind, ErrorKind::temporary) << code;
    }
}

TEST(S3Failure, IsCuredByAnotherTryWhereBackblazeLostABody) {
    const auto failure = failure_of(put_call(), error_reply(400, "InvalidRequest", "The request body was too small"));
    EXPECT_TRUE(failure.retryable);
}

TEST(S3Failure, IsFinalElsewhere) {
    for (const int status : {301, 307, 400, 401, 403, 404, 405, 411, 412, 416, 501}) {
        EXPECT_FALSE(failure_of(put_call(), {status, {}, "", {}, {}}).retryable) << status;
    }
    for (const char* code : {"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch",
                             "EntityTooLarge", "MalformedXML", "NoSuchUpload"}) {
        EXPECT_FALSE(failure_of(put_call(), error_reply(400, code)).retryable) << code;
    }
}

TEST(S3Failure, MayHaveBeenDoneAllTheSame) {
    for (const int status : {408, 499, 500, 502, 503, 504}) {
        EXPECT_TRUE(failure_of(put_call(), {status, {}, "", {}, {}}).uncertain) << status;
    }
    for (const int status : {400, 403, 404, 412, 429}) {
        EXPECT_FALSE(failure_of(put_call(), {status, {}, "", {}, {}}).uncertain) << status;
    }
}

TEST(S3Failure, TellsTheWaysInWhichAnExchangeBreaks) {
    struct Expected {
        Broken broken;
        ErrorKind kind;
        bool retryable;
        bool uncertain;
    };
    for (const auto& [broken, kind, retryable, uncertain] :
         {Expected{Broken::not_reached, ErrorKind::temporary, true, false},
          {Broken::not_trusted, ErrorKind::usage, false, false},
          {Broken::cut, ErrorKind::temporary, true, true},
          {Broken::stalled, ErrorKind::temporary, true, true},
          {Broken::too_long, ErrorKind::failed, false, true},
          {Broken::interrupted, ErrorKind::interrupted, false, true}}) {
        const auto failure = failure_of(put_call(), ScriptedTransport::broken(broken, "what\nhappened"));
        EXPECT_EQ(failure.error.kind, kind) << static_cast<int>(broken);
        EXPECT_EQ(failure.retryable, retryable) << static_cast<int>(broken);
        EXPECT_EQ(failure.uncertain, uncertain) << static_cast<int>(broken);
        EXPECT_EQ(failure.status, 0);
        if (broken != Broken::interrupted) {
            EXPECT_THAT(failure.error.what, AllOf(HasSubstr("s3.example.org"), HasSubstr("what happened")));
            EXPECT_FALSE(failure.error.next.empty());
        }
    }
    EXPECT_THAT(failure_of(put_call(), ScriptedTransport::broken(Broken::not_trusted)).error.next,
                HasSubstr("store.ca_file"));
}

// --- Kinds

TEST(S3Failure, IsThereAlreadyOnlyWhereThatWasTheCondition) {
    EXPECT_EQ(failure_of(conditional_put(), error_reply(412, "PreconditionFailed")).error.kind, ErrorKind::exists);
    EXPECT_EQ(failure_of(conditional_put(), error_reply(409, "ConditionalRequestConflict")).error.kind,
              ErrorKind::temporary);
    EXPECT_EQ(failure_of(put_call(), error_reply(409, "OperationAborted")).error.kind, ErrorKind::temporary);
    EXPECT_EQ(failure_of({delete_object, "DELETE", "data/app"}, error_reply(409, "ObjectLocked")).error.kind,
              ErrorKind::failed);
}

TEST(S3Failure, IsNotFoundWhereThereIsNone) {
    EXPECT_EQ(failure_of(get_call(), error_reply(404, "NoSuchKey")).error.kind, ErrorKind::not_found);
    EXPECT_EQ(failure_of(get_call(), error_reply(404, "NoSuchBucket")).error.kind, ErrorKind::not_found);
    EXPECT_EQ(failure_of({head_object, "HEAD", "x"}, {404, {}, "", {}, {}}).error.kind, ErrorKind::not_found);
    EXPECT_EQ(failure_of(put_call(), error_reply(404, "NoSuchUpload")).error.kind, ErrorKind::failed);
}

// --- A success that is none

TEST(S3Failure, IsAnErrorInTheBodyOf200) {
    const auto failure =
        failure_of({complete_upload, "POST", "data/app"}, {200, {}, "  \n" + error_body("InternalError"), {}, {}});
    EXPECT_TRUE(failure.retryable);
    EXPECT_TRUE(failure.uncertain);
    EXPECT_EQ(failure.code, "InternalError");
    EXPECT_EQ(failure.status, 200);
    EXPECT_FALSE(failure_of(put_call(), {200, {}, error_body("AccessDenied"), {}, {}}).retryable);
}

TEST(S3Failure, IsNotWhatAnObjectHolds) {
    ScriptedClient scripted;
    EXPECT_TRUE(scripted.ask(get_call(), {200, {}, error_body("InternalError"), {}, {}}).ok());
    EXPECT_TRUE(scripted.ask(get_call(), {206, {}, error_body("InternalError"), {}, {}}).ok());
    EXPECT_TRUE(scripted.ask({delete_object, "DELETE", "x"}, {204, {}, "", {}, {}}).ok());
}

TEST(S3Failure, IsARedirection) {
    HttpReply reply{301, {{"x-amz-bucket-region", "us-west-2"}}, "", {}, {}};
    const auto failure = failure_of(get_call(), reply);
    EXPECT_FALSE(failure.retryable);
    EXPECT_THAT(failure.error.next, AllOf(HasSubstr("store.region = \"us-west-2\""), HasSubstr("'eu-west-1'")));
}

// --- Words

TEST(S3Failure, SaysWhatWasAskedOfWhomAndWhatTheyAnswered) {
    auto reply = error_reply(403, "AccessDenied", "not entitled", "<RequestId>ABC123</RequestId>");
    const auto failure = failure_of(get_call(), reply);
    EXPECT_EQ(failure.error.what,
              "GetObject of 'data/app' in bucket 'pg-main': s3.example.org answered 403 AccessDenied (not entitled), "
              "request id ABC123");
    reply.headers["x-amz-request-id"] = "FROM-THE-HEADER";
    EXPECT_THAT(failure_of(get_call(), reply).error.what, HasSubstr("request id FROM-THE-HEADER"));
    EXPECT_THAT(failure_of({list_versions, "GET", ""}, reply).error.what,
                HasSubstr("ListObjectVersions of bucket 'pg-main'"));
}

TEST(S3Failure, NamesTheRightThatIsMissing) {
    const auto next = [](const Operation& operation) {
        return failure_of({operation, "GET", "x"}, error_reply(403, "AccessDenied")).error.next;
    };
    EXPECT_THAT(next(put_object), AllOf(HasSubstr("writeFiles"), HasSubstr("s3:PutObject")));
    EXPECT_THAT(next(get_version), AllOf(HasSubstr("readFiles"), HasSubstr("s3:GetObjectVersion")));
    EXPECT_THAT(next(delete_version), AllOf(HasSubstr("deleteFiles"), HasSubstr("s3:DeleteObjectVersion")));
    EXPECT_THAT(next(list_versions), AllOf(HasSubstr("listFiles"), HasSubstr("s3:ListBucketVersions")));
    EXPECT_THAT(next(list_uploads), AllOf(HasSubstr("listFiles"), HasSubstr("s3:ListBucketMultipartUploads")));
    // HEAD has no body: the status alone must do.
    EXPECT_THAT(failure_of({head_object, "HEAD", "x"}, {403, {}, "", {}, {}}).error.next, HasSubstr("readFiles"));
}

TEST(S3Failure, SaysWhatToDoNext) {
    struct Case {
        int status;
        const char* code;
        const char* message;
        const char* next;
    };
    for (const auto& [status, code, message, next] : {
             Case{404, "NoSuchBucket", "none", "create the bucket"},
             {404, "NoSuchUpload", "none", "run again"},
             {403, "InvalidAccessKeyId", "none", "store.access_key_id"},
             {403, "SignatureDoesNotMatch", "none", "store.secret_access_key"},
             {403, "SignatureDoesNotMatch", "none", "'eu-west-1'"},
             {400, "ExpiredToken", "none", "store.session_token"},
             {400, "InvalidToken", "none", "store.session_token"},
             {403, "ExpiredToken", "none", "store.session_token"},
             {403, "AccessDenied", "Download cap exceeded. See the Caps & Alerts page", "Caps & Alerts"},
             {403, "storage_cap_exceeded", "no", "Caps & Alerts"},
             {501, "NotImplemented", "none", "docs/stores.md"},
             {405, "MethodNotAllowed", "none", "docs/stores.md"},
             {400, "Whatever", "none", "request id"},
         }) {
        EXPECT_THAT(failure_of(put_call(), error_reply(status, code, message)).error.next, HasSubstr(next)) << code;
    }
}

TEST(S3Failure, NamesTheBucketsRegion) {
    const auto failure = failure_of(
        get_call(), error_reply(400, "AuthorizationHeaderMalformed", "wrong region", "<Region>us-west-2</Region>"));
    EXPECT_THAT(failure.error.next, HasSubstr("store.region = \"us-west-2\""));
    EXPECT_THAT(failure_of(get_call(), error_reply(301, "PermanentRedirect")).error.next,
                HasSubstr("the bucket's own region"));
}

TEST(S3Failure, SaysHowFarTheClockIsOff) {
    const auto off_by = [](const std::string& server_time) {
        ScriptedClient scripted;
        const auto reply =
            error_reply(403, "RequestTimeTooSkewed", "too far", "<ServerTime>" + server_time + "</ServerTime>");
        scripted.transport.replies = {reply, reply};  // the second: signed by the server's clock, and refused again
        return scripted.client.attempt(put_call(), false, {}).failure->error.next;
    };
    EXPECT_THAT(off_by("2026-11-22T03:00:00Z"), HasSubstr("43 min behind"));
    EXPECT_THAT(off_by("2026-11-22T02:00:00Z"), HasSubstr("17 min ahead of"));
    EXPECT_THAT(off_by("2026-11-22T02:17:10Z"), HasSubstr("run again"));
    EXPECT_THAT(failure_of(put_call(), error_reply(403, "RequestTimeTooSkewed")).error.next, HasSubstr("clock"));
}

TEST(S3Failure, TakesAPageOfHtmlByItsStatus) {
    const std::string page = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>";
    const auto failure = failure_of(put_call(), {502, {}, page, {}, {}});
    EXPECT_TRUE(failure.retryable);
    EXPECT_TRUE(failure.code.empty());
    EXPECT_THAT(failure.error.what, AllOf(HasSubstr("answered 502"), Not(HasSubstr("html"))));
    EXPECT_FALSE(failure_of(put_call(), {403, {}, page, {}, {}}).retryable);
}

TEST(S3Failure, PrintsNoControlCharactersAndNoEndlessText) {
    const auto failure = failure_of(
        get_call(), error_reply(400, "Odd", "a\x1b[31m\nb" + std::string(5'000, 'x'), "<RequestId>r\r\ns</RequestId>"));
    EXPECT_LT(failure.error.what.size(), 500U);
    for (const char c : failure.error.what) {
        EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
    }
}

TEST(S3Failure, HoldsNoSecret) {
    for (const auto& reply :
         {error_reply(403, "SignatureDoesNotMatch", "no", "<StringToSign>AWS4 the-session-token</StringToSign>"),
          error_reply(403, "InvalidAccessKeyId", "no", "<AWSAccessKeyId>THE-KEY-ID</AWSAccessKeyId>"),
          error_reply(400, "ExpiredToken", "no", "<Token-0>the-session-token</Token-0>"),
          ScriptedTransport::broken(Broken::cut), HttpReply{500, {}, "", {}, {}}}) {
        const auto failure = failure_of(put_call(), reply);
        for (const auto* text : {&failure.error.what, &failure.error.next, &failure.error.detail, &failure.code}) {
            EXPECT_THAT(*text, AllOf(Not(HasSubstr("the-secret-key")), Not(HasSubstr("the-session-token")),
                                     Not(HasSubstr("THE-KEY-ID")), Not(HasSubstr("Signature="))));
        }
    }
}

}  // namespace
}  // namespace lifeboat::s3
