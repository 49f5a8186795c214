// AWS's own vectors, as far as S3's rules are those of every service: see data/aws-signing-test-suite/ORIGIN.md.
#include "s3/signer.hpp"

#include "stream/sha256.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace lifeboat::s3 {
namespace {

namespace fs = std::filesystem;

const fs::path suite = fs::path(LIFEBOAT_S3_DATA) / "aws-signing-test-suite";

std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    EXPECT_TRUE(in.is_open()) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

// What stands before `separator`, which is taken away with it.
std::string take_until(std::string& text, std::string_view separator) {
    const std::size_t at = std::min(text.find(separator), text.size());
    std::string taken = text.substr(0, at);
    text.erase(0, at + separator.size());
    return taken;
}

std::string decoded(const std::string& text) {
    return decode(text).value();
}

Query query_of(std::string text) {
    Query query;
    while (!text.empty()) {
        std::string parameter = take_until(text, "&");
        const std::string name = take_until(parameter, "=");
        query.emplace_back(decoded(name), decoded(parameter));
    }
    return query;
}

// "GET /path?query HTTP/1.1", headers, an empty line, the body.
SigningInput parse(std::string text) {
    std::string line = take_until(text, "\n");
    SigningInput input;
    input.method = take_until(line, " ");
    std::string target = line.substr(0, line.rfind(" HTTP/1.1"));
    input.path = take_until(target, "?");
    input.query = query_of(target);
    while (!text.empty()) {
        std::string header = take_until(text, "\n");
        if (header.empty()) {
            break;
        }
        std::string name = take_until(header, ":");
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        EXPECT_TRUE(input.headers.emplace(name, header).second) << name << " stands twice";
    }
    input.payload_hash = stream::sha256_hex(text);
    return input;
}

void add_context(SigningInput& input, const nlohmann::json& context) {
    ASSERT_EQ(context.at("timestamp"), "2015-08-30T12:36:00Z");
    input.headers["x-amz-date"] = "20150830T123600Z";
    if (context.at("credentials").contains("token") && !context.value("omit_session_token", false)) {
        input.headers["x-amz-security-token"] = context.at("credentials").at("token");
    }
    if (context.at("sign_body").get<bool>()) {
        input.headers["x-amz-content-sha256"] = input.payload_hash;
    }
}

class AwsSuite : public testing::TestWithParam<std::string> {};

TEST_P(AwsSuite, BecomesTheCanonicalRequestThatAwsExpects) {
    const fs::path folder = suite / GetParam();
    SigningInput input = parse(content(folder / "request.txt"));
    add_context(input, nlohmann::json::parse(content(folder / "context.json")));
    EXPECT_EQ(canonical_request(input), content(folder / "header-canonical-request.txt"));
}

std::vector<std::string> vectors() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(suite)) {
        if (entry.is_directory()) {
            names.push_back(entry.path().filename());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& vector) {
    std::string name = vector.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(S3Signer, AwsSuite, testing::ValuesIn(vectors()), test_name);

TEST(S3Signer, IsHeldAgainstAllVectorsOfTheSuiteThatApply) {
    EXPECT_EQ(vectors().size(), 27U);
}

}  // namespace
}  // namespace lifeboat::s3
