#include "s3/signer.hpp"

#include "stream/sha256.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <ctime>
#include <stdexcept>

namespace lifeboat::s3 {
namespace {

using TimePoint = std::chrono::system_clock::time_point;

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

// A key of the derivation chain; it signs for a day, so it does not stay in memory either.
class DerivedKey {
public:
    DerivedKey(std::string_view key, std::string_view text) {
        unsigned size = 0;
        // HMAC() has one pointer type for bytes, and text is another.
        const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());  // NOLINT(*-reinterpret-cast)
        if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), mac_.data(), &size) ==
                nullptr ||
            size != mac_.size()) {
            throw std::runtime_error("openssl could not compute HMAC-SHA256");
        }
    }
    DerivedKey(const DerivedKey&) = delete;
    DerivedKey& operator=(const DerivedKey&) = delete;
    ~DerivedKey() { OPENSSL_cleanse(mac_.data(), mac_.size()); }

    [[nodiscard]] std::string_view bytes() const {
        return {reinterpret_cast<const char*>(mac_.data()), mac_.size()};  // NOLINT(*-reinterpret-cast)
    }

    [[nodiscard]] std::string hex() const {
        static constexpr std::string_view digits = "0123456789abcdef";
        std::string text;
        text.reserve(mac_.size() * 2);
        for (const unsigned char byte : mac_) {
            text += digits[byte >> 4U];
            text += digits[byte & 15U];
        }
        return text;
    }

private:
    std::array<unsigned char, 32> mac_{};
};

// "20130524T000000Z"
std::string amz_date(TimePoint now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(now));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
    return {text.data(), length};
}

std::string day_of(TimePoint now) {
    return amz_date(now).substr(0, 8);
}

std::string scope_of(std::string_view region, TimePoint now) {
    return day_of(now) + "/" + std::string(region) + "/s3/aws4_request";
}

// Without blanks around, and with one for each run of them inside.
std::string canonical_value(std::string_view value) {
    std::string canonical;
    bool gap = false;
    for (const char c : value) {
        if (c == ' ' || c == '\t') {
            gap = true;
            continue;
        }
        if (gap && !canonical.empty()) {
            canonical += ' ';
        }
        gap = false;
        canonical += c;
    }
    return canonical;
}

// "host;x-amz-date"
std::string signed_headers(const Headers& headers) {
    std::string names;
    for (const auto& [name, value] : headers) {
        names += names.empty() ? "" : ";";
        names += name;
    }
    return names;
}

std::string signature(const Secret& key, std::string_view region, TimePoint now, std::string_view text) {
    const Secret start("AWS4" + std::string(key.reveal()));
    const DerivedKey for_day(start.reveal(), day_of(now));
    const DerivedKey for_region(for_day.bytes(), region);
    const DerivedKey for_service(for_region.bytes(), "s3");
    const DerivedKey for_signing(for_service.bytes(), "aws4_request");
    return DerivedKey(for_signing.bytes(), text).hex();
}

// What goes along with the request beside its signature, and is signed too.
Headers added_headers(const SigningInput& input, const Credentials& credentials, TimePoint now) {
    Headers added{{"x-amz-content-sha256", input.payload_hash}, {"x-amz-date", amz_date(now)}};
    if (credentials.session_token) {
        added.emplace("x-amz-security-token", credentials.session_token->reveal());
    }
    return added;
}

}  // namespace

std::string canonical_request(const SigningInput& input) {
    std::string text = input.method + '\n';
    text += (input.path.empty() ? "/" : encode_path(input.path)) + '\n';
    text += canonical_query(input.query) + '\n';
    for (const auto& [name, value] : input.headers) {
        text += name + ':' + canonical_value(value) + '\n';
    }
    text += '\n' + signed_headers(input.headers) + '\n';
    return text + input.payload_hash;
}

std::string string_to_sign(std::string_view canonical, std::string_view region, TimePoint now) {
    return std::string(algorithm) + '\n' + amz_date(now) + '\n' + scope_of(region, now) + '\n' +
           stream::sha256_hex(canonical);
}

Headers sign(const SigningInput& input, const Credentials& credentials, std::string_view region, TimePoint now) {
    Headers added = added_headers(input, credentials, now);
    SigningInput whole = input;
    whole.headers.erase("authorization");
    whole.headers.erase("x-amz-security-token");  // of other credentials, unless `added` has one
    for (const auto& [name, value] : added) {
        whole.headers.insert_or_assign(name, value);
    }
    const std::string text = string_to_sign(canonical_request(whole), region, now);
    added["authorization"] = std::string(algorithm) + " Credential=" + credentials.access_key_id + '/' +
                             scope_of(region, now) + ", SignedHeaders=" + signed_headers(whole.headers) +
                             ", Signature=" + signature(credentials.secret_access_key, region, now, text);
    return added;
}

}  // namespace lifeboat::s3
