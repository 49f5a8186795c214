#include "html.hpp"

#include "health/page_words.hpp"
#include "os/clock.hpp"

#include <algorithm>
#include <cctype>

namespace lifeboat::health {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

bool is_tail(unsigned char byte) {
    return (byte & 0xC0U) == 0x80U;
}

// What a first byte says: how many bytes, and which second ones are possible (RFC 3629: no overlong forms, no
// surrogates, nothing past U+10FFFF).
struct Lead {
    std::size_t length = 0;  // 0: not the beginning of a character
    unsigned char least = 0x80;
    unsigned char most = 0xBF;
};

Lead lead_of(unsigned char byte) {
    if (byte < 0x80) {
        return {1};
    }
    if (byte >= 0xC2 && byte <= 0xDF) {
        return {2};
    }
    if (byte >= 0xE0 && byte <= 0xEF) {
        return {3, static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80),
                static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF)};
    }
    if (byte >= 0xF0 && byte <= 0xF4) {
        return {4, static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80),
                static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF)};
    }
    return {};
}

// The marks that make what follows be read backwards: U+202A to U+202E, U+2066 to U+2069.
bool turns_text(std::string_view character) {
    return (character >= "\xe2\x80\xaa" && character <= "\xe2\x80\xae") ||
           (character >= "\xe2\x81\xa6" && character <= "\xe2\x81\xa9");
}

// The length of the character that `text` begins with; 0: none that may be shown.
std::size_t character_at(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto lead = lead_of(byte(0));
    if (lead.length == 0 || lead.length > text.size()) {
        return 0;
    }
    if (lead.length == 1) {
        const bool control = (byte(0) < 0x20 && text[0] != '\n' && text[0] != '\t') || byte(0) == 0x7F;
        return control ? 0 : 1;
    }
    if (byte(1) < lead.least || byte(1) > lead.most) {
        return 0;
    }
    for (std::size_t i = 2; i < lead.length; ++i) {
        if (!is_tail(byte(i))) {
            return 0;
        }
    }
    const bool control = byte(0) == 0xC2 && byte(1) < 0xA0;  // U+0080 to U+009F
    return control || turns_text(text.substr(0, lead.length)) ? 0 : lead.length;
}

std::string_view escape_of(char character) {
    switch (character) {
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '"': return "&quot;";
        case '\'': return "&#39;";
        default: return {};
    }
}

constexpr std::string_view time_form = "dddd-dd-ddTdd:dd:ddZ";

// Where in it a time begins as os::utc_text writes it; npos: nowhere.
std::size_t find_time(std::string_view text) {
    const auto fits = [](char character, char form) {
        return form == 'd' ? std::isdigit(static_cast<unsigned char>(character)) != 0 : character == form;
    };
    const auto found = std::search(text.begin(), text.end(), time_form.begin(), time_form.end(), fits);
    return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

}  // namespace

Html& Html::markup(Markup markup) {
    text_ += markup.text();
    return *this;
}

Html& Html::text(std::string_view text) {
    while (!text.empty()) {
        const auto length = character_at(text);
        const auto escape = escape_of(text.front());
        if (length == 0) {
            text_ += replacement;
        } else {
            text_ += escape.empty() ? text.substr(0, length) : escape;
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return *this;
}

Html& Html::number(std::int64_t value) {
    text_ += std::to_string(value);
    return *this;
}

Html& Html::prose(std::string_view text) {
    for (;;) {
        const auto begin = text.find('`');
        const auto end = begin == std::string_view::npos ? begin : text.find('`', begin + 1);
        if (end == std::string_view::npos) {
            return told(text);
        }
        told(text.substr(0, begin));
        markup("<code>").text(text.substr(begin + 1, end - begin - 1)).markup("</code>");
        text.remove_prefix(end + 1);
    }
}

Html& Html::told(std::string_view text) {
    for (;;) {
        const auto begin = find_time(text);
        if (begin == std::string_view::npos) {
            return this->text(text);
        }
        const auto written = text.substr(begin, time_form.size());
        const auto time = os::utc_time(std::string(written));
        this->text(text.substr(0, begin));
        if (time) {
            markup("<time datetime=\"").text(written).markup("\">");
            this->text(date_text(*time)).markup("</time>");
        } else {
            this->text(written);
        }
        text.remove_prefix(begin + time_form.size());
    }
}

Html& Html::name(std::string_view text) {
    return markup("<bdi>").text(text).markup("</bdi>");
}

}  // namespace lifeboat::health
