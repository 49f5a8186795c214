// What the store holds of one instance, for the sidecar's health and schedule.
#pragma once

#include "catalogue/catalogue.hpp"
#include "config/settings.hpp"
#include "store/object_store.hpp"
#include "supervisor/report.hpp"

#include <string>

namespace lifeboat::cli {

health::BackupFacts facts_of(const catalogue::Manifest& manifest, health::BackupState state);

// Whether it is a backup of another server than the one with this system identifier. False where either is not known.
bool is_of_another(const catalogue::Manifest& manifest, const std::string& server);

// `now` is when the catalogue was read; `server` the system identifier of the server that this is about, empty: that
// of the newest backup.
health::StoreFacts survey_of(const catalogue::Catalogue& catalogue, os::TimePoint now, const std::string& server = {});

// The same, and what a schedule has to know: this server's own backups, so that another one of the same name does not
// stand in for it. Where the key may list and not read, what names and times tell must do: `limited` says so.
Result<supervisor::SurveyEnded> survey(store::ObjectStore& store, const config::Settings& settings, os::TimePoint now,
                                       const std::string& server = {});

}  // namespace lifeboat::cli
