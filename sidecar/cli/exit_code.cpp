#include "exit_code.hpp"

namespace lifeboat::cli {

int exit_code(const Error& error, std::optional<int> signal) {
    switch (error.kind) {
        case ErrorKind::usage: return static_cast<int>(ExitCode::usage);
        case ErrorKind::not_found: return static_cast<int>(ExitCode::not_found);
        case ErrorKind::refused: return static_cast<int>(ExitCode::refused);
        case ErrorKind::interrupted: return signal ? 128 + *signal : static_cast<int>(ExitCode::failed);
        case ErrorKind::failed:
        case ErrorKind::temporary:
        case ErrorKind::busy:
        case ErrorKind::exists:
        case ErrorKind::corrupt: break;
    }
    return static_cast<int>(ExitCode::failed);
}

}  // namespace lifeboat::cli
