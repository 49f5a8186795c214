// What goes over the socket: see control/server.hpp.
#pragma once

#include "result/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::control {

// No answer is longer; a client takes no more.
inline constexpr std::size_t largest_answer = std::size_t{4} * 1024 * 1024;

std::string framed_answer(const std::string& json);
std::string framed_error(const Error& error);

// Takes an answer apart as it comes in.
class AnswerReader {
public:
    // The whole answer, or the error that the sidecar told; empty while more is to come.
    std::optional<Result<std::string>> take(std::string_view bytes);

private:
    enum class Is { unknown, answer, error };

    std::optional<Error> read_head();

    std::string bytes_;
    Is is_ = Is::unknown;
    std::size_t length_ = 0;
};

}  // namespace lifeboat::control
