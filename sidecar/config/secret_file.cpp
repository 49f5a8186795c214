#include "secret_file.hpp"
#include "result/in_quotes.hpp"

namespace lifeboat::config {

Result<Raw> read_secret(const ReadFile& read, const std::filesystem::path& path) {
    auto content = read(path);
    if (!content) {
        return in_context("file " + in_quotes(path.string()), content.error());
    }
    while (content->ends_with('\n') || content->ends_with('\r')) {
        content->pop_back();
    }
    if (content->empty()) {
        return Error{ErrorKind::usage, "file " + in_quotes(path.string()) + " is empty", "write the secret into it"};
    }
    return Raw::text(*std::move(content));
}

}  // namespace lifeboat::config
