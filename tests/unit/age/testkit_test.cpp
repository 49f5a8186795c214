// The published test vectors of the age format: testkit/ORIGIN.md says which, and from where.
#include "round_trip.hpp"

#include <gmock/gmock.h>

#include <openssl/evp.h>
#include <zlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace lifeboat::age {
namespace {

using testing::StartsWith;

struct Vector {
    std::string expect;
    std::optional<std::string> payload_sha256;
    std::vector<Identity> identities;
    bool compressed = false;
    std::string file;
};

std::string inflated(const std::string& compressed) {
    std::string input = compressed;  // zlib takes a pointer to what it will not change
    z_stream stream{};
    EXPECT_EQ(inflateInit(&stream), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    std::string output;
    std::string part(chunk, '\0');
    int state = Z_OK;
    while (state == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(part.data());
        stream.avail_out = static_cast<uInt>(part.size());
        state = inflate(&stream, Z_NO_FLUSH);
        output.append(part, 0, part.size() - stream.avail_out);
    }
    EXPECT_EQ(state, Z_STREAM_END);
    inflateEnd(&stream);
    return output;
}

std::string sha256_hex(const std::string& text) {
    std::array<unsigned char, 32> digest{};
    unsigned size = 0;
    EXPECT_EQ(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr), 1);
    std::string hex;
    for (const unsigned char byte : digest) {
        hex.push_back("0123456789abcdef"[byte >> 4U]);
        hex.push_back("0123456789abcdef"[byte & 15U]);
    }
    return hex;
}

void take_header_line(Vector& vector, const std::string& key, const std::string& value) {
    if (key == "expect") {
        vector.expect = value;
    } else if (key == "payload") {
        vector.payload_sha256 = value;
    } else if (key == "identity") {
        auto identity = Identity::parse(value);
        ASSERT_TRUE(identity.ok()) << identity.error().what;
        vector.identities.push_back(*identity);
    } else if (key == "compressed") {
        ASSERT_EQ(value, "zlib");
        vector.compressed = true;
    } else {
        ASSERT_TRUE(key == "file key" || key == "comment" || key == "passphrase") << "unknown key '" << key << "'";
    }
}

Vector load(const std::string& name) {
    std::ifstream source(std::filesystem::path(AGE_VECTORS) / name, std::ios::binary);
    Vector vector;
    for (std::string line; std::getline(source, line) && !line.empty();) {
        const std::size_t colon = line.find(": ");
        EXPECT_NE(colon, std::string::npos) << line;
        take_header_line(vector, line.substr(0, colon), line.substr(colon + 2));
    }
    vector.file.assign(std::istreambuf_iterator<char>(source), {});
    if (vector.compressed) {
        vector.file = inflated(vector.file);
    }
    if (vector.identities.empty()) {
        vector.identities.push_back(new_identity());  // the one without must fail before any is tried
    }
    return vector;
}

std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(AGE_VECTORS)) {
        names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
}

void expect_outcome(const Vector& vector, const Opened& opened) {
    const std::string what = opened.status.ok() ? "" : opened.status.error().what;
    if (vector.expect == "success") {
        EXPECT_TRUE(opened.status.ok()) << what;
        EXPECT_EQ(opened.finishes, 1);
    } else {
        ASSERT_FALSE(opened.status.ok());
        EXPECT_EQ(opened.finishes, 0);
        EXPECT_EQ(opened.status.error().kind, vector.expect == "no match" ? ErrorKind::usage : ErrorKind::corrupt);
    }
    const bool mac_fault = what.starts_with("age header's MAC does not match");
    if (vector.expect == "no match") {
        EXPECT_THAT(what, StartsWith("age file cannot be opened"));
    } else if (vector.expect == "HMAC failure") {
        EXPECT_TRUE(mac_fault) << what;
    } else if (vector.expect == "header failure") {
        EXPECT_TRUE(what.starts_with("age header") && !mac_fault) << what;
    } else if (vector.expect == "payload failure") {
        EXPECT_THAT(what, StartsWith("age payload"));
    } else {
        EXPECT_EQ(vector.expect, "success");
    }
    // Where a payload is named it is all the plaintext that may come out, also before a failure.
    EXPECT_EQ(sha256_hex(opened.plaintext), vector.payload_sha256.value_or(sha256_hex("")));
}

class AgeVector : public testing::TestWithParam<std::string> {};

TEST_P(AgeVector, EndsAsPublished) {
    const Vector vector = load(GetParam());
    expect_outcome(vector, decrypt(vector.identities, vector.file));
}

TEST_P(AgeVector, EndsAsPublishedInSmallPieces) {
    const Vector vector = load(GetParam());
    constexpr std::size_t many = 1U << 20U;
    expect_outcome(vector, decrypt(vector.identities, vector.file, vector.file.size() < many ? 1 : 4093));
}

INSTANTIATE_TEST_SUITE_P(Published, AgeVector, testing::ValuesIn(names()),
                         [](const auto& chosen) { return chosen.param; });

TEST(AgeVectors, AreAllThere) {
    EXPECT_EQ(names().size(), 68U);
}

}  // namespace
}  // namespace lifeboat::age
