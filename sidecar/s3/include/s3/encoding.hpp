// One way to write paths and queries, for the URL that is sent and for the signature over it.
//
// Source: "Signature Calculations for the Authorization Header" of the Amazon S3 API reference. S3 encodes a path
// once and does not normalise it; other AWS services do otherwise.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::s3 {

// Names and values as they are meant, before any encoding. A sub-resource without a value, such as "uploads", has an
// empty one.
using Query = std::vector<std::pair<std::string, std::string>>;

// A-Z a-z 0-9 - . _ ~ stay; every other byte, the slash too, becomes %XX with upper-case digits.
std::string encode(std::string_view text);

// The same, but slashes stay.
std::string encode_path(std::string_view path);

// What a server means by a name that it encoded (EncodingType url): %XX is that byte, in digits of either case, and
// '+' is a blank, for AWS writes blanks so and a plus as %2B. Turns back what encode() and encode_path() make.
// Nothing for a '%' without two hex digits.
std::optional<std::string> decode(std::string_view text);

// "a=1&b=&uploads=": encoded, then sorted by name and value. Empty for no parameters.
std::string canonical_query(const Query& query);

}  // namespace lifeboat::s3
