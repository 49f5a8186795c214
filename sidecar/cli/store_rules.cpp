#include "store_rules.hpp"

#include <algorithm>

namespace lifeboat::cli {
namespace {

bool touches(const std::string& rule, const std::string& place) {
    return rule.starts_with(place) || place.starts_with(rule);
}

bool concerns(const store::AgeRule& rule, const catalogue::Layout& layout) {
    return touches(rule.prefix, layout.manifests_prefix()) || touches(rule.prefix, layout.prefix() + "data/");
}

template <class T>
void take_lesser(std::optional<T>& least, const std::optional<T>& value) {
    if (value && (!least || *value < *least)) {
        least = value;
    }
}

}  // namespace

std::optional<os::TimePoint> StoreRules::due(os::TimePoint stored) const {
    std::optional<os::TimePoint> due;
    if (expires_after) {
        due = stored + *expires_after;
    }
    take_lesser(due, on ? std::optional(std::max(*on, stored)) : std::nullopt);
    return due;
}

std::optional<std::chrono::milliseconds> StoreRules::age_limit() const {
    const bool none = unknown.empty() && !on;
    return expires_after || !none ? expires_after : std::chrono::milliseconds(0);
}

StoreRules read_rules(const config::Settings& settings, store::ObjectStore& store, const catalogue::Layout& layout) {
    if (settings.store.expires_after) {
        return {settings.store.expires_after, std::nullopt, {}};
    }
    const auto rules = store.age_rules();
    if (!rules) {
        return {std::nullopt, std::nullopt, rules.error().what + "; set store.expires_after to what they say"};
    }
    StoreRules found;
    for (const auto& rule : *rules) {
        if (concerns(rule, layout)) {
            take_lesser(found.expires_after,
                        rule.after ? std::optional<std::chrono::milliseconds>(*rule.after) : std::nullopt);
            take_lesser(found.on, rule.on);
        }
    }
    return found;
}

namespace {

Result<catalogue::Catalogue> read_by_rules(const config::Settings& settings, store::ObjectStore& store,
                                           const catalogue::Layout& layout) {
    auto catalogue = catalogue::read_catalogue(store, layout, settings.store.expires_after);
    const auto goes_by_the_rule = [](const auto& backup) {
        return !backup.tampering.empty() || (backup.state == catalogue::State::expired && backup.gone.empty());
    };
    if (!catalogue || settings.store.expires_after ||
        std::none_of(catalogue->backups.begin(), catalogue->backups.end(), goes_by_the_rule)) {
        return catalogue;
    }
    const auto limit = read_rules(settings, store, layout).age_limit();
    return limit ? catalogue::read_catalogue(store, layout, limit) : std::move(catalogue);
}

}  // namespace

Result<catalogue::Catalogue> read_catalogue_by_rules(const config::Settings& settings, store::ObjectStore& store,
                                                     const catalogue::Layout& layout) {
    auto catalogue = read_by_rules(settings, store, layout);
    if (catalogue) {
        catalogue::rank_by_age(*catalogue, os::SystemClock().now());
    }
    return catalogue;
}

void take_rules(health::StoreFacts& facts, const StoreRules& rules, const config::Settings& settings,
                const catalogue::Catalogue& catalogue) {
    facts.expiry.warning = std::chrono::floor<std::chrono::seconds>(settings.retention.expiry_warning);
    facts.expiry.unknown = rules.unknown;
    for (const auto& backup : catalogue.backups) {
        if (facts.last_good && backup.manifest.id.text() == facts.last_good->id) {
            facts.expiry.last_good_due = rules.due(backup.stored);
        }
    }
}

}  // namespace lifeboat::cli
