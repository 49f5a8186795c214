// Two years of a fleet against a model of the promise: at every moment, for every instance that ever had a good backup,
// there is one, and it is the newest; of every database that nobody gave up there is the newest real archive; and
// nothing is deleted that the policy keeps. The real plans, deeds and sweeps run, over stores in memory that keep
// versions. Runs fail, databases are dropped and re-created empty, servers fail over and prune each other's plans,
// clocks of clients jump by years, prunes are killed, and a thief with a writer's key hides, shadows and misdates.
// Forged manifests and acceptances, which only signing stops, are outside.
#include "killed_store.hpp"
#include "stored_backups.hpp"

#include "backup/sweep.hpp"
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
    std::set<std::string> archives;  // of databases that held their rows
};

class Instance {
public:
    explicit Instance(std::uint64_t seed) : dice_(seed) {
        wishes_.policy = {dice_.chance(60) ? static_cast<unsigned>(3 + dice_.below(12)) : 0,
                          static_cast<unsigned>(dice_.below(4)), static_cast<unsigned>(dice_.below(3)),
                          static_cast<unsigned>(dice_.below(3)), 0};
        if (wishes_.policy.keeps_everything()) {
            wishes_.policy.days = 1;
        }
        wishes_.max_delete = 3 + dice_.below(8);
        for (const char* name : {"app", "shop", "users"}) {
            if (databases_.empty() || dice_.chance(60)) {
                databases_[name] = true;
            }
        }
        is_attacked_ = dice_.chance(40);
        sleeps_ = dice_.chance(20);
    }

    void live(os::TimePoint now) {
        now_ = now;
        change_databases();
        if (is_attacked_ && dice_.chance(5)) {
            attack();
        }
        const bool awake = !sleeps_ || (now.time_since_epoch() / day) % 90 < 60;  // a month of silence each quarter
        if (awake && !dice_.chance(10)) {
            back_up();
        }
        owner_looks();
    }
    void check() const;
    void check_nothing_is_left_over();

    [[nodiscard]] std::size_t pruned() const { return pruned_; }
    [[nodiscard]] std::size_t attacks() const { return attacks_; }
    [[nodiscard]] std::size_t stops() const { return stops_; }
    [[nodiscard]] std::size_t kills() const { return kills_; }
    [[nodiscard]] std::size_t accepted() const { return accepted_; }

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

    // ---- the sidecar ----
    void back_up() {
        const bool partial = dice_.chance(5) && databases_.size() > 1;
        const auto clock = dice_.chance(3) ? now_ + day * (static_cast<int>(dice_.below(8000)) - 4000) : now_;
        const BackupId id = id_at(clock, tail());
        std::vector<std::string> names;
        Truth truth{catalogue::bare_manifest(id), now_, {}, !partial, true, false, {}};
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
        truth.manifest.retention = {wishes_.policy.days, wishes_.policy.last, 0, 0, 0};
        if (!partial) {
            mark(truth);
        }
        store_all(truth, partial);
        if (dice_.chance(2)) {
            return;  // killed before its manifest was written
        }
        commit(truth, partial);
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
    // As lineage does, in short: against the newest that is trusted.
    void mark(Truth& truth) const {
        const Truth* trusted = newest([](const auto& each) { return is_trusted(each); });
        bool wrong = doubt();
        if (trusted != nullptr) {
            for (const auto& database : trusted->manifest.databases) {
                const bool was_real = trusted->archives.count(database.name) != 0;
                wrong = wrong || truth.manifest.find(database.name) == nullptr ||
                        (was_real && truth.archives.count(database.name) == 0);
            }
        }
        if (wrong) {
            truth.manifest.marks.push_back({"database_gone", "something is missing"});
        }
    }
    void store_all(Truth& truth, bool partial) {
        for (auto* objects : parts_of(truth.manifest)) {
            for (auto& object : *objects) {
                object = store::put(store_, object.key, stream::as_bytes("abc")).value();
                store_.set_modified(object.key, now_);
            }
        }
        (void)partial;
    }
    static std::vector<std::vector<store::StoredObject>*> parts_of(Manifest& manifest) {
        std::vector<std::vector<store::StoredObject>*> parts = {&manifest.globals};
        for (auto& database : manifest.databases) {
            parts.push_back(&database.objects);
        }
        return parts;
    }
    void commit(Truth& truth, bool partial) {
        if (partial) {
            truth.manifest.failures.push_back({"another", "failed"});
        }
        const auto key = partial ? app().partial_manifest(truth.manifest.id) : app().manifest(truth.manifest.id);
        const auto json = to_json(truth.manifest);
        truth.manifest_version = store::put(store_, key, stream::as_bytes(json)).value().version_id;
        store_.set_modified(key, now_);
        truths_.push_back(truth);
    }

    void after_success() {
        if (stale_) {  // what a server planned before it failed over, and comes round to now
            (void)carry_out(store_, *std::exchange(stale_, std::nullopt));
        }
        ASSERT_TRUE(backup::sweep(store_, "app", day));
        prune();
        (void)clear_remains(store_, app(), day);
    }
    void prune() {
        const auto clock = dice_.chance(5) ? now_ + day * (static_cast<int>(dice_.below(8000)) - 4000) : now_;
        auto plan = make_plan(store_, app(), wishes_, clock);
        ASSERT_TRUE(plan);
        if (plan->stop) {
            ++stops_;
            return;
        }
        if (dice_.chance(5)) {
            stale_ = *plan;
        }
        if (dice_.chance(10)) {
            ++kills_;
            Killed dying(store_, static_cast<int>(dice_.below(30)), dice_.chance(50));
            pruned_ += carry_out(dying, *plan).gone.size();
            return;
        }
        const auto outcome = carry_out(store_, *plan);
        pruned_ += outcome.gone.size();
        EXPECT_FALSE(outcome.failure) << outcome.failure->what;
    }

    // ---- the owner ----
    void owner_looks() {
        if (doubt() && dice_.chance(4)) {
            auto* truth = newest([](const auto& each) { return each.whole; });
            const bool still_there =
                std::all_of(databases_.begin(), databases_.end(), [](const auto& each) { return each.second; });
            if (truth != nullptr && truth->real && still_there) {
                truth->accepted = true;
                ++accepted_;
                const auto key = StoredBackups::accepted(truth->manifest.id);
                std::set<std::string> lost;
                for (const auto& other : truths_) {
                    lost.insert(other.archives.begin(), other.archives.end());
                }
                std::erase_if(lost, [&](const auto& name) { return truth->manifest.find(name) != nullptr; });
                const auto word =
                    StoredBackups::acceptance(truth->manifest.id, truth->stored, {lost.begin(), lost.end()});
                if (store::put(store_, key, stream::as_bytes(word))) {
                    store_.set_modified(key, now_);
                }
                for (const auto& other : truths_) {
                    for (const auto& name : other.archives) {
                        if (truth->manifest.find(name) == nullptr) {
                            given_up_[name] = truth->stored;
                        }
                    }
                }
            }
        }
        if (dice_.chance(5)) {  // stopped by max_delete: somebody looks, and lets it
            auto wishes = wishes_;
            wishes.max_delete = 1000;
            if (auto plan = make_plan(store_, app(), wishes, now_); plan && !plan->stop) {
                pruned_ += carry_out(store_, *plan).gone.size();
            }
        }
    }

    // ---- the thief ----
    void attack() {
        ++attacks_;
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
        const auto& truth = truths_[dice_.below(truths_.size())];
        const auto key = app().manifest(id_at(now_ + day * static_cast<int>(dice_.below(4000)), tail()));
        if (store::put(store_, key, stream::as_bytes(to_json(truth.manifest)))) {
            store_.set_modified(key, now_);
        }
    }

    // ---- the model ----
    static bool is_trusted(const Truth& truth) {
        return truth.whole && (truth.manifest.marks.empty() || truth.accepted);
    }
    template <class Wanted>
    [[nodiscard]] const Truth* newest(Wanted wanted) const {
        const auto found = std::find_if(truths_.rbegin(), truths_.rend(), wanted);
        return found == truths_.rend() ? nullptr : &*found;
    }
    template <class Wanted>
    Truth* newest(Wanted wanted) {
        const auto found = std::find_if(truths_.rbegin(), truths_.rend(), wanted);
        return found == truths_.rend() ? nullptr : &*found;
    }
    [[nodiscard]] bool doubt() const {
        const auto* whole = newest([](const auto& each) { return each.whole; });
        return whole != nullptr && !is_trusted(*whole);
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
        const auto key = truth.whole ? app().manifest(truth.manifest.id) : app().partial_manifest(truth.manifest.id);
        const auto objects = truth.manifest.all_objects();
        return present.count({key.text(), truth.manifest_version}) != 0 &&
               std::all_of(objects.begin(), objects.end(), [&](const auto& each) { return is_there(present, each); });
    }

    mutable test::MemoryStore store_{Versions::kept};
    Dice dice_;
    Wishes wishes_;
    os::TimePoint now_;
    std::map<std::string, bool> databases_;  // and whether each holds its rows
    std::vector<Truth> truths_;              // in the order in which they were stored
    std::map<std::string, os::TimePoint> given_up_;
    std::optional<Plan> stale_;
    bool is_attacked_ = false;
    bool sleeps_ = false;
    std::size_t pruned_ = 0;
    std::size_t attacks_ = 0;
    std::size_t stops_ = 0;
    std::size_t kills_ = 0;
    std::size_t accepted_ = 0;
};

void Instance::check() const {
    const auto there = present();
    if (const auto* good = newest([](const auto& each) { return is_trusted(each) && each.real; })) {
        EXPECT_TRUE(is_whole(there, *good)) << "the newest good one, " << good->manifest.id.text();
    }
    std::map<std::string, const Truth*> archives;
    for (const auto& truth : truths_) {
        for (const auto& name : truth.archives) {
            if (is_trusted(truth) || !truth.whole) {
                archives[name] = &truth;
            }
        }
    }
    for (const auto& [name, truth] : archives) {
        const auto lost = given_up_.find(name);
        if (lost == given_up_.end() || truth->stored >= lost->second) {
            const auto& objects = truth->manifest.find(name)->objects;
            EXPECT_TRUE(
                std::all_of(objects.begin(), objects.end(), [&](const auto& each) { return is_there(there, each); }))
                << "the newest archive of " << name << ", in " << truth->manifest.id.text();
        }
    }
    if (truths_.empty()) {
        return;
    }
    const auto newest_day = std::chrono::floor<std::chrono::days>(truths_.back().stored);
    std::size_t whole = 0;
    for (auto truth = truths_.rbegin(); truth != truths_.rend(); ++truth) {
        const bool recent = wishes_.policy.days > 0 && std::chrono::floor<std::chrono::days>(truth->stored) >=
                                                           newest_day - std::chrono::days(wishes_.policy.days);
        const bool counted = is_trusted(*truth) && whole++ < wishes_.policy.last;
        if (recent || counted) {
            EXPECT_TRUE(is_whole(there, *truth)) << "what the policy keeps: " << truth->manifest.id.text();
        } else if (whole >= wishes_.policy.last) {
            break;
        }
    }
}

void Instance::check_nothing_is_left_over() {
    is_attacked_ = false;
    stale_.reset();
    for (const int days : {1, 3, 5, 7}) {
        now_ += day * days;
        Truth truth{StoredBackups::made(id_at(now_, tail()), {"app"}), now_, {}, true, true, true, {"app"}};
        store_all(truth, false);
        commit(truth, false);
        ASSERT_TRUE(backup::sweep(store_, "app", day));
        ASSERT_TRUE(clear_remains(store_, app(), day));
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
    const std::uint64_t instances = takes_long() ? 400 : 5;
    std::size_t pruned = 0;
    std::size_t attacks = 0;
    std::size_t stops = 0;
    std::size_t kills = 0;
    std::size_t accepted = 0;
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
        pruned += instance.pruned();
        attacks += instance.attacks();
        stops += instance.stops();
        kills += instance.kills();
        accepted += instance.accepted();
    }
    // Else nothing of this was tried.
    EXPECT_GT(pruned, instances * 50);
    EXPECT_GT(attacks, instances);
    EXPECT_GT(stops, 0U);
    EXPECT_GT(kills, instances);
    EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace lifeboat::prune
