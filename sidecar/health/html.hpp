// Writing HTML so that nothing foreign can become markup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lifeboat::health {

// Markup of our own. Made from constants at compile time alone: a name out of a database cannot be passed as one.
class Markup {
public:
    template <std::size_t Size>
    // NOLINTNEXTLINE(google-explicit-constructor,cppcoreguidelines-avoid-c-arrays,modernize-avoid-c-arrays)
    consteval Markup(const char (&literal)[Size]) : text_(static_cast<const char*>(literal), Size - 1) {}

    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }

private:
    std::string_view text_;
};

// Grows by what is appended. Everything but markup is escaped, for text and for attributes in double quotes alike.
class Html {
public:
    Html& markup(Markup markup);
    // Bytes that are no UTF-8, control characters, and those that turn text around become U+FFFD.
    Html& text(std::string_view text);
    Html& number(std::int64_t value);

    // Sentences that were made for logs and terminals: what stands between two backticks is code, and a time as
    // machines write it ("2026-11-22T02:17:00Z") is told as people do.
    Html& prose(std::string_view text);
    // A name that somebody else chose: it may be written from right to left, and changes no text around it.
    Html& name(std::string_view text);

    [[nodiscard]] const std::string& str() const noexcept { return text_; }
    std::string take() && { return std::move(text_); }

private:
    Html& told(std::string_view text);  // the prose that is no code

    std::string text_;
};

}  // namespace lifeboat::health
