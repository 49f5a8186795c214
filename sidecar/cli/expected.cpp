#include "expected.hpp"

#include "os/fd.hpp"

#include <unistd.h>
#include <algorithm>
#include <sstream>

namespace lifeboat::cli {
namespace {

constexpr std::size_t largest_list = std::size_t{1} << 20U;

std::string trimmed(const std::string& line) {
    constexpr const char* blanks = " \t\r";
    const auto first = line.find_first_not_of(blanks);
    return first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

}  // namespace

Result<std::vector<catalogue::Layout>> parse_expected(const std::string& text, const std::string& source) {
    std::vector<catalogue::Layout> expected;
    std::istringstream lines(text);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        const auto name = trimmed(line);
        if (name.empty() || name.front() == '#') {
            continue;
        }
        auto layout = catalogue::Layout::of(name);
        if (!layout) {
            Error error = in_context(source + ":" + std::to_string(number), std::move(layout).error());
            error.kind = ErrorKind::usage;
            return error;
        }
        if (std::none_of(expected.begin(), expected.end(), [&](const auto& one) { return one.instance() == name; })) {
            expected.push_back(std::move(*layout));
        }
    }
    if (expected.empty()) {
        return Error{ErrorKind::usage, source + " names no instance", "write the instances into it, one a line"};
    }
    return expected;
}

Result<std::vector<catalogue::Layout>> read_expected(const std::string& path) {
    const std::string source = path == "-" ? "standard input" : path;
    auto text = path == "-" ? os::read_all(STDIN_FILENO, source, largest_list) : os::read_file(path, largest_list);
    if (!text) {
        Error error = in_context("--expect", std::move(text).error());
        error.kind = ErrorKind::usage;  // whatever it is: not_found would be said of an instance
        return error;
    }
    return parse_expected(*text, source);
}

}  // namespace lifeboat::cli
