// What the store holds, in the words of the health room.
#pragma once

#include "catalogue/catalogue.hpp"
#include "health/facts.hpp"
#include "os/clock.hpp"

namespace lifeboat::cli {

// `now` is when the catalogue was read.
health::StoreFacts survey_of(const catalogue::Catalogue& catalogue, os::TimePoint now);

}  // namespace lifeboat::cli
