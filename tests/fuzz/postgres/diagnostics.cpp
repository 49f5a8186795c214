// Bytes from anywhere, taken for one line of a client program's report; and a secret where the server puts a row's
// value, which must not come out whatever stands around it.
#include "postgres/diagnostics.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view secret = "\x01hush\x02";  // not in any seed, and too odd to be made up

void require_hidden(const std::string& line) {
    const auto shown = lifeboat::postgres::fit_for_logs(line);
    if (shown.find(secret) != std::string::npos || shown.size() > 1000) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);  // NOLINT(*-reinterpret-cast)
    if (text.find(secret) != std::string::npos) {
        return 0;
    }
    if (lifeboat::postgres::fit_for_logs(text).size() > 1000) {
        std::abort();
    }
    const std::string hidden(secret);
    require_hidden(text + "Key (a)=(" + hidden + text);
    require_hidden(text + "Failing row contains (" + hidden + text);
    require_hidden(text + "invalid input syntax for type integer: \"" + hidden + text);
    require_hidden("DETAIL:  " + text + "\"" + hidden + text);
    require_hidden("CONTEXT:  " + text + ": " + hidden + text);
    require_hidden("LINE " + text + hidden);
    require_hidden(text + "Command was: ALTER ROLE app PASSWORD '" + hidden + text);
    return 0;
}
