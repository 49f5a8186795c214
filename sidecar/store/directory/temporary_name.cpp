#include "directory/temporary_name.hpp"

#include "os/random.hpp"

#include <exception>

namespace lifeboat::store::directory {

namespace {

constexpr std::size_t random_bytes = 4;
constexpr std::size_t suffix_size = 1 + 2 * random_bytes;

}  // namespace

Result<std::string> temporary_name(std::string_view name) {
    try {
        return std::string(name) + "~" + os::random_hex(random_bytes);
    } catch (const std::exception&) {
        // The random source may need a descriptor of its own, and there may be none left.
        return Error{ErrorKind::temporary, "cannot draw a random name for a file: the random source cannot be opened",
                     "raise the limit of open files of this process (ulimit -n)"};
    }
}

std::string_view object_name_of(std::string_view file_name) {
    if (file_name.size() <= suffix_size) {
        return {};
    }
    const std::string_view suffix = file_name.substr(file_name.size() - suffix_size);
    const bool ours =
        suffix.front() == '~' && suffix.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
    return ours ? file_name.substr(0, file_name.size() - suffix_size) : std::string_view{};
}

}  // namespace lifeboat::store::directory
