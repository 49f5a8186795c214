#pragma once

#include "control/client.hpp"
#include "session.hpp"

#include <chrono>
#include <string>

namespace lifeboat::cli {

// What the running sidecar answers that is meant: that of --instance; without it the only one that runs here (control's
// client says which that is), or of several the one that LIFEBOAT_INSTANCE_NAME names. Reads no settings.
Result<std::string> ask_sidecar(const Session& session, control::Request request, std::chrono::milliseconds timeout);

}  // namespace lifeboat::cli
