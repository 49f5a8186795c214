// The header of an age file: a version line, one stanza for each recipient, and a MAC over all of it.
// Grammar: https://c2sp.org/age, "ABNF definition of file header".
#pragma once

#include "crypto.hpp"
#include "result/result.hpp"
#include "stream/sink.hpp"
#include "x25519_stanza.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::age {

// A header with these stanzas, closed by its MAC.
Result<std::string> write_header(ByteView file_key, const std::vector<X25519Stanza>& stanzas);

struct Header {
    std::vector<X25519Stanza> x25519;          // in the order of the file
    std::map<std::string, std::size_t> kinds;  // every stanza's first argument, counted
    std::string authenticated;                 // from the first byte up to and with "---"
    Key32 mac{};
};

// Whether the file key that was found is the one this header was made with, and the header unchanged.
Status check_mac(const Header& header, ByteView file_key);

// Reads a header from pieces of any size. Every fault is ErrorKind::corrupt, `what` beginning with "age header",
// but for two well-formed files that are simply not for us, which are ErrorKind::usage: armored text, and
// encryption to a passphrase.
class HeaderReader {
public:
    static constexpr std::size_t longest = 1U << 20U;

    // Takes bytes off the front of `input`: all of them, or up to the end of the header.
    Status take(stream::Bytes& input);

    [[nodiscard]] bool complete() const noexcept { return expected_ == Expected::nothing; }
    [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }  // bytes taken so far
    [[nodiscard]] Error cut_short() const;  // why the file must not end here: only while not complete

    [[nodiscard]] const Header& header() const noexcept { return header_; }  // once complete

private:
    enum class Expected { version, first_stanza, stanza_or_mac, body, nothing };

    Status take_line(std::string_view line);
    Status take_version(std::string_view line);
    Status take_stanza(std::string_view line);
    Status take_body(std::string_view line);
    Status take_mac(std::string_view line);
    Status close_stanza();
    [[nodiscard]] Error fault(const std::string& what) const;

    Expected expected_ = Expected::version;
    std::string text_;            // everything so far, the unfinished line included
    std::size_t line_start_ = 0;  // in text_
    std::size_t line_number_ = 1;
    std::vector<std::string> arguments_;  // of the stanza at hand
    std::vector<unsigned char> body_;
    Header header_;
};

}  // namespace lifeboat::age
