// Bytes from anywhere, taken for a manifest: what is accepted must keep what readers rely on, and come back from
// its own JSON as it is.
#include "catalogue/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using lifeboat::catalogue::BackupId;
using lifeboat::catalogue::Layout;
using lifeboat::catalogue::Manifest;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check(const Manifest& manifest, const Layout& layout, const BackupId& id) {
    require(manifest.id == id && manifest.instance == layout.instance());
    for (const auto& object : manifest.all_objects()) {
        require(object.key.text().starts_with(layout.data_prefix(id)));
        require(object.sha256.size() == 64);
    }
    const auto json = to_json(manifest);
    const auto again = parse_manifest(json, layout, id);
    require(again.ok() && to_json(*again) == json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto layout = Layout::of("app").value();
    static const auto id = BackupId::parse("20261122T021700Z-7f3a").value();
    const std::string_view text(reinterpret_cast<const char*>(data), size);  // NOLINT(*-reinterpret-cast)
    if (const auto manifest = parse_manifest(text, layout, id)) {
        check(*manifest, layout, id);
    }
    return 0;
}
