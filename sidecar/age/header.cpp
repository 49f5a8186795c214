#include "header.hpp"

#include "base64.hpp"
#include "corrupt.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace lifeboat::age {
namespace {

constexpr std::string_view version_line = "age-encryption.org/v1";
constexpr std::string_view any_version = "age-encryption.org/";
constexpr std::string_view armor_line = "-----BEGIN AGE ENCRYPTED FILE-----";
constexpr std::string_view mac_mark = "---";
constexpr std::size_t body_columns = 64;
constexpr std::size_t longest_first_line = 128;  // far more than any version line: other files need not be read on

bool is_visible(char c) {
    return c > 0x20 && c < 0x7f;
}

// What a foreign file says, fit for a message.
std::string quoted(std::string_view text) {
    constexpr std::size_t enough = 32;
    std::string out = "'";
    for (const char c : text.substr(0, enough)) {
        out.push_back(is_visible(c) ? c : '?');
    }
    return out + (text.size() > enough ? "…'" : "'");
}

std::vector<std::string> split_at_spaces(std::string_view text) {
    std::vector<std::string> parts;
    for (std::size_t start = 0;;) {
        const std::size_t space = text.find(' ', start);
        parts.emplace_back(text.substr(start, space - start));
        if (space == std::string_view::npos) {
            return parts;
        }
        start = space + 1;
    }
}

bool is_argument(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_visible);
}

Result<Key32> mac_of(std::string_view text, ByteView file_key) {
    const Result<WipedBytes> key = hkdf_sha256(file_key, {}, "header");
    if (!key) {
        return key.error();
    }
    return hmac_sha256(*key, text);
}

void append_stanza(std::string& header, const X25519Stanza& stanza) {
    // 32 bytes are 43 letters: the body is always one short line.
    header.append("-> ").append(X25519Stanza::kind).append(" ").append(base64_encode(stanza.share)).append("\n");
    header.append(base64_encode(stanza.wrapped_file_key)).append("\n");
}

}  // namespace

Result<std::string> write_header(ByteView file_key, const std::vector<X25519Stanza>& stanzas) {
    std::string header(version_line);
    header.append("\n");
    for (const X25519Stanza& stanza : stanzas) {
        append_stanza(header, stanza);
    }
    header.append(mac_mark);
    const Result<Key32> mac = mac_of(header, file_key);
    if (!mac) {
        return mac.error();
    }
    return header.append(" ").append(base64_encode(*mac)).append("\n");
}

Status check_mac(const Header& header, ByteView file_key) {
    const Result<Key32> mac = mac_of(header.authenticated, file_key);
    if (!mac) {
        return mac.error();
    }
    if (!equal_in_constant_time(*mac, header.mac)) {
        return corrupt("age header's MAC does not match: the header was changed");
    }
    return done();
}

Status HeaderReader::take(stream::Bytes& input) {
    while (!input.empty() && !complete()) {
        const auto line_feed = std::find(input.begin(), input.end(), std::byte{'\n'});
        const auto length = static_cast<std::size_t>(line_feed - input.begin()) + (line_feed == input.end() ? 0 : 1);
        if (expected_ == Expected::version && text_.size() + length > longest_first_line) {
            return fault("this is not an age file");
        }
        if (length > longest - text_.size()) {
            return fault("it is longer than 1 MiB");
        }
        text_.append(stream::as_text(input.first(length)));
        input = input.subspan(length);
        if (text_.back() == '\n') {
            Status taken = take_line(std::string_view(text_).substr(line_start_, text_.size() - line_start_ - 1));
            if (!taken) {
                return taken;
            }
            line_start_ = text_.size();
            ++line_number_;
        }
    }
    return done();
}

Error HeaderReader::cut_short() const {
    if (text_.empty()) {
        return corrupt("age header is missing: the file is empty");
    }
    if (expected_ == Expected::version && !any_version.starts_with(text_) && !text_.starts_with(any_version)) {
        return fault("this is not an age file");
    }
    return corrupt("age header is cut short: the file ends at byte " + std::to_string(text_.size()));
}

Status HeaderReader::take_line(std::string_view line) {
    switch (expected_) {
        case Expected::version: return take_version(line);
        case Expected::first_stanza:
        case Expected::stanza_or_mac: return line.starts_with(mac_mark) ? take_mac(line) : take_stanza(line);
        case Expected::body: return take_body(line);
        case Expected::nothing: break;
    }
    return done();
}

Status HeaderReader::take_version(std::string_view line) {
    if (line == version_line) {
        expected_ = Expected::first_stanza;
        return done();
    }
    if (line.starts_with(armor_line)) {
        return Error{ErrorKind::usage, "age file is armored (text), and only the binary form is read here",
                     "take off its BEGIN and END lines and decode the rest with base64 -d"};
    }
    if (line.starts_with(any_version)) {
        return fault("format version " + quoted(line.substr(any_version.size())) + " is not known, only 'v1'");
    }
    return fault("this is not an age file");
}

Status HeaderReader::take_stanza(std::string_view line) {
    constexpr std::string_view mark = "-> ";
    if (!line.starts_with(mark)) {
        return fault("a recipient was expected, a line that begins with '-> '");
    }
    arguments_ = split_at_spaces(line.substr(mark.size()));
    if (!std::all_of(arguments_.begin(), arguments_.end(), is_argument)) {
        return fault("a recipient's arguments are malformed");
    }
    body_.clear();
    expected_ = Expected::body;
    return done();
}

Status HeaderReader::take_body(std::string_view line) {
    if (line.size() > body_columns) {
        return fault("a recipient's body is wider than 64 columns");
    }
    const auto bytes = base64_decode(line);
    if (!bytes) {
        return fault("a recipient's body is not canonical base64");
    }
    body_.insert(body_.end(), bytes->begin(), bytes->end());
    return line.size() < body_columns ? close_stanza() : done();
}

Status HeaderReader::close_stanza() {
    if (arguments_.front() == X25519Stanza::kind) {
        Result<X25519Stanza> stanza = X25519Stanza::parse(arguments_, body_);
        if (!stanza) {
            return fault(stanza.error().what);
        }
        header_.x25519.push_back(*stanza);
    }
    ++header_.kinds[arguments_.front()];
    expected_ = Expected::stanza_or_mac;
    return done();
}

Status HeaderReader::take_mac(std::string_view line) {
    if (expected_ == Expected::first_stanza) {
        return fault("it names no recipient");
    }
    const std::size_t text_at = mac_mark.size() + 1;
    const auto mac =
        line.size() > text_at && line[mac_mark.size()] == ' ' ? base64_decode(line.substr(text_at)) : std::nullopt;
    if (!mac || mac->size() != header_.mac.size()) {
        return fault("its MAC line is malformed");
    }
    if (header_.kinds.contains("scrypt")) {
        if (header_.kinds.size() > 1 || header_.kinds["scrypt"] > 1) {
            return fault("a passphrase stands beside other recipients, which the format forbids");
        }
        return Error{ErrorKind::usage, "age file is encrypted to a passphrase, not to a key",
                     "open it with age -d, which asks for the passphrase"};
    }
    std::copy(mac->begin(), mac->end(), header_.mac.begin());
    header_.authenticated = text_.substr(0, line_start_ + mac_mark.size());
    expected_ = Expected::nothing;
    return done();
}

Error HeaderReader::fault(const std::string& what) const {
    return corrupt("age header, line " + std::to_string(line_number_) + ": " + what);
}

}  // namespace lifeboat::age
