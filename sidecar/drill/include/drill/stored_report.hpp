// A drill's report, in the store beside the backup.
#pragma once

#include "catalogue/drill_result.hpp"
#include "catalogue/manifest.hpp"
#include "drill/report.hpp"

#include <string>

namespace lifeboat::drill {

// What may be told in clear: docs/drill.md. `lifeboat`: the version that drilled.
catalogue::DrillResult result_of(const Report& report, const catalogue::Manifest& manifest,
                                 const std::string& lifeboat);

// The report first, encrypted to the backup's own recipients (plain where the backup is), then the result in clear.
Status store_report(store::ObjectStore& store, const catalogue::Layout& layout, const Report& report,
                    const catalogue::Manifest& manifest, const std::string& lifeboat);

}  // namespace lifeboat::drill
