// The name of an object in a store.
#pragma once

#include "result/result.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace lifeboat::store {

// A key of letters, digits and -._/ only, of at most 900 bytes, whose parts between slashes have 1 to 240
// bytes and are neither "." nor "..". So a key is its own canonical URL path and its own relative file path,
// on every store, and a key that came out of a manifest cannot point outside the store. (B2 advises at most
// 250 bytes between slashes; Linux allows 255, of which a folder store needs nine for its temporary files.)
class ObjectKey {
public:
    // ErrorKind::corrupt names what is wrong with `text`.
    static Result<ObjectKey> parse(std::string_view text);

    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    // The part after the last slash.
    [[nodiscard]] std::string_view name() const noexcept;

    friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;  // NOLINT(modernize-use-nullptr)

private:
    explicit ObjectKey(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

}  // namespace lifeboat::store
