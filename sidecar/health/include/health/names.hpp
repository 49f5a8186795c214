// The words that stand for enumerators in JSON and in labels. They are public and never change.
#pragma once

#include "health/facts.hpp"

#include <string_view>

namespace lifeboat::health {

std::string_view name_of(Turn turn);
std::string_view name_of(BackupState state);
std::string_view name_of(Activity activity);
std::string_view name_of(Hook hook);
std::string_view name_of(RunResult result);
std::string_view name_of(ReportObject object);
std::string_view name_of(ReportResult result);

}  // namespace lifeboat::health
