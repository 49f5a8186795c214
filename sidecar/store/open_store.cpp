#include "store/open_store.hpp"

#include "store/directory_store.hpp"

#include <optional>
#include <string_view>

namespace lifeboat::store {

namespace {

constexpr std::string_view example = "write the store's url as file:///absolute/path/of/a/folder";

Error usage(std::string what) {
    return {ErrorKind::usage, std::move(what), std::string(example)};
}

std::optional<unsigned> hex_digit(char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto at = digits.find(static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
    return at == std::string_view::npos ? std::nullopt : std::optional(static_cast<unsigned>(at));
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result.push_back(text[i]);
            continue;
        }
        const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
        const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
        if (!low) {
            return std::nullopt;
        }
        result.push_back(static_cast<char>(*high * 16 + *low));
        i += 2;
    }
    return result;
}

// `rest` is what follows "file://": a host, which must be empty or localhost, and the path.
Result<std::string> path_of_file_url(std::string_view rest) {
    constexpr std::string_view localhost = "localhost/";
    if (rest.starts_with(localhost)) {
        rest.remove_prefix(localhost.size() - 1);
    }
    if (!rest.starts_with('/')) {
        return usage("store url 'file://" + std::string(rest) + "' has no absolute path: three slashes follow 'file:'");
    }
    if (rest.find_first_of("?#") != std::string_view::npos) {
        return usage("store url 'file://" + std::string(rest) +
                     "' holds a '?' or '#': in a folder's name, write %3F or %23");
    }
    auto path = percent_decoded(rest);
    if (!path) {
        return usage("store url 'file://" + std::string(rest) +
                     "' holds a '%' without two hex digits: for the sign itself, write %25");
    }
    return *std::move(path);
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_store(const std::string& url) {
    constexpr std::string_view file = "file://";
    if (url.starts_with(file)) {
        auto path = path_of_file_url(std::string_view(url).substr(file.size()));
        return path ? open_directory(*path) : path.error();
    }
    // Only the scheme is shown: people do write keys into URLs.
    if (const auto end = url.find("://"); end != std::string::npos) {
        return usage("store url begins with '" + url.substr(0, end) + "://', and this build stores into file:// only");
    }
    return usage(url.empty() ? "store url is empty" : "store url has no scheme such as file://");
}

}  // namespace lifeboat::store
