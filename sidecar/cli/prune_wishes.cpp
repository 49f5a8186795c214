#include "prune_wishes.hpp"

#include "schedule/zone.hpp"

namespace lifeboat::cli {

Result<prune::Wishes> wishes_of(const config::Settings& settings) {
    auto zone = schedule::Zone::find(settings.schedule.timezone);
    if (!zone) {
        return in_context("schedule.timezone", std::move(zone).error());
    }
    const auto& keep = settings.retention;
    prune::Wishes wishes;
    wishes.policy = {keep.keep_days, keep.keep_last, keep.keep_weekly, keep.keep_monthly, keep.keep_yearly};
    wishes.zone = *std::move(zone);
    wishes.max_delete = keep.max_delete;
    wishes.expires_after = settings.store.expires_after;
    return wishes;
}

}  // namespace lifeboat::cli
