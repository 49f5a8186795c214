// What the manifest says of a database, against its archive.
#pragma once

#include "archive_look.hpp"
#include "catalogue/manifest.hpp"
#include "drill/report.hpp"

#include <vector>

namespace lifeboat::drill {

std::vector<Finding> differences_from_manifest(const catalogue::DatabaseRecord& record, const ArchiveLook& archive);

}  // namespace lifeboat::drill
