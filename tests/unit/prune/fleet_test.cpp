// Two years of a fleet against a model of the promise: at every moment, for every instance that ever had a good backup,
// there is one, and it is the newest, unless the bucket's own rules took it, and then it was warned of; so is the last
// proven one; of every database that nobody gave up there is the newest real archive; nothing is deleted that the
// policy keeps; and nobody is called where nothing was done.
//
// The real lineage, plans, deeds, sweeps, surveys and reasons of health run, over stores in memory that keep versions.
// Runs fail, databases are dropped and re-created empty, servers fail over and prune each other's plans, clocks of
// clients jump by years, prunes are killed, some buckets hide and delete by age, and a thief with a writer's key hides,
// shadows, misdates, and copies back what is gone. Forged manifests and acceptances, which only signing stops, are
// outside. What the model says of trust is its own reading of docs/lineage.md.
#include "killed_store.hpp"
#include "stored_backups.hpp"

#include "backup/sweep.hpp"
#include "health/judge.hpp"
#include "lineage/lineage.hpp"
#include "store_rules.hpp"
#include "survey.hpp"
#include "unit/retention/histories.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <map>
#include <set>

namespace lifeboat::prune {
namespace {

using retention::Dice;
using Versions = test::MemoryStore::Versions;

constexpr std::chrono::hours day{24};

bool takes_long() {
    const char* wish = std::getenv("LIFEBOAT_TEST_LONG");  // NOLINT(concurrency-mt-unsafe): nobody changes it
    return wish != nullptr && std::string(wish) == "1";
}

// What the world knows of a backup, whatever its store or a thief says.
struct Truth {
    Manifest manifest;
    os::TimePoint stored;
    std::string manifest_version;
    bool whole = false;  // not partial
    bool real = false;   // all of its databases held their rows
    bool accepted = false;
    std::set<std::string> archives = {};  // of databases that held their rows
    bool misdated = false;                // its writer's clock was behind, so that it looks like an old one
    bool proven = false;
    bool trusted = false;  // as of today
};

// What the owner and the bucket settled for one instance.
struct Ways {
    bool is_attacked = false;
    bool sleeps = false;         // a month of silence each quarter
    bool clocks_jump = false;    // of whoever makes backups
    bool prunes = true;          // the key may delete
    std::chrono::hours rule{0};  // the bucket's own: so old it hides, and a day later deletes; 0: none
};

class Instance {
public:
    explicit Instance(std::uint64_t seed) : dice_(seed) {
        wishes_.policy = {dice_.chance(60) ? static_cast<unsigned>(3 + dice_.below(12)) : 0,
                          static_cast<unsigned>(dice_.below(4)), static_cast<unsigned>(dice_.below(4)),
                          static_cast<unsigned>(dice_.below(4)), static_cast<unsigned>(dice_.below(2))};
        if (wishes_.policy.keeps_everything()) {
            wishes_.policy.days = 1;
        }
        wishes_.max_delete = 3 + dice_.below(8);
        for (const char* name : {"app", "shop", "users"}) {
            if (databases_.empty() || dice_.chance(60)) {
                databases_[name] = true;
            }
        }
        ways_.is_attacked = dice_.chance(40);
        ways_.sleeps = dice_.chance(20);
        if (dice_.chance(25)) {
            ways_.rule = day * static_cast<int>(20 + dice_.below(20));
            ways_.prunes = dice_.chance(50);
        } else {
            ways_.clocks_jump = dice_.chance(50);
        }
        wishes_.expires_after = ways_.rule;
    }

    void live(os::TimePoint now) {
        now_ = now;
        change_databases();
        if (ways_.is_attacked && dice_.chance(5)) {
            attack();
        }
        const bool awake = !ways_.sleeps || (now.time_since_epoch() / day) % 90 < 60;
        if (awake && !dice_.chance(10)) {
            back_up();
        }
        settle_trust();
        owner_looks();
        drill();
        if (ways_.rule.count() > 0 || dice_.chance(15)) {
            survey();
        }
        follow_the_buckets_rule();
    }
    void check();
    void check_nothing_is_left_over();

    // How often each of these came to pass.
    struct Counts {
        std::size_t pruned = 0;
        std::size_t attacks = 0;
        std::size_t copied_back = 0;
        std::size_t stops = 0;
        std::size_t kills = 0;
        std::size_t accepted = 0;
        std::size_t carried = 0;  // trusted for an acceptance before them
        std::size_t drills = 0;
        std::size_t taken_by_rule = 0;  // days on which the last good one was
    };
    [[nodiscard]] const Counts& counts() const { return counts_; }

private:
    // ---- the server ----
    void change_databases() {
        if (dice_.chance(1) && databases_.size() > 1) {
            databases_.erase(std::next(databases_.begin(), static_cast<long>(dice_.below(databases_.size()))));
        } else if (dice_.chance(1)) {
            databases_["extra" + std::to_string(dice_.below(3))] = true;
        } else if (dice_.below(1000) < 4) {
            for (auto& [name, real] : databases_) {
                real = false;  // the server was re-created empty
            }
        } else if (dice_.chance(2)) {
            for (auto& [name, real] : databases_) {
                real = true;  // restored after a disaster
            }
        }
    }
    [[nodiscard]] bool all_real() const {
        return std::all_of(databases_.begin(), databases_.end(), [](const auto& each) { return each.second; });
    }

    // ---- the sidecar ----
    os::TimePoint some_clock(unsigned percent) {
        return dice_.chance(percent) ? now_ + day * (static_cast<int>(dice_.below(8000)) - 4000) : now_;
    }
    void back_up() {
        const bool partial = dice_.chance(5) && databases_.size() > 1;
        const auto clock = some_clock(ways_.clocks_jump ? 3 : 0);
        const BackupId id = id_at(clock, tail());
        Truth truth{catalogue::bare_manifest(id), now_, {}, !partial, true};
        std::vector<std::string> names;
        for (const auto& [name, real] : databases_) {
            if (partial && names.size() + 1 == databases_.size()) {
                break;
            }
            names.push_back(name);
            truth.real = truth.real && real;
            if (real) {
                truth.archives.insert(name);
            }
        }
        truth.manifest = StoredBackups::made(id, names);
        for (auto& database : truth.manifest.databases) {
            const std::uint64_t rows = truth.archives.count(database.name) != 0 ? 1000 : 0;
            database.contents = catalogue::ContentTotals{1, rows, 10 * rows, 0, 0};
        }
        const auto& keep = wishes_.policy;
        truth.manifest.retention = {keep.days, keep.last, keep.weekly, keep.monthly, keep.yearly};
        if (!partial) {
            compare(truth.manifest, clock);
        }
        store_data(truth.manifest);
        if (dice_.chance(2)) {
            return;  // killed before its manifest was written
        }
        commit(std::move(truth), partial);
        if (!partial) {
            after_success();
        }
    }
    std::string tail() {
        constexpr std::string_view digits = "0123456789abcdef";
        std::string text;
        for (int i = 0; i < 4; ++i) {
            text += digits[dice_.below(16)];
        }
        return text;
    }
    void compare(Manifest& manifest, os::TimePoint clock) {
        const auto ancestry = catalogue::read_ancestry(store_, app(), clock);
        if (!ancestry) {  // nothing but what a thief copied under other names is there to compare with
            EXPECT_EQ(ancestry.error().kind, ErrorKind::corrupt) << ancestry.error().what;
            manifest.lineage = catalogue::LineageRecord{"", ancestry.error().what, 0.5};
            return;
        }
        manifest.marks = lineage::judge(*ancestry, manifest, {}, {}).marks;
        manifest.lineage = catalogue::LineageRecord{ancestry->trusted ? ancestry->trusted->id.text() : "", {}, 0.5};
    }
    void store_data(Manifest& manifest) {
        for (auto* objects : parts_of(manifest)) {
            for (auto& object : *objects) {
                object = store::put(store_, object.key, stream::as_bytes("abc")).value();
                store_.set_modified(object.key, now_);
            }
        }
    }
    static std::vector<std::vector<store::StoredObject>*> parts_of(Manifest& manifest) {
        std::vector<std::vector<store::StoredObject>*> parts = {&manifest.globals};
        for (auto& database : manifest.databases) {
            parts.push_back(&database.objects);
        }
        return parts;
    }
    static store::ObjectKey key_of(const Truth& truth) {
        const auto& id = truth.manifest.id;
        return truth.whole ? app().manifest(id) : app().partial_manifest(id);
    }
    void commit(Truth truth, bool partial) {
        if (partial) {
            truth.manifest.failures.push_back({"another", "failed"});
        }
        const auto key = key_of(truth);
        truth.manifest_version = store::put(store_, key, stream::as_bytes(to_json(truth.manifest))).value().version_id;
        store_.set_modified(key, now_);
        latest_ = now_;
        truth.misdated = is_misdated(truth);
        truths_.push_back(std::move(truth));
    }
    // A writer whose clock is days behind, after one whose clock was right. A clock that is right never looks like one.
    [[nodiscard]] bool is_misdated(const Truth& truth) {
        if (now_ - truth.manifest.id.started() <= 2 * day) {
            return false;
        }
        const auto catalogue = catalogue::read_catalogue(store_, app(), wishes_.expires_after).value();
        const auto found = std::find_if(catalogue.backups.begin(), catalogue.backups.end(), [&](const auto& each) {
            return each.manifest.id == truth.manifest.id && each.of_partial_run == !truth.whole;
        });
        EXPECT_NE(found, catalogue.backups.end());
        return found != catalogue.backups.end() && found->misdated;
    }

    void after_success() {
        if (!ways_.prunes) {
            return;
        }
        if (stale_) {  // what a server planned before it failed over, and comes round to now
            (void)carry_out(store_, *std::exchange(stale_, std::nullopt));
        }
        ASSERT_TRUE(backup::sweep(store_, "app", day, now_));
        prune();
        (void)clear_remains(store_, app(), day, now_);
    }
    void prune() {
        auto plan = make_plan(store_, app(), wishes_, some_clock(5));
        ASSERT_TRUE(plan);
        if (plan->stop) {
            ++counts_.stops;
            return;
        }
        if (dice_.chance(5)) {
            stale_ = *plan;
        }
        if (dice_.chance(10)) {
            ++counts_.kills;
            Killed dying(store_, static_cast<int>(dice_.below(30)), dice_.chance(50));
            counts_.pruned += carry_out(dying, *plan).gone.size();
            return;
        }
        const auto outcome = carry_out(store_, *plan);
        counts_.pruned += outcome.gone.size();
        EXPECT_FALSE(outcome.failure) << outcome.failure->what;
    }

    // What health says, and of which backups it says so.
    void survey() {
        const auto catalogue = catalogue::read_catalogue(store_, app(), wishes_.expires_after).value();
        health::Facts facts;
        facts.store = cli::survey_of(catalogue, now_);
        cli::StoreRules rules;
        if (ways_.rule.count() > 0) {
            rules.expires_after = ways_.rule;
        }
        cli::take_rules(facts.store, rules, {}, catalogue);
        const auto verdict = health::judge(facts, now_);
        if (facts.store.last_good && verdict.has(health::ReasonCode::expiring)) {
            warned_.insert(facts.store.last_good->id);
        }
        if (verdict.has(health::ReasonCode::tampered)) {
            warned_.insert(facts.store.hidden.begin(), facts.store.hidden.end());
        }
        const bool meddled = counts_.attacks > 0 || ways_.clocks_jump;
        EXPECT_TRUE(meddled || !verdict.has(health::ReasonCode::tampered)) << "a false alarm";
        // The bucket's rule may have taken what raised a doubt.
        if (ways_.rule.count() == 0) {
            EXPECT_EQ(verdict.has(health::ReasonCode::lineage), doubt());
        }
        for (const auto& backup : catalogue.backups) {
            EXPECT_FALSE(backup.state == State::good && copied_back_.count(backup.manifest.id.text()) != 0)
                << "an old one that was copied back passes for a new one: " << backup.manifest.id.text();
        }
    }
    void drill() {
        auto* last = newest([](const auto& each) { return each.trusted && each.real; });
        if (!dice_.chance(4) || last == nullptr || last->misdated || !is_whole(present(), *last)) {
            return;
        }
        auto result = catalogue::passed_drill(last->manifest.id);
        result.started = now_;
        const auto key = app().drill_result(last->manifest.id, now_);
        if (store::put(store_, key, stream::as_bytes(to_json(result)))) {
            store_.set_modified(key, now_);
            last->proven = true;
            ++counts_.drills;
        }
    }

    // ---- the bucket ----
    // As a rule of Backblaze B2, with a lock as long: hidden when old, and deleted a day later, once the lock has
    // ended. That of data is three days longer, as docs/stores.md has it.
    void follow_the_buckets_rule() {
        if (ways_.rule.count() == 0) {
            return;
        }
        std::map<std::string, std::vector<store::ObjectInfo>> histories;
        ASSERT_TRUE(store_.list("app/", [&](const auto& info) {
            histories[info.key.text()].push_back(info);
            return done();
        }));
        for (const auto& [name, versions] : histories) {
            const bool data = name.find("/data/") != std::string::npos;
            if (data || name.find("/manifests/") != std::string::npos || name.find("/partial/") != std::string::npos) {
                follow_it(versions, ways_.rule + (data ? 3 * day : day * 0));
            }
        }
    }
    void follow_it(const std::vector<store::ObjectInfo>& versions, std::chrono::hours rule) {
        const auto& last = versions.back();
        if (!last.hide_marker && now_ - last.modified >= rule) {
            store_.hide(last.key, now_);
        }
        bool all_gone = true;
        for (std::size_t i = 0; i + 1 < versions.size(); ++i) {
            const auto& version = versions[i];
            if (now_ - versions[i + 1].modified >= day && now_ - version.modified >= rule) {
                ASSERT_TRUE(store_.remove(version.key, version.version_id));
            } else {
                all_gone = false;
            }
        }
        if (all_gone && last.hide_marker) {
            ASSERT_TRUE(store_.remove(last.key, last.version_id));
        }
    }
    [[nodiscard]] bool taken_by_rule(const Truth& truth) const {
        return ways_.rule.count() > 0 && now_ - truth.stored >= ways_.rule;
    }

    // ---- the owner ----
    void owner_looks() {
        if (doubt() && dice_.chance(4) && all_real()) {
            accept();
            settle_trust();
        }
        if (ways_.prunes && dice_.chance(5)) {  // stopped by max_delete: somebody looks, and lets it
            auto wishes = wishes_;
            wishes.max_delete = 1000;
            if (auto plan = make_plan(store_, app(), wishes, now_); plan && !plan->stop) {
                counts_.pruned += carry_out(store_, *plan).gone.size();
            }
        }
    }
    // The newest, or one before it since which others only followed.
    void accept() {
        const bool earlier = dice_.chance(40);
        auto* truth = newest([&, passed = std::size_t{0}](const auto& each) mutable {
            return each.whole && !each.misdated && each.real && !each.trusted && (!earlier || passed++ == 1);
        });
        if (truth == nullptr || truth->stored < doubted_since_) {
            return;
        }
        const auto catalogue = catalogue::read_catalogue(store_, app(), wishes_.expires_after).value();
        const auto backup = std::find_if(catalogue.backups.begin(), catalogue.backups.end(), [&](const auto& each) {
            return each.manifest.id == truth->manifest.id && each.state == State::marked;
        });
        if (backup == catalogue.backups.end()) {
            return;  // somebody hid it
        }
        catalogue::Acceptance word{truth->manifest.id,
                                   truth->stored,
                                   now_,
                                   "owner@laptop",
                                   "it is right",
                                   catalogue::losses_of(catalogue, *backup),
                                   catalogue::followed_by(backup->manifest)};
        if (!catalogue::store_acceptance(store_, app(), word)) {
            return;
        }
        store_.set_modified(StoredBackups::accepted(word.id), now_);
        truth->accepted = true;
        ++counts_.accepted;
        for (const auto& name : word.lost_databases) {
            given_up_[name] = truth->stored;
        }
    }

    // ---- the thief ----
    void attack() {
        ++counts_.attacks;
        if (ways_.rule.count() == 0 && dice_.chance(30)) {
            copy_back();
        }
        const auto times = 1 + dice_.below(40);
        for (std::size_t i = 0; i < times; ++i) {
            auto keys = all_below(store_, "app/");
            if (keys.empty()) {
                return;
            }
            std::string name = keys[dice_.below(keys.size())];
            if (name.ends_with('!')) {
                continue;
            }
            const auto key = store::ObjectKey::parse(name).value();
            if (name.find("/accepted/") != std::string::npos) {
                continue;  // an acceptance is the owner's word; what a hidden one means is lineage's to say
            }
            switch (dice_.below(4)) {
                case 0: store_.hide(key, now_); break;
                case 1: store_.overwrite(key, "rubbish", now_); break;
                case 2: copy_under_another_name(); break;
                default: store_.overwrite(key, "{}", now_); store_.hide(key, now_);
            }
        }
    }
    // A manifest of this instance under a name that says it is of another time.
    void copy_under_another_name() {
        if (truths_.empty()) {
            return;
        }
        const auto& truth = truths_[dice_.below(truths_.size())];
        const auto key = app().manifest(id_at(now_ + day * static_cast<int>(dice_.below(4000)), tail()));
        if (store::put(store_, key, stream::as_bytes(to_json(truth.manifest)))) {
            store_.set_modified(key, now_);
        }
    }
    // Whole backups that are gone from the store, under their own names.
    void copy_back() {
        for (const auto& truth : truths_) {
            if (now_ - truth.manifest.id.started() < 3 * day || truth.manifest.id.started() > now_ ||
                !dice_.chance(3) || !all_of(store_, truth.manifest.id).empty() || !tells_of_it(truth)) {
                continue;
            }
            for (const auto& object : truth.manifest.all_objects()) {
                ASSERT_TRUE(store::put(store_, object.key, stream::as_bytes("abc")));
                store_.set_modified(object.key, now_);
            }
            ASSERT_TRUE(store::put(store_, key_of(truth), stream::as_bytes(to_json(truth.manifest))));
            store_.set_modified(key_of(truth), now_);
            latest_ = now_;
            copied_back_.insert(truth.manifest.id.text());
            ++counts_.copied_back;
        }
    }
    // Something newer that came in time is left in the store.
    [[nodiscard]] bool tells_of_it(const Truth& old) const {
        const auto there = present();
        return std::any_of(truths_.begin(), truths_.end(), [&](const auto& truth) {
            const auto& id = truth.manifest.id;
            return id.started() == truth.stored && id.started() > old.manifest.id.started() && truth.stored < now_ &&
                   there.count({key_of(truth).text(), truth.manifest_version}) != 0;
        });
    }

    // ---- the model ----
    static bool only_follows(const Truth& truth) {
        return !truth.manifest.marks.empty() &&
               std::all_of(truth.manifest.marks.begin(), truth.manifest.marks.end(),
                           [](const auto& mark) { return mark.kind == catalogue::follows_marked; });
    }
    static bool holds_what(const Truth& earlier, const Truth& later) {
        return std::all_of(earlier.manifest.databases.begin(), earlier.manifest.databases.end(), [&](const auto& each) {
            return later.manifest.find(each.name) != nullptr &&
                   (earlier.archives.count(each.name) == 0 || later.archives.count(each.name) != 0);
        });
    }
    // `word`: what was accepted last, unless it is gone; `accepted`: when it was stored; `settled`: what that settled.
    static bool is_carried(const Truth& truth, const Truth* word, os::TimePoint accepted,
                           const std::set<std::string>& settled) {
        if (!only_follows(truth) || accepted == os::TimePoint() || (word != nullptr && !holds_what(*word, truth))) {
            return false;
        }
        const auto& followed = truth.manifest.marks.front().backup;
        return settled.count(followed) != 0 || catalogue::BackupId::parse(followed).value().started() < accepted;
    }
    // In the order of the store's time: what an owner accepted, what nothing marked, and what only follows something
    // accepted and holds what that holds.
    void settle_trust() {
        const Truth* word = nullptr;  // of the last acceptance, unless that backup is gone
        os::TimePoint accepted;
        bool doubt = false;
        std::size_t carried = 0;
        std::set<std::string> settled;
        std::set<std::string> open;
        for (auto& truth : truths_) {
            if (!truth.whole || truth.misdated) {
                continue;
            }
            // What the bucket's rule took raises no doubt any more, and stays what it was.
            const bool gone = ways_.rule.count() > 0 && now_ - truth.stored >= ways_.rule + day;
            if (gone && !truth.accepted) {
                continue;
            }
            if (truth.accepted) {
                word = gone ? nullptr : &truth;
                accepted = truth.stored;
                doubt = false;
                settled.merge(open);
                settled.insert(truth.manifest.id.text());
            }
            const bool follows = is_carried(truth, word, accepted, settled);
            truth.trusted = truth.accepted || (!doubt && (truth.manifest.marks.empty() || follows));
            carried += truth.trusted && !truth.accepted && follows ? 1 : 0;
            if (!truth.trusted) {
                open.insert(truth.manifest.id.text());
                doubted_since_ = doubt ? doubted_since_ : truth.stored;
                doubt = true;
            }
        }
        doubt_ = doubt;
        counts_.carried = carried;
    }
    [[nodiscard]] bool doubt() const { return doubt_; }

    template <class Wanted>
    Truth* newest(Wanted wanted) {
        const auto found = std::find_if(truths_.rbegin(), truths_.rend(), wanted);
        return found == truths_.rend() ? nullptr : &*found;
    }
    using Present = std::set<std::pair<std::string, std::string>>;  // key and version
    [[nodiscard]] Present present() const {
        Present found;
        EXPECT_TRUE(store_.list("app/", [&](const auto& info) {
            if (!info.hide_marker) {
                found.emplace(info.key.text(), info.version_id);
            }
            return done();
        }));
        return found;
    }
    // By version id, as whoever restores it would read it.
    static bool is_there(const Present& present, const store::StoredObject& object) {
        return present.count({object.key.text(), object.version_id}) != 0;
    }
    static bool is_whole(const Present& present, const Truth& truth) {
        const auto objects = truth.manifest.all_objects();
        return present.count({key_of(truth).text(), truth.manifest_version}) != 0 &&
               std::all_of(objects.begin(), objects.end(), [&](const auto& each) { return is_there(present, each); });
    }
    void check_archives(const Present& there) const;
    void check_policy(const Present& there) const;

    mutable test::MemoryStore store_{Versions::kept};
    Dice dice_;
    Wishes wishes_;
    Ways ways_;
    os::TimePoint now_;
    os::TimePoint latest_;                   // when the newest manifest was stored, whoever did it
    std::map<std::string, bool> databases_;  // and whether each holds its rows
    std::vector<Truth> truths_;              // in the order in which they were stored
    bool doubt_ = false;
    os::TimePoint doubted_since_;
    std::map<std::string, os::TimePoint> given_up_;
    std::set<std::string> warned_;       // ids of backups that health named before they went
    std::set<std::string> copied_back_;  // ids
    std::optional<Plan> stale_;
    Counts counts_;
};

void Instance::check() {
    const auto there = present();
    if (const auto* good = newest([](const auto& each) { return each.trusted && each.real; })) {
        const auto& id = good->manifest.id.text();
        if (taken_by_rule(*good)) {
            ++counts_.taken_by_rule;
            EXPECT_TRUE(warned_.count(id) != 0) << "nobody was warned of the last good one, " << id;
        } else {
            EXPECT_TRUE(is_whole(there, *good)) << "the newest good one, " << id;
        }
    }
    const auto* proven = newest([](const auto& each) { return each.proven && each.trusted; });
    if (proven != nullptr && !taken_by_rule(*proven)) {
        EXPECT_TRUE(is_whole(there, *proven)) << "the last proven one, " << proven->manifest.id.text();
    }
    check_archives(there);
    check_policy(there);
}

void Instance::check_archives(const Present& there) const {
    std::map<std::string, const Truth*> archives;
    for (const auto& truth : truths_) {
        for (const auto& name : truth.archives) {
            if (truth.trusted || !truth.whole) {
                archives[name] = &truth;
            }
        }
    }
    for (const auto& [name, truth] : archives) {
        const auto lost = given_up_.find(name);
        if (!taken_by_rule(*truth) && (lost == given_up_.end() || truth->stored >= lost->second)) {
            const auto& objects = truth->manifest.find(name)->objects;
            EXPECT_TRUE(
                std::all_of(objects.begin(), objects.end(), [&](const auto& each) { return is_there(there, each); }))
                << "the newest archive of " << name << ", in " << truth->manifest.id.text();
        }
    }
}

// Each rule in its shortest reading, in UTC.
void Instance::check_policy(const Present& there) const {
    const auto& policy = wishes_.policy;
    const auto day_of = [](os::TimePoint time) { return std::chrono::floor<std::chrono::days>(time); };
    const auto date_of = [&](os::TimePoint time) { return std::chrono::year_month_day(day_of(time)); };
    std::size_t good = 0;
    std::set<std::chrono::sys_days> weeks;
    std::set<std::chrono::year_month> months;
    std::set<std::chrono::year> years;
    for (auto truth = truths_.rbegin(); truth != truths_.rend() && !taken_by_rule(*truth); ++truth) {
        bool asked = policy.days > 0 && day_of(truth->stored) >= day_of(latest_) - std::chrono::days(policy.days);
        if (truth->trusted) {
            const auto date = date_of(truth->stored);
            const auto monday =
                day_of(truth->stored) - (std::chrono::weekday(day_of(truth->stored)) - std::chrono::Monday);
            asked = asked || good < policy.last || (weeks.size() < policy.weekly && weeks.count(monday) == 0) ||
                    (months.size() < policy.monthly && months.count(date.year() / date.month()) == 0) ||
                    (years.size() < policy.yearly && years.count(date.year()) == 0);
            ++good;
            weeks.insert(monday);
            months.insert(date.year() / date.month());
            years.insert(date.year());
        }
        if (asked) {
            EXPECT_TRUE(is_whole(there, *truth)) << "what the policy keeps: " << truth->manifest.id.text();
        }
    }
}

void Instance::check_nothing_is_left_over() {
    if (!ways_.prunes) {
        return;
    }
    ways_.is_attacked = false;
    stale_.reset();
    for (const int days : {1, 3, 5, 7}) {
        now_ += day * days;
        Truth truth{StoredBackups::made(id_at(now_, tail()), {"app"}), now_, {}, true, true};
        store_data(truth.manifest);
        commit(std::move(truth), false);
        ASSERT_TRUE(backup::sweep(store_, "app", day, now_));
        ASSERT_TRUE(clear_remains(store_, app(), day, now_));
    }
    std::set<std::string> with_manifest;
    std::set<std::string> others;
    ASSERT_TRUE(store_.list("app/", [&](const auto& info) {
        const auto place = catalogue::place_of(app(), info.key);
        if (place.id) {
            const bool manifest =
                place.kind == catalogue::KeyKind::manifest || place.kind == catalogue::KeyKind::partial_manifest;
            (manifest && !info.hide_marker ? with_manifest : others).insert(place.id->text());
        }
        return done();
    }));
    for (const auto& id : others) {
        const bool is_acceptance = !all_below(store_, "app/accepted/" + id).empty();
        EXPECT_TRUE(with_manifest.count(id) != 0 || is_acceptance) << id << " is paid for and belongs to no backup";
    }
}

TEST(AFleet, KeepsItsPromiseForTwoYears) {
    const std::uint64_t instances = takes_long() ? 400 : 6;
    Instance::Counts sum;
    for (std::uint64_t seed = 1; seed <= instances; ++seed) {
        Instance instance(seed);
        for (int today = 0; today < 730; ++today) {
            SCOPED_TRACE("instance " + std::to_string(seed) + ", day " + std::to_string(today));
            instance.live(at(2025, 1, 1, 2, 17) + day * today);
            instance.check();
            if (testing::Test::HasFailure()) {
                return;
            }
        }
        instance.check_nothing_is_left_over();
        const auto& of = instance.counts();
        sum.pruned += of.pruned;
        sum.attacks += of.attacks;
        sum.copied_back += of.copied_back;
        sum.stops += of.stops;
        sum.kills += of.kills;
        sum.accepted += of.accepted;
        sum.carried += of.carried;
        sum.drills += of.drills;
        sum.taken_by_rule += of.taken_by_rule;
    }
    // Else nothing of this was tried.
    EXPECT_GT(sum.pruned, instances * 50);
    EXPECT_GT(sum.attacks, instances);
    EXPECT_GT(sum.copied_back, instances);
    EXPECT_GT(sum.stops, 0U);
    EXPECT_GT(sum.kills, instances);
    EXPECT_GT(sum.accepted, 0U);
    EXPECT_GT(sum.carried, 0U);
    EXPECT_GT(sum.drills, instances);
    EXPECT_GT(sum.taken_by_rule, 0U);
}

}  // namespace
}  // namespace lifeboat::prune
