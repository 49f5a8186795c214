#include "s3/payload.hpp"

#include "s3/signer.hpp"
#include "stream/sha256.hpp"

#include <openssl/evp.h>

namespace lifeboat::s3 {
namespace {

Md5 digest(const void* bytes, std::size_t size) {
    Md5 result{};
    // It can only fail where OpenSSL may not do MD5 at all (FIPS): then the server refuses what is sent.
    (void)EVP_Digest(bytes, size, result.data(), nullptr, EVP_md5(), nullptr);
    return result;
}

}  // namespace

Payload::Payload() : sha256(empty_payload), md5(md5_of({})) {}

Payload::Payload(stream::Bytes body)
    : bytes(body), sha256(stream::sha256_hex(stream::as_text(body))), md5(md5_of(body)) {}

Md5 md5_of(stream::Bytes bytes) {
    return digest(bytes.data(), bytes.size());
}

std::string md5_hex(const Md5& digest) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

std::string md5_base64(const Md5& digest) {
    std::array<unsigned char, 25> text{};  // 16 bytes make 24 characters and a NUL
    const int length = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
    return {text.begin(), text.begin() + length};
}

std::string multipart_etag(const std::vector<Md5>& parts) {
    std::string all;
    for (const auto& part : parts) {
        all.append(part.begin(), part.end());
    }
    return md5_hex(md5_of(stream::as_bytes(all))) + "-" + std::to_string(parts.size());
}

}  // namespace lifeboat::s3
