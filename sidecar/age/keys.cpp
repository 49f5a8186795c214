#include "age/keys.hpp"

#include "bech32.hpp"
#include "crypto.hpp"

#include <algorithm>
#include <cctype>

namespace lifeboat::age {
namespace {

constexpr std::string_view recipient_prefix = "age";
constexpr std::string_view identity_prefix = "age-secret-key-";

constexpr std::string_view recipient_advice = "give a public key as age-keygen prints it (age1…)";
constexpr std::string_view identity_advice = "give a secret key as age-keygen writes it (AGE-SECRET-KEY-1…)";

Error usage(std::string what, std::string_view next) {
    return {ErrorKind::usage, std::move(what), std::string(next)};
}

char to_lower(char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool starts_with_in_any_case(std::string_view text, std::string_view lower_case_prefix) {
    return text.size() >= lower_case_prefix.size() &&
           std::equal(lower_case_prefix.begin(), lower_case_prefix.end(), text.begin(),
                      [](char a, char b) { return a == to_lower(b); });
}

std::string_view explain(Bech32Fault fault) {
    switch (fault) {
        case Bech32Fault::mixed_case: return "it mixes upper and lower case";
        case Bech32Fault::no_separator: return "it is too short or has no '1' after its prefix";
        case Bech32Fault::foreign_letter: return "it holds a character that no age key has";
        case Bech32Fault::wrong_checksum: return "its checksum does not fit, so a character is missing or wrong";
        case Bech32Fault::wrong_padding: return "its length is not that of a key";
    }
    return "it is malformed";
}

// Enough of a public key to find it again in a list; nothing of what may be something else altogether.
std::string named(std::string_view recipient) {
    constexpr std::size_t enough = 12;
    const std::string_view start = recipient.substr(0, enough);
    const bool harmless = recipient.starts_with("age1") &&
                          std::all_of(start.begin(), start.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    return harmless ? "recipient '" + std::string(start) + (recipient.size() > enough ? "…'" : "'") : "recipient";
}

// Texts that people rightly have and that do not belong here; nothing for any other.
std::optional<Error> known_but_no_recipient(std::string_view text) {
    if (starts_with_in_any_case(text, identity_prefix)) {
        return usage(
            "recipient is a secret key, and a public key belongs here",
            "replace it by the public key that age-keygen -y prints for it, and keep the secret key elsewhere");
    }
    if (text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-")) {
        return usage("recipient is an SSH key, which is not supported", recipient_advice);
    }
    return std::nullopt;
}

std::optional<Error> known_but_no_identity(std::string_view text) {
    if (starts_with_in_any_case(text, "age1")) {
        return usage("identity is a public key, and a secret key belongs here", identity_advice);
    }
    if (starts_with_in_any_case(text, "age-plugin-")) {
        return usage("identity belongs to an age plugin, which is not supported", identity_advice);
    }
    if (starts_with_in_any_case(text, "age-secret-key-pq-")) {
        return usage("identity is a post-quantum key, which is not supported", identity_advice);
    }
    if (text.starts_with("-----BEGIN") && text.find("PRIVATE KEY") != std::string_view::npos) {
        return usage("identity is an SSH or PEM key, which is not supported", identity_advice);
    }
    return std::nullopt;
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_encrypted_file(std::string_view text) {
    return text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----");
}

}  // namespace

Result<Recipient> Recipient::parse(std::string_view text) {
    if (std::optional<Error> known = known_but_no_recipient(text)) {
        return *std::move(known);
    }
    const Bech32 decoded = bech32_decode(text);
    if (decoded.fault) {
        return usage(named(text) + " is malformed: " + std::string(explain(*decoded.fault)), recipient_advice);
    }
    if (decoded.prefix.starts_with("age1")) {
        return usage(named(text) + " is of a kind that is not supported (a plugin, or post-quantum)", recipient_advice);
    }
    // age itself knows no public key in upper case.
    if (decoded.prefix != recipient_prefix || !text.starts_with(recipient_prefix)) {
        return usage(named(text) + " does not begin with 'age1'", recipient_advice);
    }
    Key32 bytes{};
    if (decoded.bytes.size() != bytes.size()) {
        return usage(named(text) + " is malformed: its length is not that of a key", recipient_advice);
    }
    std::copy(decoded.bytes.begin(), decoded.bytes.end(), bytes.begin());
    return Recipient(bytes);
}

std::string Recipient::text() const {
    return bech32_encode(recipient_prefix, bytes_);
}

Result<Identity> Identity::from_scalar(Secret scalar) {
    const Result<X25519Key> key = X25519Key::from_scalar(view_of(scalar.reveal()));
    if (!key) {
        return key.error();
    }
    const Result<Key32> point = key->public_key();
    if (!point) {
        return point.error();
    }
    return Identity(std::move(scalar), Recipient(*point));
}

Result<Identity> Identity::generate() {
    const Result<WipedBytes> scalar = random_bytes(32);
    if (!scalar) {
        return scalar.error();
    }
    return from_scalar(Secret(std::string(scalar->begin(), scalar->end())));
}

Result<Identity> Identity::parse(std::string_view text) {
    if (std::optional<Error> known = known_but_no_identity(text)) {
        return *std::move(known);
    }
    const Bech32 decoded = bech32_decode(text);
    if (decoded.fault) {
        return usage("identity is malformed: " + std::string(explain(*decoded.fault)), identity_advice);
    }
    // age itself knows no secret key in lower case.
    if (decoded.prefix != identity_prefix || !text.starts_with("AGE-")) {
        return usage("identity does not begin with 'AGE-SECRET-KEY-1'", identity_advice);
    }
    if (decoded.bytes.size() != 32) {
        return usage("identity is malformed: its length is not that of a key", identity_advice);
    }
    return from_scalar(Secret(std::string(decoded.bytes.begin(), decoded.bytes.end())));
}

Recipient Identity::recipient() const {
    return recipient_;
}

Secret Identity::text() const {
    std::string text = bech32_encode(identity_prefix, view_of(scalar_.reveal()));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
    return Secret(std::move(text));
}

Result<std::vector<Identity>> parse_identities(std::string_view text, std::string_view name) {
    const std::string file(name);
    if (is_encrypted_file(text)) {
        return usage(file + " is itself encrypted by age", "decrypt the key file first with age -d");
    }
    std::vector<Identity> identities;
    std::size_t number = 0;
    while (!text.empty()) {
        const std::size_t line_feed = std::min(text.find('\n'), text.size());
        const std::string_view line = without_blanks(text.substr(0, line_feed));
        text.remove_prefix(std::min(line_feed + 1, text.size()));
        ++number;
        if (line.empty() || line.front() == '#') {
            continue;
        }
        Result<Identity> identity = Identity::parse(line);
        if (!identity) {
            return in_context(file + ", line " + std::to_string(number), std::move(identity).error());
        }
        identities.push_back(std::move(identity).value());
    }
    if (identities.empty()) {
        return usage(file + " holds no secret key", identity_advice);
    }
    return identities;
}

}  // namespace lifeboat::age
