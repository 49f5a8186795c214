#include "s3/endpoint.hpp"

#include <gmock/gmock.h>

namespace lifeboat::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

Endpoint resolved(const std::string& endpoint, const std::string& region = "") {
    auto result = resolve_endpoint(endpoint, region);
    EXPECT_TRUE(result.ok()) << endpoint << ": " << (result ? "" : result.error().what);
    return result ? *result : Endpoint{};
}

Error refused(const std::string& endpoint, const std::string& region = "") {
    auto result = resolve_endpoint(endpoint, region);
    EXPECT_FALSE(result.ok()) << endpoint;
    Error error = result ? Error{} : result.error();
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_FALSE(error.next.empty());
    return error;
}

TEST(S3Endpoint, IsAwsWhereNoneIsGiven) {
    const Endpoint there = *resolve_endpoint(std::nullopt, "eu-central-1");
    EXPECT_EQ(there.scheme, "https");
    EXPECT_EQ(there.host, "s3.eu-central-1.amazonaws.com");
    EXPECT_EQ(there.region, "eu-central-1");
    EXPECT_EQ(resolve_endpoint(std::nullopt, std::nullopt)->host, "s3.us-east-1.amazonaws.com");
    EXPECT_EQ(resolved("").region, "us-east-1");
}

TEST(S3Endpoint, KnowsAwsPartitions) {
    EXPECT_EQ(resolved("", "cn-north-1").host, "s3.cn-north-1.amazonaws.com.cn");
    EXPECT_EQ(resolved("", "us-gov-west-1").host, "s3.us-gov-west-1.amazonaws.com");
    EXPECT_EQ(resolved("", "eusc-de-east-1").host, "s3.eusc-de-east-1.amazonaws.eu");
}

struct Host {
    std::string url;
    std::string region;
};

TEST(S3Endpoint, DerivesTheRegionFromTheProvidersHost) {
    const std::vector<Host> hosts = {
        {"https://s3.us-west-004.backblazeb2.com", "us-west-004"},
        {"https://s3.eu-central-003.backblazeb2.com/", "eu-central-003"},
        {"https://s3.eu-west-1.amazonaws.com", "eu-west-1"},
        {"https://s3-eu-west-1.amazonaws.com", "eu-west-1"},
        {"https://s3.dualstack.ap-southeast-2.amazonaws.com", "ap-southeast-2"},
        {"https://s3-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
        {"https://s3.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"},
        {"https://s3.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
        {"https://bucket.vpce-0e25b8cd-argc85vg.s3.us-east-2.vpce.amazonaws.com", "us-east-2"},
        {"https://s3.amazonaws.com", "us-east-1"},
        {"https://s3-external-1.amazonaws.com", "us-east-1"},
        {"https://0123456789abcdef.r2.cloudflarestorage.com", "auto"},
        {"https://0123456789abcdef.eu.r2.cloudflarestorage.com", "auto"},
        {"https://nyc3.digitaloceanspaces.com", "nyc3"},
        {"https://s3.wasabisys.com", "us-east-1"},
        {"https://s3.ap-northeast-2.wasabisys.com", "ap-northeast-2"},
        {"https://s3.fr-par.scw.cloud", "fr-par"},
        {"https://s3.gra.io.cloud.ovh.net", "gra"},
        {"https://s3.us-east-va.io.cloud.ovh.us", "us-east-va"},
        {"https://s3.sbg.perf.cloud.ovh.net", "sbg"},
        {"https://fsn1.your-objectstorage.com", "fsn1"},
        {"https://us-ord-1.linodeobjects.com", "us-ord-1"},
        {"https://sos-ch-gva-2.exo.io", "ch-gva-2"},
        {"https://s3-eu-central-1.ionoscloud.com", "de"},
        {"https://s3-eu-central-2.ionoscloud.com", "eu-central-2"},
        {"https://oos.eu-west-2.outscale.com", "eu-west-2"},
        {"https://storage.googleapis.com", "auto"},
        {"https://t3.storage.dev", "auto"},
        {"https://S3.US-West-004.BackblazeB2.com:443", "us-west-004"},
        {"http://minio.example.svc:9000", "us-east-1"},
        {"http://127.0.0.1:7070", "us-east-1"},
        {"http://[::1]:7070", "us-east-1"},
        // Names that only look like a provider's.
        {"https://s3.eu-west-1.notamazonaws.com", "us-east-1"},
        {"https://s3.us-west-004.backblazeb2.com.example", "us-east-1"},
        {"https://backblazeb2.com", "us-east-1"},
    };
    for (const Host& host : hosts) {
        EXPECT_EQ(resolved(host.url).region, host.region) << host.url;
    }
}

TEST(S3Endpoint, TakesAGivenRegionBeforeADerivedOne) {
    EXPECT_EQ(resolved("https://s3.us-west-004.backblazeb2.com", "elsewhere-1").region, "elsewhere-1");
}

TEST(S3Endpoint, LowersARegionAtAwsAlone) {
    EXPECT_EQ(resolved("", "EU-West-1").region, "eu-west-1");
    EXPECT_EQ(resolved("", "EU-West-1").host, "s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(resolved("https://s3.eu-west-1.amazonaws.com", "EU-West-1").region, "eu-west-1");
    EXPECT_EQ(resolved("http://minio:9000", "MyRegion").region, "MyRegion");
}

TEST(S3Endpoint, KeepsAPortUnlessItIsTheSchemesOwn) {
    EXPECT_EQ(resolved("https://minio.example:9000").host, "minio.example:9000");
    EXPECT_EQ(resolved("https://minio.example:443").host, "minio.example");
    EXPECT_EQ(resolved("https://minio.example:80").host, "minio.example:80");
    EXPECT_EQ(resolved("http://minio.example:80").host, "minio.example");
    EXPECT_EQ(resolved("http://[::1]:80").host, "[::1]");
    EXPECT_EQ(resolved("http://[::1]:9000/").host, "[::1]:9000");
    EXPECT_EQ(resolved("http://minio_1").host, "minio_1");
}

TEST(S3Endpoint, IsLowerCase) {
    const Endpoint endpoint = resolved("HTTPS://Minio.Example");
    EXPECT_EQ(endpoint.scheme, "https");
    EXPECT_EQ(endpoint.host, "minio.example");
}

TEST(S3Endpoint, RefusesWhatIsNoBareUrl) {
    EXPECT_THAT(refused("s3.us-west-004.backblazeb2.com").what, HasSubstr("https://"));
    EXPECT_THAT(refused("ftp://s3.example").what, HasSubstr("https://"));
    EXPECT_THAT(refused("https://s3.example/bucket").what, HasSubstr("more than a host"));
    EXPECT_THAT(refused("https://s3.example?x=1").what, HasSubstr("more than a host"));
    EXPECT_THAT(refused("https://s3.example#x").what, HasSubstr("more than a host"));
    for (const auto* port : {"0", "65536", "", "http", "-1", "+1", "09000", "9000x"}) {
        EXPECT_THAT(refused(std::string("https://s3.example:") + port).what, HasSubstr("port")) << port;
    }
    const std::string long_label(64, 'a');
    for (const std::string& host :
         std::vector<std::string>{"", "a..b", ".a", "a.", "a b", "a\r\nx-evil: 1", "[::1", "[]", "[::g]", "::1",
                                  "ä.example", "a%2e", long_label, std::string("a\0b", 3), std::string("[::1\0]", 6)}) {
        EXPECT_THAT(refused("https://" + host).what, HasSubstr("host")) << host;
    }
}

TEST(S3Endpoint, NeverRepeatsAUserOrItsPassword) {
    const Error error = refused("https://004key:K004secret@s3.us-west-004.backblazeb2.com");
    EXPECT_THAT(error.what, HasSubstr("user"));
    EXPECT_THAT(whole_text(error) + error.next, Not(HasSubstr("K004secret")));
}

TEST(S3Endpoint, RefusesARegionThatWouldChangeAHeaderOrAHost) {
    for (const auto* region : {"us west", "eu/1", "eu.example.com", "a\r\nb", "@"}) {
        EXPECT_THAT(refused("https://s3.example", region).what, HasSubstr("region")) << region;
        refused("", region);
    }
}

TEST(S3Address, IsTheHostAtAwsAndThePathElsewhere) {
    const BucketAddress aws = address_bucket(resolved("", "eu-west-1"), "pal", Addressing::automatic);
    EXPECT_EQ(aws.host, "pal.s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(aws.path_prefix, "");
    const BucketAddress b2 = address_bucket(resolved("https://s3.us-west-004.backblazeb2.com"), "pal", {});
    EXPECT_EQ(b2.host, "s3.us-west-004.backblazeb2.com");
    EXPECT_EQ(b2.path_prefix, "/pal");
}

TEST(S3Address, FollowsTheSetting) {
    EXPECT_EQ(address_bucket(resolved(""), "pal", Addressing::path).path_prefix, "/pal");
    const BucketAddress asked = address_bucket(resolved("https://minio:9000"), "pal", Addressing::virtual_host);
    EXPECT_EQ(asked.host, "pal.minio:9000");
    EXPECT_EQ(asked.path_prefix, "");
}

TEST(S3Address, UsesThePathOnAPrivateLink) {
    const Endpoint link = resolved("https://bucket.vpce-0e25b8cd.s3.us-east-2.vpce.amazonaws.com");
    EXPECT_EQ(address_bucket(link, "pal", Addressing::automatic).path_prefix, "/pal");
}

TEST(S3Address, NeverPutsANameIntoAHostThatCannotCarryIt) {
    for (const auto* bucket : {"pal.backups", "Pal", "pal_backups"}) {
        for (const Addressing way : {Addressing::automatic, Addressing::virtual_host}) {
            const BucketAddress address = address_bucket(resolved(""), bucket, way);
            EXPECT_EQ(address.host, "s3.us-east-1.amazonaws.com");
            EXPECT_EQ(address.path_prefix, std::string("/") + bucket);
        }
    }
    const Endpoint plain = resolved("http://minio:9000");
    EXPECT_EQ(address_bucket(plain, "pal.backups", Addressing::virtual_host).host, "pal.backups.minio:9000");
}

TEST(S3Address, PutsNoNameInFrontOfAnIpAddress) {
    for (const auto* url : {"http://127.0.0.1:7070", "http://[::1]:7070", "http://10.0.0.1"}) {
        EXPECT_EQ(address_bucket(resolved(url), "pal", Addressing::virtual_host).path_prefix, "/pal") << url;
    }
}

}  // namespace
}  // namespace lifeboat::s3
