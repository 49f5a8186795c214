// What follows a good backup by itself, as the settings and the key have it.
#include "prune_wishes.hpp"

#include "config/load.hpp"
#include "unit/prune/stored_backups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

using prune::all_below;
using prune::StoredBackups;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A bucket under a key that may delete or may not, with rules that the key may read or may not.
class KeyedStore final : public store::ObjectStore {
public:
    explicit KeyedStore(test::MemoryStore& inner) : inner_(inner) {}

    [[nodiscard]] std::string location() const override { return inner_.location(); }
    [[nodiscard]] std::uint64_t max_object_size() const override { return inner_.max_object_size(); }
    Result<std::unique_ptr<store::Upload>> begin(const store::ObjectKey& key) override { return inner_.begin(key); }
    Status read(const store::ObjectKey& key, const std::string& version, stream::Sink& to) override {
        return inner_.read(key, version, to);
    }
    Status list(const std::string& prefix, const Visitor& visit) override { return inner_.list(prefix, visit); }
    Result<std::vector<store::UnfinishedUpload>> unfinished(const std::string& prefix) override {
        return inner_.unfinished(prefix);
    }
    Status discard(const store::UnfinishedUpload& upload) override { return inner_.discard(upload); }
    Status remove(const store::ObjectKey& key, const std::string& version) override {
        ++removals;
        return no ? Status(*no) : inner_.remove(key, version);
    }
    Status may_remove(const store::ObjectKey& absent) override {
        EXPECT_THAT(all_below(inner_, absent.text()), IsEmpty());
        return no ? Status(*no) : done();
    }
    Result<std::vector<store::AgeRule>> age_rules() override { return rules; }
    [[nodiscard]] bool lists_everything() const override { return true; }

    std::optional<Error> no;
    int removals = 0;
    Result<std::vector<store::AgeRule>> rules = std::vector<store::AgeRule>{};

private:
    test::MemoryStore& inner_;
};

class AfterAGoodBackup : public testing::Test {
protected:
    AfterAGoodBackup() {
        settings_.instance.name = "app";
        settings_.retention.keep_days = 0;
        settings_.retention.keep_last = 2;
        settings_.retention.max_delete = 3;
    }
    AfterSuccess pruned() { return prune_after_success(settings_, store_, log_, {}); }

    config::Settings settings_;
    test::MemoryStore memory_{test::MemoryStore::Versions::kept};
    KeyedStore store_{memory_};
    StoredBackups backups_{memory_};
    EventLog log_{LogLevel::error, LogFormat::json};
    const os::TimePoint newest_ = std::chrono::system_clock::now() - std::chrono::hours(1);
};

TEST_F(AfterAGoodBackup, WhatNoRuleKeepsGoes) {
    backups_.add_nightly(5, newest_);
    const auto result = pruned();
    EXPECT_THAT(result.gone, SizeIs(3));
    EXPECT_FALSE(result.stopped || result.not_possible || result.failure);
}

TEST_F(AfterAGoodBackup, MoreThanMaxDeleteIsForSomebodyToLookAt) {
    backups_.add_nightly(6, newest_);
    const auto result = pruned();
    ASSERT_TRUE(result.stopped);
    EXPECT_THAT(result.stopped->what, HasSubstr("max_delete"));
    EXPECT_EQ(store_.removals, 0);
}

// What keep_days lets go of is a whole day, which must not call for anybody each night.
TEST_F(AfterAGoodBackup, ADayOfAnHourlyScheduleGoesAtOnceByDefault) {
    config::Sources nothing_else;
    nothing_else.default_config = "/nonexistent/lifeboat.toml";
    const auto hourly = config::attempt_text("[instance]\nname = \"app\"\n[schedule]\ncron = \"@hourly\"\n", "app.toml",
                                             nothing_else, {});
    ASSERT_THAT(hourly.problems, IsEmpty());
    settings_ = hourly.loaded.settings;
    const os::TimePoint midnight = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    constexpr int of_31_days = 31 * 24;
    for (int hour = of_31_days; hour >= 0; --hour) {  // the last one is the first of today
        backups_.add(midnight - std::chrono::hours(hour));
    }
    const auto result = pruned();
    EXPECT_THAT(result.gone, SizeIs(24));
    EXPECT_FALSE(result.stopped) << result.stopped->what;
    EXPECT_FALSE(result.not_possible || result.failure);
}

// Under such a key they pile up, and nobody needs to be woken for that: some other hand deletes there.
TEST_F(AfterAGoodBackup, AKeyThatCannotDeleteHasNothingThatStopsHoweverManyAreDue) {
    store_.no = failed("AccessDenied", "give the key deleteFiles");
    std::vector<std::string> said;
    for (const int nights : {5, 6, 40}) {  // each lot newer than the one before
        backups_.add_nightly(nights, newest_ - std::chrono::days(10 * (40 - nights)));
        const auto result = pruned();
        EXPECT_FALSE(result.stopped) << result.stopped->what;
        EXPECT_FALSE(result.failure);
        ASSERT_TRUE(result.not_possible);
        said.push_back(result.not_possible->what + result.not_possible->next);
    }
    EXPECT_EQ(said[0], said[1]) << "the same is told once";
    EXPECT_EQ(said[1], said[2]);
    EXPECT_THAT(said[0], HasSubstr("this key"));
}

TEST_F(AfterAGoodBackup, AKeyThatCannotDeleteIsAFaultWhereTheOwnerAskedForPruning) {
    settings_.retention.prune = config::PruneMode::always;
    store_.no = failed("AccessDenied", "give the key deleteFiles");
    backups_.add_nightly(6, newest_);
    const auto result = pruned();
    ASSERT_TRUE(result.stopped);
    EXPECT_THAT(result.stopped->what, HasSubstr("this key"));
}

TEST_F(AfterAGoodBackup, AStoreThatDoesNotAnswerWhetherTheKeyMayIsAskedAgain) {
    store_.no = Error{ErrorKind::temporary, "away", {}};
    backups_.add_nightly(6, newest_);
    const auto result = pruned();
    EXPECT_FALSE(result.stopped || result.not_possible);
    ASSERT_TRUE(result.failure);
}

TEST_F(AfterAGoodBackup, TheBucketsOwnRulesAreRead) {
    const auto old = backups_.add(newest_ - std::chrono::days(60));
    backups_.add_nightly(2, newest_);
    memory_.hide(prune::app().manifest(old.id), newest_);
    const auto wishes = wishes_of(settings_).value();
    const auto state = [&] {
        return prune::make_plan(store_, prune::app(), by_rules(settings_, store_, prune::app(), wishes),
                                os::SystemClock().now())
            .value()
            .rows.front()
            .state;
    };
    EXPECT_EQ(state(), catalogue::State::hidden) << "there is no rule: it was somebody";
    store_.rules = std::vector<store::AgeRule>{{"app/manifests/", std::chrono::days(30)}};
    EXPECT_EQ(state(), catalogue::State::expired);
    store_.rules = failed("AccessDenied", {});
    settings_.store.expires_after = std::chrono::days(90);
    EXPECT_EQ(state(), catalogue::State::hidden);
}

}  // namespace
}  // namespace lifeboat::cli
