// What the store holds of one instance, for the sidecar's health and schedule.
#pragma once

#include "catalogue/catalogue.hpp"
#include "config/settings.hpp"
#include "store/object_store.hpp"
#include "supervisor/report.hpp"

namespace lifeboat::cli {

health::BackupFacts facts_of(const catalogue::Manifest& manifest, health::BackupState state);

// `now` is when the catalogue was read.
health::StoreFacts survey_of(const catalogue::Catalogue& catalogue, os::TimePoint now);

// The same, and what a schedule has to know. Where the key may list and not read, what names and times tell must do:
// `limited` says so.
Result<supervisor::SurveyEnded> survey(store::ObjectStore& store, const config::Settings& settings, os::TimePoint now);

}  // namespace lifeboat::cli
