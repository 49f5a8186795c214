// Replies as servers write them: each provider has its own way with namespaces, quotes, dates and white space.
#include "s3/replies.hpp"

#include <gmock/gmock.h>

namespace lifeboat::s3 {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

constexpr std::string_view declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

TimePoint at(int year, unsigned month, unsigned day, int seconds, int milliseconds = 0) {
    return std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) +
           std::chrono::seconds(seconds) + std::chrono::milliseconds(milliseconds);
}

constexpr int clock_0217 = 2 * 3600 + 17 * 60;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t place = text.find(from);
    EXPECT_NE(place, std::string::npos) << from;
    return text.replace(place, from.size(), to);
}

// --- Errors

TEST(S3ErrorReply, OfAws) {
    const auto error = parse_error(
        R"(<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region><RequestId>7D3M2A0F1B</RequestId><HostId>abc/def=</HostId></Error>)");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "AuthorizationHeaderMalformed");
    EXPECT_THAT(error->message, HasSubstr("expecting 'eu-west-1'"));
    EXPECT_EQ(error->region, "eu-west-1");
    EXPECT_EQ(error->request_id, "7D3M2A0F1B");
    EXPECT_FALSE(error->server_time);
}

TEST(S3ErrorReply, OfAWrongClock) {
    const auto error = parse_error(
        "<Error><Code>RequestTimeTooSkewed</Code><Message>too far</Message><RequestTime>20261122T010000Z</RequestTime>"
        "<ServerTime>2026-11-22T02:17:00Z</ServerTime><MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>"
        "</Error>");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->server_time, at(2026, 11, 22, clock_0217));
}

TEST(S3ErrorReply, KeepsItsCodeWhenItsTimeIsNone) {
    const auto error = parse_error("<Error><Code>RequestTimeTooSkewed</Code><ServerTime>noon</ServerTime></Error>");
    ASSERT_TRUE(error);
    EXPECT_FALSE(error->server_time);
}

TEST(S3ErrorReply, OfB2WithLinesAndBlanks) {
    const auto error = parse_error(R"(<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Error>
    <Code>ServiceUnavailable</Code>
    <Message>no tomes available</Message>
</Error>
)");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "ServiceUnavailable");
    EXPECT_EQ(error->message, "no tomes available");
    EXPECT_EQ(error->request_id, "");
}

TEST(S3ErrorReply, OfCephWithoutAMessage) {
    const auto error = parse_error(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NoSuchKey</Code><Message></Message>"
        "<BucketName>pal</BucketName><RequestId>tx0000-0065-default</RequestId><HostId>1-default-default</HostId>"
        "</Error>");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "NoSuchKey");
    EXPECT_EQ(error->request_id, "tx0000-0065-default");
}

TEST(S3ErrorReply, OfMinioWithEntitiesAndCdata) {
    const auto error = parse_error(
        "<Error><Code>AccessDenied</Code><Message>a &lt;b&gt; &amp; <![CDATA[<c>]]> &#39;d&#x27;</Message>"
        "<Resource>/pal/x</Resource></Error>");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->message, "a <b> & <c> 'd'");
}

TEST(S3ErrorReply, ComesWithAnyPrefixAndWhiteSpaceBeforeIt) {
    const auto error = parse_error("\r\n \t" + std::string(declaration) +
                                   "<s3:Error xmlns:s3=\"urn:x\"><s3:Code>SlowDown</s3:Code></s3:Error>\n\n");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "SlowDown");
}

TEST(S3ErrorReply, IsNoneInWhatIsNot) {
    const std::string error = "<Error><Code>SlowDown</Code></Error>";
    ASSERT_TRUE(parse_error(error));
    const std::string nul(1, '\0');
    const std::vector<std::string> others = {
        "",
        "   \n",
        "Service Unavailable",
        "<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1><hr>nginx</body></html>",
        "<!DOCTYPE html><html><body><p>unclosed<br></body></html>",
        "{\"code\":\"SlowDown\"}",
        "<Error></Error>",
        "<Error/>",
        "<Error><Code/></Error>",
        "<Error><Message>without a code</Message></Error>",
        "<Errors><Error><Code>SlowDown</Code></Error></Errors>",
        "<Error><Code>SlowDown</Code>",
        "<Error><Code>SlowDo",
        "text " + error,
        error + " text",
        error + error,
        "<Error><Code>Slow&#0;Down</Code></Error>",
        "<Error><Code>Slow&#x000;Down</Code></Error>",
        "<Error><Code>Slow" + nul + "Down</Code></Error>",
        error + nul,
        error + nul + error,
    };
    for (const std::string& other : others) {
        EXPECT_FALSE(parse_error(other)) << other;
    }
}

TEST(S3ErrorReply, NeverExpandsADocumentsOwnEntities) {
    const auto error = parse_error(
        "<!DOCTYPE Error [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;\"><!ENTITY f SYSTEM \"file:///etc/passwd\">]>"
        "<Error><Code>X</Code><Message>&b;&f;</Message></Error>");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->message, "&b;&f;");
}

TEST(S3Replies, SurviveHugeNesting) {
    constexpr std::size_t depth = 1'000'000;
    std::string open;
    std::string close;
    for (std::size_t i = 0; i < depth; ++i) {
        open += "<a>";
        close += "</a>";
    }
    EXPECT_FALSE(parse_error(open));
    EXPECT_FALSE(parse_error(open + close));
    const auto error = parse_error("<Error><Code>X</Code><Detail>" + open + close + "</Detail></Error>");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "X");
}

// --- Multipart uploads

constexpr std::string_view initiated = R"(<?xml version="1.0" encoding="UTF-8"?>
<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>pal</Bucket><Key>pg/x</Key><UploadId>VXBsb2FkIElE/+==</UploadId></InitiateMultipartUploadResult>)";

TEST(S3UploadId, IsTakenAsItIs) {
    EXPECT_EQ(parse_upload_id(initiated), "VXBsb2FkIElE/+==");
}

TEST(S3UploadId, IsNoneInWhatIsNoSuchReply) {
    const std::string reply(initiated);
    EXPECT_FALSE(parse_upload_id(replaced(reply, "VXBsb2FkIElE/+==", "")));
    EXPECT_FALSE(parse_upload_id(replaced(reply, "<UploadId>VXBsb2FkIElE/+==</UploadId>", "")));
    EXPECT_FALSE(parse_upload_id(replaced(reply, "</UploadId>", "</UploadId><UploadId>other</UploadId>")));
    EXPECT_FALSE(parse_upload_id(replaced(reply, "VXBsb2FkIElE/+==", "<b>x</b>")));
    EXPECT_FALSE(parse_upload_id("<Error><Code>InternalError</Code></Error>"));
}

TEST(S3UploadId, IsNeverReadFromATruncatedReply) {
    for (std::size_t length = 0; length < initiated.size(); ++length) {
        EXPECT_FALSE(parse_upload_id(initiated.substr(0, length))) << length;
    }
}

std::string completed(std::string_view etag) {
    return std::string(declaration) +
           "<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
           "<Location>https://pal.s3.eu-west-1.amazonaws.com/pg%2Fx</Location><Bucket>pal</Bucket><Key>pg/x</Key>" +
           std::string(etag) + "</CompleteMultipartUploadResult>";
}

TEST(S3CompletedUpload, HasItsEtagWithoutQuotes) {
    const std::string plain = "3858f62230ac3c915f300c664312c11f-9";
    EXPECT_EQ(parse_completed_etag(completed("<ETag>\"" + plain + "\"</ETag>")), plain);
    EXPECT_EQ(parse_completed_etag(completed("<ETag>&quot;" + plain + "&quot;</ETag>")), plain);
    EXPECT_EQ(parse_completed_etag(completed("<ETag>&#34;" + plain + "&#34;</ETag>")), plain);
    EXPECT_EQ(parse_completed_etag(completed("<ETag>" + plain + "</ETag>")), plain);
    EXPECT_EQ(parse_completed_etag(completed("<ETag>\"</ETag>")), "\"");
}

TEST(S3CompletedUpload, MayHaveTheEmptyEtagOfCeph) {
    EXPECT_EQ(parse_completed_etag(completed("<ETag></ETag>")), "");
    EXPECT_EQ(parse_completed_etag(completed("<ETag/>")), "");
    EXPECT_EQ(parse_completed_etag(completed("<ETag>\"\"</ETag>")), "");
}

TEST(S3CompletedUpload, ComesAfterTheWhiteSpaceThatKeepsTheConnectionOpen) {
    EXPECT_EQ(parse_completed_etag(std::string(3000, ' ') + "\n" + completed("<ETag>\"e\"</ETag>")), "e");
    EXPECT_EQ(parse_completed_etag(replaced(completed("<ETag>\"e\"</ETag>"), "?>\n", "?>" + std::string(3000, ' '))),
              "e");
}

TEST(S3CompletedUpload, IsNoSuccessWithoutAnEtagOrWithAnError) {
    EXPECT_FALSE(parse_completed_etag(completed("")));
    EXPECT_FALSE(parse_completed_etag(completed("<ETag>a</ETag><ETag>b</ETag>")));
    EXPECT_FALSE(parse_completed_etag(""));
    EXPECT_FALSE(parse_completed_etag("   \n   "));
    const std::string error = "  \n" + std::string(declaration) + "<Error><Code>InternalError</Code></Error>";
    EXPECT_FALSE(parse_completed_etag(error));
    EXPECT_EQ(parse_error(error)->code, "InternalError");
}

TEST(S3CompleteBody, NumbersPartsFromOneAndKeepsEtagsAsGiven) {
    EXPECT_EQ(complete_body({"\"a\"", "b"}),
              "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
              "<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
              "<Part><PartNumber>2</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>");
}

TEST(S3CompleteBody, EscapesAHostileEtag) {
    EXPECT_THAT(complete_body({"</ETag>&"}), HasSubstr("<ETag>&lt;/ETag&gt;&amp;</ETag>"));
}

// --- Listings

std::string contents(std::string_view key, std::string_view size = "42") {
    return "<Contents><Key>" + std::string(key) + "</Key><LastModified>2026-11-22T02:17:00.000Z</LastModified>" +
           "<ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag><Size>" + std::string(size) +
           "</Size><StorageClass>STANDARD</StorageClass></Contents>";
}

std::string object_page(std::string_view fields, std::string_view inner) {
    return std::string(declaration) + "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>pal" +
           "</Name><Prefix>pg/</Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>" + std::string(fields) +
           std::string(inner) + "</ListBucketResult>";
}

constexpr std::string_view last = "<IsTruncated>false</IsTruncated>";
constexpr std::string_view more =
    "<IsTruncated>true</IsTruncated><NextContinuationToken>1ueGcxLPRx1Tr/XYExHn+8k=</NextContinuationToken>";

TEST(S3ObjectPage, OfAws) {
    const auto page = parse_object_page(object_page(more, contents("pg/a") + contents("pg/b", "18446744073709551615")));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->next, "1ueGcxLPRx1Tr/XYExHn+8k=");
    ASSERT_EQ(page->objects.size(), 2U);
    EXPECT_EQ(page->objects[0].key, "pg/a");
    EXPECT_EQ(page->objects[0].size, 42U);
    EXPECT_EQ(page->objects[0].modified, at(2026, 11, 22, clock_0217));
    EXPECT_EQ(page->objects[0].etag, "9b2cf535f27731c974343645a3985328");
    EXPECT_EQ(page->objects[1].size, 18'446'744'073'709'551'615U);
}

TEST(S3ObjectPage, OfAnEmptyBucket) {
    const auto page = parse_object_page(object_page(last, ""));
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->objects.empty());
    EXPECT_EQ(page->next, "");
}

TEST(S3ObjectPage, OfR2WithOtherOrderAndNoNamespace) {
    const auto page = parse_object_page(
        "<ListBucketResult><Name>pal</Name><Contents><Size>0</Size><ETag>\"d41d8cd98f00b204e9800998ecf8427e\"</ETag>"
        "<LastModified>2026-11-22T02:17:00.123Z</LastModified><Key>pg/empty</Key></Contents>"
        "<IsTruncated>false</IsTruncated><NextContinuationToken></NextContinuationToken></ListBucketResult>");
    ASSERT_TRUE(page);
    ASSERT_EQ(page->objects.size(), 1U);
    EXPECT_EQ(page->objects[0].modified, at(2026, 11, 22, clock_0217, 123));
    EXPECT_EQ(page->objects[0].etag, "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(S3ObjectPage, MayLackEtags) {
    const auto page = parse_object_page(
        object_page(last,
                    "<Contents><Key>k</Key><Size>1</Size><LastModified>2026-11-22T02:17:00Z</LastModified>"
                    "</Contents>"));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->objects.at(0).etag, "");
}

TEST(S3ObjectPage, DecodesKeysAndNoTokensWhereTheReplySaysSo) {
    const std::string fields =
        "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>a+b%2F</NextContinuationToken>";
    const auto page = parse_object_page(object_page(fields, contents("pg/a+b%2Bc%C3%A9%01%00z")));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->objects.at(0).key, std::string("pg/a b+c\xC3\xA9\x01\0z", 13));
    EXPECT_EQ(page->next, "a+b%2F");
    const auto plain = parse_object_page(object_page(last, contents("pg/a+b%2Bc")));
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->objects.at(0).key, "pg/a+b%2Bc");
}

TEST(S3ObjectPage, IsNotUnderstoodWhenAnEncodedKeyIsBroken) {
    const std::string fields = "<EncodingType>url</EncodingType>" + std::string(last);
    EXPECT_TRUE(parse_object_page(object_page(fields, contents("pg/%41"))));
    EXPECT_FALSE(parse_object_page(object_page(fields, contents("pg/%zz"))));
    EXPECT_TRUE(parse_object_page(object_page(last, contents("pg/%zz"))));
}

TEST(S3ObjectPage, KeepsBlanksInKeys) {
    const auto page = parse_object_page(object_page(last, contents(" ") + contents(" a  b ") + contents("a&#13;b")));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->objects.at(0).key, " ");
    EXPECT_EQ(page->objects.at(1).key, " a  b ");
    EXPECT_EQ(page->objects.at(2).key, "a\rb");
}

TEST(S3ObjectPage, IsNotUnderstoodWhenAnythingInItIsNot) {
    const std::string good = object_page(more, contents("pg/a") + contents("pg/b"));
    ASSERT_TRUE(parse_object_page(good));
    const std::vector<std::pair<std::string, std::string>> damages = {
        {"<Key>pg/b</Key>", ""},
        {"<Key>pg/b</Key>", "<Key></Key>"},
        {"<Key>pg/b</Key>", "<Key>pg/b</Key><Key>pg/c</Key>"},
        {"<Key>pg/b</Key>", "<Key>pg/<b>b</b></Key>"},
        {"<Size>42</Size>", ""},
        {"<Size>42</Size>", "<Size></Size>"},
        {"<Size>42</Size>", "<Size>-1</Size>"},
        {"<Size>42</Size>", "<Size>+1</Size>"},
        {"<Size>42</Size>", "<Size>4e2</Size>"},
        {"<Size>42</Size>", "<Size> 42</Size>"},
        {"<Size>42</Size>", "<Size>18446744073709551616</Size>"},
        {"<Size>42</Size>", "<Size>" + std::string(5000, '9') + "</Size>"},
        {"2026-11-22T02:17:00.000Z", "yesterday"},
        {"2026-11-22T02:17:00.000Z", ""},
        {"<IsTruncated>true</IsTruncated>", "<IsTruncated>perhaps</IsTruncated>"},
        {"1ueGcxLPRx1Tr/XYExHn+8k=", ""},
        {"<NextContinuationToken>1ueGcxLPRx1Tr/XYExHn+8k=</NextContinuationToken>", ""},
        {"<MaxKeys>", "<EncodingType>base64</EncodingType><MaxKeys>"},
        {"<ListBucketResult ", "<ListBucketsResult "},
    };
    for (const auto& [from, to] : damages) {
        EXPECT_FALSE(parse_object_page(replaced(good, from, to))) << from << " -> " << to;
    }
}

TEST(S3ObjectPage, IsNeverReadFromATruncatedReply) {
    const std::string good = object_page(last, contents("pg/a"));
    for (std::size_t length = 0; length < good.size(); ++length) {
        EXPECT_FALSE(parse_object_page(good.substr(0, length))) << length;
    }
}

// One page of an object with `modified`; nothing where it was not understood.
std::optional<TimePoint> modified(const std::string& time) {
    const auto page = parse_object_page(object_page(last, replaced(contents("k"), "2026-11-22T02:17:00.000Z", time)));
    return page ? std::optional(page->objects.at(0).modified) : std::nullopt;
}

TEST(S3Times, ComeWithAndWithoutFraction) {
    const TimePoint whole = at(2026, 11, 22, clock_0217);
    EXPECT_EQ(modified("2026-11-22T02:17:00Z"), whole);
    EXPECT_EQ(modified("2026-11-22T02:17:00.000Z"), whole);
    EXPECT_EQ(modified("2026-11-22T02:17:00.5Z"), at(2026, 11, 22, clock_0217, 500));
    EXPECT_EQ(modified("2026-11-22T02:17:00.123456789Z"), whole + std::chrono::nanoseconds(123'456'789));
    EXPECT_EQ(modified("2026-11-22T02:17:00.1234567891234567Z"), whole + std::chrono::nanoseconds(123'456'789));
    EXPECT_EQ(modified("2026-11-22T03:17:00.000+01:00"), whole);
    EXPECT_EQ(modified("2026-11-21T21:47:00-04:30"), whole);
    EXPECT_EQ(modified("2028-02-29T00:00:00Z"), at(2028, 2, 29, 0));
    EXPECT_EQ(modified("1970-01-01T00:00:00Z"), at(1970, 1, 1, 0));
    EXPECT_EQ(modified("2261-12-31T23:59:59Z"), at(2261, 12, 31, 86'399));
    EXPECT_EQ(modified("2016-12-31T23:59:60Z"), at(2017, 1, 1, 0));
}

TEST(S3Times, AreNoneForWhatIsNoDate) {
    for (const auto* time : {"2026-11-22",
                             "2026-11-22T02:17Z",
                             "2026-11-22T02:17:00",
                             "2026-11-22 02:17:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2026-02-29T00:00:00Z",
                             "2026-11-00T00:00:00Z",
                             "2026-11-22T24:00:00Z",
                             "2026-11-22T02:60:00Z",
                             "2026-11-22T02:17:61Z",
                             "2026-11-22T02:17:00.Z",
                             "2026-11-22T02:17:00ZZ",
                             "2026-11-22T02:17:00+24:00",
                             "2026-11-22T02:17:00+0100",
                             "2026-11-22T02:17:00*01:00",
                             "0001-01-01T00:00:00Z",
                             "1969-12-31T23:59:59Z",
                             "1970-01-01T00:00:00+00:01",
                             "2262-01-01T00:00:00Z",
                             "9999-12-31T23:59:59Z",
                             "+026-11-22T02:17:00Z",
                             "2026-11-2 T02:17:00Z",
                             "20261122T021700Z",
                             "Sun, 22 Nov 2026 02:17:00 GMT"}) {
        EXPECT_FALSE(modified(time)) << time;
    }
}

// --- Versions

std::string version_page(std::string_view fields, std::string_view inner) {
    return std::string(declaration) + "<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
           "<Name>pal</Name><Prefix>pg/</Prefix><KeyMarker/><VersionIdMarker/><MaxKeys>1000</MaxKeys>" +
           std::string(fields) + std::string(inner) + "</ListVersionsResult>";
}

std::string version(std::string_view key, std::string_view id, bool newest) {
    return "<Version><Key>" + std::string(key) + "</Key><VersionId>" + std::string(id) + "</VersionId><IsLatest>" +
           (newest ? "true" : "false") + "</IsLatest><LastModified>2026-11-22T02:17:00.000Z</LastModified>" +
           "<ETag>\"e\"</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass><Owner><ID>o</ID></Owner></Version>";
}

std::string marker(std::string_view key, std::string_view id, bool newest) {
    return "<DeleteMarker><Key>" + std::string(key) + "</Key><VersionId>" + std::string(id) + "</VersionId><IsLatest>" +
           (newest ? "true" : "false") +
           "</IsLatest><LastModified>2026-11-22T02:18:00.000Z</LastModified><Owner><ID>o</ID></Owner></DeleteMarker>";
}

TEST(S3VersionPage, KeepsHideMarkersBetweenVersionsInTheRepliesOrder) {
    const auto page =
        parse_version_page(version_page(last, version("pg/a", "4_z27_a2", true) + marker("pg/b", "4_z27_b3", true) +
                                                  version("pg/b", "4_z27_b2", false) +
                                                  marker("pg/b", "4_z27_b1", false) + version("pg/b", "null", false)));
    ASSERT_TRUE(page);
    EXPECT_THAT(
        page->versions,
        ElementsAre(Field(&ListedVersion::version_id, "4_z27_a2"), Field(&ListedVersion::version_id, "4_z27_b3"),
                    Field(&ListedVersion::version_id, "4_z27_b2"), Field(&ListedVersion::version_id, "4_z27_b1"),
                    Field(&ListedVersion::version_id, "null")));
    EXPECT_FALSE(page->versions[0].hide_marker);
    EXPECT_TRUE(page->versions[0].latest);
    EXPECT_EQ(page->versions[0].size, 7U);
    EXPECT_EQ(page->versions[0].etag, "e");
    EXPECT_TRUE(page->versions[1].hide_marker);
    EXPECT_TRUE(page->versions[1].latest);
    EXPECT_EQ(page->versions[1].modified, at(2026, 11, 22, clock_0217 + 60));
    EXPECT_FALSE(page->versions[2].latest);
    EXPECT_EQ(page->next_key, "");
    EXPECT_EQ(page->next_version_id, "");
}

constexpr std::string_view more_versions =
    "<IsTruncated>true</IsTruncated><NextKeyMarker>pg/b+c</NextKeyMarker>"
    "<NextVersionIdMarker>3sL4+/=</NextVersionIdMarker>";

TEST(S3VersionPage, SaysWhereToGoOn) {
    const auto page = parse_version_page(version_page(more_versions, version("pg/a", "1", true)));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->next_key, "pg/b+c");
    EXPECT_EQ(page->next_version_id, "3sL4+/=");
}

TEST(S3VersionPage, DecodesKeysAndTheKeyMarkerButNoIds) {
    const auto page = parse_version_page(version_page("<EncodingType>url</EncodingType>" + std::string(more_versions),
                                                      version("pg%2Fa+b", "a+b%2F", true)));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->versions.at(0).key, "pg/a b");
    EXPECT_EQ(page->versions.at(0).version_id, "a+b%2F");
    EXPECT_EQ(page->next_key, "pg/b c");
    EXPECT_EQ(page->next_version_id, "3sL4+/=");
}

TEST(S3VersionPage, MayGoOnWithAKeyAlone) {
    const auto page =
        parse_version_page(version_page("<IsTruncated>true</IsTruncated><NextKeyMarker>pg/b</NextKeyMarker>", ""));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->next_key, "pg/b");
    EXPECT_EQ(page->next_version_id, "");
}

TEST(S3VersionPage, IgnoresMarkersOnTheLastPage) {
    const auto page =
        parse_version_page(version_page("<IsTruncated>false</IsTruncated><NextKeyMarker>x</NextKeyMarker>"
                                        "<NextVersionIdMarker>y</NextVersionIdMarker>",
                                        ""));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->next_key + page->next_version_id, "");
}

TEST(S3VersionPage, IsNotUnderstoodWhenAnythingInItIsNot) {
    const std::string good = version_page(more_versions, version("pg/a", "11", true) + marker("pg/b", "22", true));
    ASSERT_TRUE(parse_version_page(good));
    const std::vector<std::pair<std::string, std::string>> damages = {
        {"<VersionId>11</VersionId>", ""},
        {"<VersionId>22</VersionId>", ""},
        {"<VersionId>22</VersionId>", "<VersionId/>"},
        {"<Key>pg/b</Key>", ""},
        {"<Size>7</Size>", ""},
        {"<Size>7</Size>", "<Size>99999999999999999999</Size>"},
        {"<IsLatest>true</IsLatest>", "<IsLatest>yes</IsLatest>"},
        {"2026-11-22T02:18:00.000Z", "2026-11-31T02:18:00.000Z"},
        {"<NextKeyMarker>pg/b+c</NextKeyMarker>", ""},
        {"<ETag>\"e\"</ETag>", "<ETag>\"e\"</ETag><ETag>\"f\"</ETag>"},
    };
    for (const auto& [from, to] : damages) {
        EXPECT_FALSE(parse_version_page(replaced(good, from, to))) << from << " -> " << to;
    }
    EXPECT_FALSE(parse_version_page(object_page(last, "")));
}

// --- Unfinished uploads

constexpr std::string_view upload =
    "<Upload><Key>pg/x</Key><UploadId>4_z27_f200</UploadId><Initiator><ID>i</ID></Initiator><Owner><ID>o</ID></Owner>"
    "<StorageClass>STANDARD</StorageClass><Initiated>2026-11-22T02:17:00.000Z</Initiated></Upload>";

std::string upload_page(std::string_view fields, std::string_view inner) {
    return std::string(declaration) + "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
           "<Bucket>pal</Bucket><KeyMarker/><UploadIdMarker/><MaxUploads>1000</MaxUploads>" + std::string(fields) +
           std::string(inner) + "</ListMultipartUploadsResult>";
}

TEST(S3UploadPage, ListsUploadsAndSaysWhereToGoOn) {
    const auto page =
        parse_upload_page(upload_page("<IsTruncated>true</IsTruncated><NextKeyMarker>pg/x</NextKeyMarker>"
                                      "<NextUploadIdMarker>4_z27_f200</NextUploadIdMarker>",
                                      upload));
    ASSERT_TRUE(page);
    ASSERT_EQ(page->uploads.size(), 1U);
    EXPECT_EQ(page->uploads[0].key, "pg/x");
    EXPECT_EQ(page->uploads[0].upload_id, "4_z27_f200");
    EXPECT_EQ(page->uploads[0].initiated, at(2026, 11, 22, clock_0217));
    EXPECT_EQ(page->next_key, "pg/x");
    EXPECT_EQ(page->next_upload_id, "4_z27_f200");
}

TEST(S3UploadPage, MayBeEmpty) {
    const auto page = parse_upload_page(upload_page(last, ""));
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->uploads.empty());
    EXPECT_EQ(page->next_key, "");
}

TEST(S3UploadPage, IsNotUnderstoodWhenAnythingInItIsNot) {
    const std::string good = upload_page(last, upload);
    ASSERT_TRUE(parse_upload_page(good));
    EXPECT_FALSE(parse_upload_page(replaced(good, "<UploadId>4_z27_f200</UploadId>", "")));
    EXPECT_FALSE(parse_upload_page(replaced(good, "<Key>pg/x</Key>", "")));
    EXPECT_FALSE(parse_upload_page(replaced(good, "2026-11-22T02:17:00.000Z", "")));
    EXPECT_FALSE(parse_upload_page(replaced(good, "false", "true")));
}

// --- Lifecycle rules

std::string lifecycle(const std::string& rules) {
    return std::string(declaration) + R"(<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)" +
           rules + "</LifecycleConfiguration>";
}

// What Backblaze B2 makes of daysFromUploadingToHiding 30 and daysFromHidingToDeleting 7.
TEST(S3Lifecycle, OfBackblaze) {
    const auto rules = parse_lifecycle(
        lifecycle("<Rule><ID>a</ID><Filter><Prefix>postgres/</Prefix></Filter><Status>Enabled</Status>"
                  "<Expiration><Days>30</Days></Expiration>"
                  "<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration></Rule>"
                  "<Rule><ID>b</ID><Filter><Prefix>postgres/</Prefix></Filter><Status>Enabled</Status>"
                  "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>"));
    ASSERT_TRUE(rules);
    ASSERT_EQ(rules->size(), 1U);
    EXPECT_EQ(rules->front().prefix, "postgres/");
    EXPECT_EQ(rules->front().days, 30U);
    EXPECT_EQ(rules->front().noncurrent_days, 7U);
    EXPECT_FALSE(rules->front().date);
    EXPECT_FALSE(rules->front().abort_days);
}

TEST(S3Lifecycle, LeavesOutWhatDoesNotConcernUs) {
    const auto none = parse_lifecycle(lifecycle(
        "<Rule><Filter><Prefix/></Filter><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
        "<Rule><Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><Status>Enabled</Status>"
        "<Expiration><Days>1</Days></Expiration></Rule>"
        "<Rule><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>"
        "<Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
        "<Rule><Prefix/><Status>Enabled</Status>"
        "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>"));
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
}

TEST(S3Lifecycle, OfEveryForm) {
    const auto rules = parse_lifecycle(lifecycle(
        "<Rule><Prefix>old/</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
        "<Rule><Filter/><Status>Enabled</Status><Expiration><Date>2026-12-01T00:00:00Z</Date></Expiration></Rule>"
        "<Rule><Filter><And><Prefix>large/</Prefix><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter>"
        "<Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>"));
    ASSERT_TRUE(rules);
    ASSERT_EQ(rules->size(), 3U);
    EXPECT_EQ((*rules)[0].prefix, "old/");
    EXPECT_EQ((*rules)[1].prefix, "");
    EXPECT_EQ((*rules)[1].date, at(2026, 12, 1, 0));
    EXPECT_EQ((*rules)[2].prefix, "large/");
}

TEST(S3Lifecycle, OfWhatIsUnfinishedAndOfColdClasses) {
    const auto rules = parse_lifecycle(lifecycle(
        "<Rule><Filter/><Status>Enabled</Status>"
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
        "<Transition><Days>1</Days><StorageClass>STANDARD_IA</StorageClass></Transition>"
        "<Transition><Days>9</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>"));
    ASSERT_TRUE(rules);
    ASSERT_EQ(rules->size(), 1U);
    EXPECT_EQ(rules->front().abort_days, 3U);
    EXPECT_EQ(rules->front().moves_to, "GLACIER");
    EXPECT_FALSE(rules->front().days);
}

TEST(S3Lifecycle, IsUnderstoodAsAWholeOrNotAtAll) {
    EXPECT_FALSE(parse_lifecycle(""));
    EXPECT_FALSE(parse_lifecycle("<Error><Code>X</Code></Error>"));
    for (const char* const days : {"", "x", "-1", "1.5", "99999999999999999999999"}) {
        EXPECT_FALSE(parse_lifecycle(lifecycle("<Rule><Filter/><Status>Enabled</Status><Expiration><Days>" +
                                               std::string(days) + "</Days></Expiration></Rule>")))
            << days;
    }
    EXPECT_FALSE(parse_lifecycle(
        lifecycle("<Rule><Filter/><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>x"
                  "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>")));
    EXPECT_FALSE(parse_lifecycle(
        lifecycle("<Rule><Filter/><Status>Enabled</Status><Expiration><Date>soon</Date></Expiration></Rule>")));
}

}  // namespace
}  // namespace lifeboat::s3
