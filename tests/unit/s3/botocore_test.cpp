// The same odd requests signed by us and by botocore: see make_botocore_vectors.py.
#include "s3/endpoint.hpp"
#include "s3/signer.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <vector>

namespace lifeboat::s3 {
namespace {

using nlohmann::json;

const json& table() {
    static const json whole = json::parse(std::ifstream(LIFEBOAT_S3_DATA "/botocore_vectors.json"));
    return whole;
}

// 2026-11-22T02:17:09Z
std::chrono::system_clock::time_point then() {
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(2) + std::chrono::minutes(17) +
           std::chrono::seconds(9);
}

Credentials credentials(const json& request) {
    Credentials given{table().at("key_id"), Secret(table().at("secret").get<std::string>()), std::nullopt};
    if (const json& token = request.at("token"); !token.is_null()) {
        given.session_token = Secret(token.get<std::string>());
    }
    return given;
}

SigningInput input_of(const json& request) {
    SigningInput input;
    input.method = request.at("method");
    input.path = request.at("path");
    input.query = request.at("query").get<Query>();
    input.headers = request.at("headers").get<Headers>();
    input.headers["host"] = resolve_endpoint(request.at("endpoint").get<std::string>(), std::nullopt).value().host;
    input.payload_hash = request.at("payload_hash");
    return input;
}

class Botocore : public testing::TestWithParam<json> {};

TEST_P(Botocore, SignsThisRequestAsWeDo) {
    const json& request = GetParam();
    ASSERT_EQ(table().at("now"), "2026-11-22T02:17:09Z");
    const SigningInput input = input_of(request);
    const Headers added = sign(input, credentials(request), request.at("region").get<std::string>(), then());
    SigningInput whole = input;
    whole.headers.insert(added.begin(), added.end());
    whole.headers.erase("authorization");
    EXPECT_EQ(canonical_request(whole), request.at("canonical_request").get<std::string>());
    EXPECT_EQ(added.at("authorization"), request.at("authorization").get<std::string>());
    EXPECT_EQ(added.count("x-amz-security-token"), request.at("token").is_null() ? 0U : 1U);
}

INSTANTIATE_TEST_SUITE_P(S3Signer, Botocore, testing::ValuesIn(table().at("requests").get<std::vector<json>>()),
                         [](const auto& test) { return test.param.at("name").template get<std::string>(); });

}  // namespace
}  // namespace lifeboat::s3
