#include "prune_wishes.hpp"

#include "schedule/zone.hpp"
#include "store_rules.hpp"

#include <algorithm>

namespace lifeboat::cli {
namespace {

std::string reasons_of(const prune::Plan& plan, const catalogue::BackupId& id) {
    const auto row = std::find_if(plan.rows.begin(), plan.rows.end(), [&](const auto& each) { return each.id == id; });
    return row == plan.rows.end() ? std::string() : row->because.front();
}

void log_outcome(const prune::Plan& plan, const prune::Outcome& outcome, EventLog& log) {
    for (const auto& id : outcome.gone) {
        log.write(LogLevel::info, "backup_deleted", {{"id", id.text()}, {"because", reasons_of(plan, id)}});
    }
    if (!outcome.may_not()) {  // that is told once, and not here
        for (const auto& left : outcome.left) {
            log.write(LogLevel::info, "backup_not_deleted", {{"id", left.id.text()}, {"error", left.why.what}});
        }
    }
}

// A key that cannot is what prune = "auto" is for, and what prune = true is not.
void take_no(AfterSuccess& result, const config::Settings& settings, Error no) {
    auto& place = settings.retention.prune == config::PruneMode::automatic ? result.not_possible : result.stopped;
    place = std::move(no);
}

Error may_not_delete(const Error& said) {
    // Without the name of what it would not delete, which is another one each night: the same is told once.
    Error error = failed("the store lets this key delete nothing",
                         said.next + "; or let another key prune, or the bucket's own rules (docs/retention.md)");
    error.detail = said.what;
    return error;
}

Error stop_of(const retention::Stop& stop) {
    return {ErrorKind::refused, stop.what, stop.next};
}

// Too many would go. Under a key that cannot delete they always will, some day, and none of them goes.
void stop_unless_it_may_not(AfterSuccess& result, const prune::Plan& plan, const config::Settings& settings,
                            store::ObjectStore& store) {
    const auto never_stored = plan.layout.manifest(catalogue::BackupId::make(os::SystemClock().now()));
    auto may = store.may_remove(never_stored);
    if (may) {
        result.stopped = stop_of(*plan.stop);
    } else if (may.error().kind == ErrorKind::failed) {
        take_no(result, settings, may_not_delete(may.error()));
    } else {
        result.failure = std::move(may).error();
    }
}

void carry_out(AfterSuccess& result, const prune::Plan& plan, const config::Settings& settings,
               store::ObjectStore& store, EventLog& log, const std::stop_token& stop) {
    auto outcome = prune::carry_out(store, plan, stop);
    log_outcome(plan, outcome, log);
    result.gone = std::move(outcome.gone);
    result.bytes = outcome.bytes;
    if (outcome.failure) {
        (outcome.failure->kind == ErrorKind::refused ? result.stopped : result.failure) = std::move(outcome.failure);
    } else if (result.gone.empty() && !outcome.left.empty() && outcome.may_not()) {
        take_no(result, settings, may_not_delete(outcome.left.front().why));
    }
}

void clear_remains(AfterSuccess& result, const catalogue::Layout& layout, const config::Settings& settings,
                   store::ObjectStore& store, EventLog& log, const std::stop_token& stop) {
    auto cleared = prune::clear_remains(store, layout, least_age(settings), os::SystemClock().now(), stop);
    if (!cleared) {
        result.failure = std::move(cleared).error();
    } else if (cleared->objects > 0) {
        log.write(LogLevel::info, "remains_deleted", {{"objects", cleared->objects}});
    }
}

}  // namespace

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
    return wishes;
}

prune::Wishes by_rules(const config::Settings& settings, store::ObjectStore& store, const catalogue::Layout& layout,
                       prune::Wishes wishes) {
    wishes.expires_after = read_rules(settings, store, layout).age_limit();
    return wishes;
}

std::chrono::milliseconds least_age(const config::Settings& settings) {
    return std::max<std::chrono::milliseconds>(std::chrono::days{1}, settings.schedule.max_duration);
}

std::chrono::milliseconds least_age_of_others(const config::Settings& settings) {
    return std::max<std::chrono::milliseconds>(std::chrono::days{3}, settings.schedule.max_duration);
}

Result<Pruned> prune_by_hand(store::ObjectStore& store, const catalogue::Layout& layout, const prune::Wishes& wishes,
                             const ByHand& manner, const std::stop_token& stop) {
    auto plan = prune::make_plan(store, layout, wishes, manner.our_time);
    if (!plan) {
        return std::move(plan).error();
    }
    Pruned pruned{*std::move(plan), manner.dry_run};
    auto swept = manner.dry_run ? backup::would_sweep(store, layout.instance(), manner.min_age, manner.our_time)
                                : backup::sweep(store, layout.instance(), manner.min_age, manner.our_time);
    if (!swept) {
        pruned.outcome.emplace().failure = in_context("the sweep of leftovers", std::move(swept).error());
        return pruned;
    }
    pruned.swept = *std::move(swept);
    if (manner.dry_run || pruned.plan.stop) {
        return pruned;
    }
    pruned.outcome = prune::carry_out(store, pruned.plan, stop);
    if (!pruned.outcome->failure && !pruned.outcome->may_not()) {
        auto cleared = prune::clear_remains(store, layout, manner.min_age, manner.our_time, stop);
        if (!cleared) {
            pruned.outcome->failure = std::move(cleared).error();
        }
    }
    return pruned;
}

AfterSuccess prune_after_success(const config::Settings& settings, store::ObjectStore& store, EventLog& log,
                                 const std::stop_token& stop) {
    AfterSuccess result;
    auto layout = catalogue::Layout::of(settings.instance.name);
    auto wishes = wishes_of(settings);
    if (!layout || !wishes) {
        result.failure = layout ? std::move(wishes).error() : std::move(layout).error();
        return result;
    }
    auto plan = prune::make_plan(store, *layout, by_rules(settings, store, *layout, *std::move(wishes)),
                                 os::SystemClock().now());
    if (!plan && plan.error().kind != ErrorKind::temporary && plan.error().kind != ErrorKind::interrupted) {
        take_no(result, settings, std::move(plan).error());  // a key that may not read, or not see versions
        return result;
    }
    if (!plan) {
        result.failure = std::move(plan).error();
        return result;
    }
    if (plan->stop && plan->stop->gate == retention::Gate::lineage) {
        result.not_possible = stop_of(*plan->stop);  // a reason of its own says that the lineage is in doubt
        return result;
    }
    if (plan->stop) {
        stop_unless_it_may_not(result, *plan, settings, store);
        return result;
    }
    carry_out(result, *plan, settings, store, log, stop);
    if (!result.failure && !result.stopped && !result.not_possible) {
        clear_remains(result, *layout, settings, store, log, stop);
    }
    return result;
}

}  // namespace lifeboat::cli
