// Bytes from anywhere, taken for the result of a drill: what is accepted must keep what readers rely on, and come back
// from its own JSON as it is.
#include "catalogue/drill_result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using lifeboat::catalogue::BackupId;
using lifeboat::catalogue::DrillResult;
using lifeboat::catalogue::Layout;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

bool is_plain(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void check(const DrillResult& result, const Layout& layout, const BackupId& id) {
    require(result.backup == id && result.instance == layout.instance());
    require(!result.passed || (result.difference_count() == 0 && result.checks_failed == 0));
    require(is_plain(result.lifeboat) && is_plain(result.server));
    require(std::all_of(result.recipients.begin(), result.recipients.end(), is_plain));
    const auto json = to_json(result);
    const auto again = parse_drill_result(json, layout, id);
    require(again.ok() && to_json(*again) == json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto layout = Layout::of("app").value();
    static const auto id = BackupId::parse("20261122T021700Z-7f3a").value();
    const std::string_view text(reinterpret_cast<const char*>(data), size);  // NOLINT(*-reinterpret-cast)
    if (const auto result = parse_drill_result(text, layout, id)) {
        check(*result, layout, id);
    }
    return 0;
}
