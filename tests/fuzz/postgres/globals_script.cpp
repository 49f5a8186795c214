// Bytes from anywhere, taken for what pg_dumpall wrote, and all that is asked of the statements found.
#include "postgres/globals_script.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view script(reinterpret_cast<const char*>(data), size);  // NOLINT(*-reinterpret-cast)
    const auto statements = lifeboat::postgres::parse_globals(script);
    if (!statements) {
        return 0;
    }
    for (const auto& statement : *statements) {
        require(statement.line > 0 && !statement.text.empty());
        require(script.find(statement.text.reveal()) != std::string_view::npos);
        require(lifeboat::postgres::without_grantor(statement).reveal().size() <= statement.text.reveal().size());
        require(lifeboat::postgres::describe(statement).find('\n') == std::string::npos);
    }
    (void)lifeboat::postgres::created_roles(*statements);
    (void)lifeboat::postgres::created_tablespaces(*statements);
    return 0;
}
