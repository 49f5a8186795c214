#include "store/open_store.hpp"

#include "store/directory_store.hpp"

#include <string_view>

namespace lifeboat::store {

namespace {

constexpr std::string_view example = "write the store's url as file:///absolute/path/of/a/folder";

Error usage(std::string what) {
    return {ErrorKind::usage, std::move(what), std::string(example)};
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
    return std::string(rest);
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
