#include "ask_sidecar.hpp"

namespace lifeboat::cli {

Result<std::string> ask_sidecar(const Session& session, control::Request request, std::chrono::milliseconds timeout) {
    auto answer = control::ask(session.flags.instance, request, timeout, session.stop());
    if (answer || answer.error().kind != ErrorKind::usage || session.flags.instance) {
        return answer;
    }
    // Several run here. A container that has its name in the environment means its own.
    const auto environment = session.sources().environment;
    const auto own = environment.find("LIFEBOAT_INSTANCE_NAME");
    if (own == environment.end()) {
        return answer;
    }
    auto of_own = control::ask(own->second, request, timeout, session.stop());
    return of_own || of_own.error().kind != ErrorKind::not_found ? of_own : answer;
}

}  // namespace lifeboat::cli
