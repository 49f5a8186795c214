#include "doctor/bucket_rules.hpp"

#include "days_text.hpp"

#include <algorithm>
#include <array>

namespace lifeboat::doctor {
namespace {

const std::string check = "rules";

bool touches(const std::string& rule, const std::string& place) {
    return rule.starts_with(place) || place.starts_with(rule);
}

// A rule of [retention] that goes by time.
struct OwnRule {
    const char* key;
    std::uint64_t count;
    std::uint64_t days_each;  // the longest that such a time gets

    // How old what it keeps gets at least. The newest of this week, month or year is one of them, and is of these days.
    [[nodiscard]] std::uint64_t days() const {
        return days_each == 1 || count == 0 ? count : std::max<std::uint64_t>((count - 1) * days_each, 1);
    }
};

OwnRule longest_of(const catalogue::RetentionRecord& keep) {
    const std::array<OwnRule, 4> rules{{{"keep_days", keep.keep_days, 1},
                                        {"keep_weekly", keep.keep_weekly, 7},
                                        {"keep_monthly", keep.keep_monthly, 31},
                                        {"keep_yearly", keep.keep_yearly, 366}}};
    return *std::max_element(rules.begin(), rules.end(),
                             [](const auto& a, const auto& b) { return a.days() < b.days(); });
}

class Judgement {
public:
    Judgement(const std::vector<s3::LifecycleRule>& rules, const RuleQuestions& questions) : questions_(questions) {
        for (const auto& rule : rules) {
            if (touches(rule.prefix, manifests()) || touches(rule.prefix, data())) {
                rules_.push_back(rule);
            }
        }
    }

    Findings run() {
        for (const auto& rule : rules_) {
            look_at_age(rule);
            look_at_unfinished(rule);
            look_at_class(rule);
        }
        look_at_what_never_ends();
        if (findings_.empty()) {
            findings_.push_back(passed(check, summary()));
        }
        return std::move(findings_);
    }

private:
    [[nodiscard]] std::string manifests() const { return questions_.instance_prefix + "manifests/"; }
    [[nodiscard]] std::string data() const { return questions_.instance_prefix + "data/"; }
    static std::string name_of_rule(const s3::LifecycleRule& rule) {
        return rule.prefix.empty() ? "the bucket's rule" : "the bucket's rule for " + rule.prefix;
    }
    template <class Has>
    [[nodiscard]] bool any_covers(const std::string& place, Has has) const {
        return std::any_of(rules_.begin(), rules_.end(),
                           [&](const auto& rule) { return place.starts_with(rule.prefix) && has(rule); });
    }

    void look_at_age(const s3::LifecycleRule& rule);
    void look_at_unfinished(const s3::LifecycleRule& rule);
    void look_at_class(const s3::LifecycleRule& rule);
    void look_at_what_never_ends();
    [[nodiscard]] std::string summary() const;

    const RuleQuestions& questions_;
    std::vector<s3::LifecycleRule> rules_;
    Findings findings_;
};

void Judgement::look_at_age(const s3::LifecycleRule& rule) {
    if (rule.days) {
        const auto takes = name_of_rule(rule) + " takes backups away after " + days_text(*rule.days);
        if (auto finding = judge_days(*rule.days, questions_.retention, takes)) {
            findings_.push_back(*std::move(finding));
        }
    }
    if (rule.date) {
        findings_.push_back(failed(check, name_of_rule(rule) + " takes everything away on a date, whatever its age",
                                   "let it go by days instead: docs/stores.md"));
    }
}

// Days of rules begin at midnight, or whenever the store gets to it: a whole day more is never promised.
void Judgement::look_at_unfinished(const s3::LifecycleRule& rule) {
    if (rule.abort_days && touches(rule.prefix, data()) &&
        std::chrono::hours(24 * std::min<std::uint64_t>(*rule.abort_days, 100'000)) <= questions_.max_duration) {
        findings_.push_back(failed(check,
                                   name_of_rule(rule) + " drops uploads that are not finished after " +
                                       days_text(*rule.abort_days) + ", and a backup may take " +
                                       std::to_string(questions_.max_duration.count()) + " hours",
                                   "give it a day more than schedule.max_duration"));
    }
}

void Judgement::look_at_class(const s3::LifecycleRule& rule) {
    if (!rule.moves_to.empty()) {
        findings_.push_back(warned(check,
                                   name_of_rule(rule) + " moves backups to " + rule.moves_to +
                                       ", out of which nothing can be restored before it is thawed",
                                   "leave them in a class that is read at once"));
    }
}

void Judgement::look_at_what_never_ends() {
    const auto takes = [](const auto& rule) { return rule.days || rule.date; };
    const auto deletes_hidden = [](const auto& rule) { return rule.noncurrent_days.has_value(); };
    const auto drops = [](const auto& rule) { return rule.abort_days.has_value(); };
    if (questions_.keeps_versions && any_covers(data(), takes) && !any_covers(data(), deletes_hidden)) {
        findings_.push_back(warned(check,
                                   "the bucket's rule hides old backups and never deletes what it hid: their data "
                                   "stays, and is paid for",
                                   "add the deletion of what is hidden: daysFromHidingToDeleting on Backblaze B2, "
                                   "NoncurrentVersionExpiration elsewhere"));
    }
    if (!any_covers(data(), drops) && questions_.sees_uploads == Right::no) {
        findings_.push_back(warned(check,
                                   "nobody drops the uploads that killed runs leave: the key may not list them, and no "
                                   "rule of the bucket does it",
                                   "add a rule that aborts incomplete uploads after some days: docs/stores.md"));
    }
    if (!any_covers(data(), takes) && questions_.deletes == Right::no) {
        findings_.push_back(warned(check,
                                   "nothing here ever deletes old backups: the key may not, and no rule of the bucket "
                                   "does it",
                                   "run `lifeboat prune --all` elsewhere, or add a rule: docs/stores.md"));
    }
}

std::string Judgement::summary() const {
    std::optional<std::uint64_t> least;
    for (const auto& rule : rules_) {
        least = rule.days && (!least || *rule.days < *least) ? rule.days : least;
    }
    return least ? "the bucket's own rules take backups away after " + days_text(*least)
                 : "no rule of the bucket takes backups away";
}

}  // namespace

Findings judge_rules(const std::vector<s3::LifecycleRule>& rules, const RuleQuestions& questions) {
    return Judgement(rules, questions).run();
}

std::optional<Finding> judge_days(std::uint64_t days, const catalogue::RetentionRecord& retention,
                                  const std::string& takes) {
    const auto longest = longest_of(retention);
    if (longest.count == 0 && retention.keep_last == 0) {
        return failed(check, takes + ", and [retention] keeps every one",
                      "remove the bucket's rule, or say in [retention] how long to keep them: docs/stores.md");
    }
    if (days < longest.days()) {
        return failed(check, takes + ", and retention." + longest.key + " is " + std::to_string(longest.count),
                      "set the bucket's rule to " + days_text(longest.days()) +
                          " or more, best to twice as many: docs/stores.md");
    }
    if (longest.count == 0 || days < retention.keep_last) {
        // It counts backups, which may be a day apart, or a month.
        return unknown(check,
                       takes + ", and retention.keep_last is " + std::to_string(retention.keep_last) +
                           ": how old so many get goes by the schedule",
                       "see that it takes none of them, best at twice their age: docs/stores.md");
    }
    return std::nullopt;
}

std::optional<std::uint64_t> hidden_deleted_after(const std::vector<s3::LifecycleRule>& rules,
                                                  const std::string& instance_prefix) {
    std::optional<std::uint64_t> soonest;
    for (const auto& rule : rules) {
        if (rule.noncurrent_days &&
            (touches(rule.prefix, instance_prefix + "manifests/") || touches(rule.prefix, instance_prefix + "data/"))) {
            soonest = std::min(soonest.value_or(*rule.noncurrent_days), *rule.noncurrent_days);
        }
    }
    return soonest;
}

}  // namespace lifeboat::doctor
