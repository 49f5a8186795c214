#include "desk.hpp"

#include "health/names.hpp"
#include "sample.hpp"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace lifeboat::kubernetes {
namespace {

using namespace std::chrono_literals;
using health::ReportObject;
using health::ReportResult;
using nlohmann::json;
using test::AccountFolder;
using test::healthy_facts;
using test::noon;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Answers as it is told, and with 200 when it is told nothing.
class FakeApi final : public Api {
public:
    Reply perform(const Account& account, const Request& request, const std::stop_token&) override {
        asked.push_back(request);
        tokens.emplace_back(account.token.reveal());
        if (before_reply) {
            before_reply();
        }
        if (!replies.empty()) {
            auto reply = replies.front();
            replies.pop_front();
            return reply;
        }
        return otherwise;
    }

    void next(int status, std::string body = {}) {
        Reply reply;
        reply.status = status;
        reply.body = std::move(body);
        replies.push_back(std::move(reply));
    }

    std::vector<Request> asked;
    std::vector<std::string> tokens;
    std::deque<Reply> replies;
    Reply otherwise = [] {
        Reply reply;
        reply.status = 200;
        return reply;
    }();
    std::function<void()> before_reply;
};

const Wanted status_alone{"lifeboat-status", false, false};
const Wanted events_alone{std::nullopt, true, false};
const Wanted condition_alone{std::nullopt, false, true};

struct DeskTest : testing::Test {
    DeskTest() { facts = healthy_facts(); }

    // Looks now, and again whenever it wants to, for so long.
    void live(std::chrono::milliseconds time) {
        const auto end = steady + time;
        for (auto next = look(); next <= end; next = look()) {
            pass(std::max<SteadyPoint::duration>(next - steady, 1ms));
        }
        pass(std::max<SteadyPoint::duration>(end - steady, 0ms));
    }
    SteadyPoint look() {
        const auto verdict = health::judge(facts, now);
        return desk.work({facts, verdict, now}, stop.get_token());
    }
    void pass(SteadyPoint::duration time) {
        steady += time;
        now += std::chrono::duration_cast<TimePoint::duration>(time);
    }
    [[nodiscard]] std::vector<std::string> reasons_told() const {
        std::vector<std::string> reasons;
        for (const auto& request : api.asked) {
            if (request.method == "POST") {
                reasons.push_back(json::parse(request.body).at("reason").get<std::string>());
            }
        }
        return reasons;
    }
    [[nodiscard]] json last_condition() const {
        return json::parse(api.asked.back().body).at("status").at("conditions").at(0);
    }
    [[nodiscard]] const health::ReportFacts& of(ReportObject object) const {
        return desk.facts().at(static_cast<std::size_t>(object));
    }
    [[nodiscard]] std::uint64_t count(ReportObject object, ReportResult result) const {
        return of(object).counts.at(static_cast<std::size_t>(result));
    }

    AccountFolder folder;
    FakeApi api;
    std::stop_source stop;
    SteadyPoint steady{1000h};
    TimePoint now = noon;
    health::Facts facts;
    int names = 0;
    Desk desk{api, folder.surroundings(),
              Means{[this] { return steady; }, [] { return 1.0; }, [this] { return "n" + std::to_string(++names); }}};
};

TEST_F(DeskTest, AsksNothingWhenNothingIsWanted) {
    EXPECT_EQ(look(), SteadyPoint::max());
    EXPECT_THAT(api.asked, IsEmpty());
}

TEST_F(DeskTest, WritesTheStatusWhenSomethingHappensAndElseEveryFiveMinutes) {
    desk.want(status_alone);
    live(4min);
    EXPECT_THAT(api.asked, SizeIs(1));
    live(55min);
    EXPECT_THAT(api.asked, SizeIs(12));
    test::break_runs(facts);
    live(5s);
    EXPECT_THAT(api.asked, SizeIs(13));
    EXPECT_EQ(count(ReportObject::configmap, ReportResult::written), 13U);
}

TEST_F(DeskTest, WritesNoFasterThanEveryTwoSecondsWhateverHappens) {
    desk.want(status_alone);
    for (int i = 0; i < 100; ++i) {
        facts.runs.last->ended += 1s;
        look();
        pass(100ms);
    }
    EXPECT_THAT(api.asked, SizeIs(5));
}

TEST_F(DeskTest, WaitsForTheFirstLookAtTheStoreButNotForEver) {
    facts.store = {};
    desk.want({"lifeboat-status", true, true});
    live(110s);
    EXPECT_THAT(api.asked, IsEmpty());
    facts.schedule.start.reset();
    live(30s);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupMissing"));
}

TEST_F(DeskTest, TellsOfAStoreThatCannotBeReadAtOnce) {
    facts.store = {};
    facts.store.problem = health::Problem{"no such bucket", "make it"};
    facts.schedule.start.reset();
    desk.want(events_alone);
    live(1s);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupFailed", "BackupMissing"));
}

TEST_F(DeskTest, TheStatusIsWrittenByThePodWhoseTurnItIs) {
    facts.turn.turn = health::Turn::not_ours;
    desk.want({"lifeboat-status", false, true});
    live(1h);
    for (const auto& request : api.asked) {
        EXPECT_THAT(request.path, HasSubstr("/pods/"));
    }
    facts.turn.turn = health::Turn::ours;
    api.asked.clear();
    live(1s);
    EXPECT_THAT(api.asked.front().path, HasSubstr("/configmaps/lifeboat-status"));
}

// --- events ---

TEST_F(DeskTest, AnEventIsOfAChange) {
    desk.want(events_alone);
    live(1h);
    EXPECT_THAT(reasons_told(), IsEmpty());
    test::break_runs(facts);
    live(10min);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupFailed"));
    facts = healthy_facts();
    live(10min);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupFailed", "BackupRecovered"));
    test::break_runs(facts);
    live(10min);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupFailed", "BackupRecovered", "BackupFailed"));
}

TEST_F(DeskTest, ADrainIsNoFailure) {
    desk.want(events_alone);
    facts.drained = health::DrainFacts{noon, noon + 1h};
    live(2h);
    EXPECT_THAT(reasons_told(), IsEmpty());
}

TEST_F(DeskTest, ANewDatabaseIsNoFailureUntilItsFirstBackupIs) {
    desk.want(events_alone);
    facts.store.last_good.reset();
    facts.runs.last.reset();
    facts.schedule.start = now + 1min;
    live(1min);
    facts.running = health::RunningFacts{health::Activity::backup, "", now, "app"};
    facts.schedule.start.reset();
    live(1h);
    EXPECT_THAT(reasons_told(), IsEmpty());
    facts.running.reset();
    test::break_runs(facts);
    live(1min);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupFailed", "BackupMissing"));
}

TEST_F(DeskTest, WhatLastsIsCountedSoThatItIsNotForgotten) {
    desk.want(events_alone);
    test::break_runs(facts);
    live(65min);
    ASSERT_THAT(api.asked, SizeIs(3));
    EXPECT_EQ(api.asked[1].method, "PATCH");
    EXPECT_THAT(api.asked[1].path, HasSubstr("/events/postgres-0.n1?"));
    EXPECT_EQ(json::parse(api.asked[2].body).at("series").at("count"), 3);
    // The server has forgotten it all the same.
    api.next(404);
    live(30min);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupFailed", "BackupFailed"));
    EXPECT_THAT(desk.take_lines(), SizeIs(1)) << "nobody needs to know";
}

TEST_F(DeskTest, AnEventWhoseReplyIsLostIsNoSecondOne) {
    desk.want(events_alone);
    test::break_runs(facts);
    Reply lost;
    lost.broken = Broken::timed_out;
    api.replies.push_back(lost);
    api.next(409);
    live(1min);
    ASSERT_THAT(api.asked, SizeIs(2));
    EXPECT_EQ(json::parse(api.asked[0].body).at("metadata"), json::parse(api.asked[1].body).at("metadata"));
    EXPECT_FALSE(of(ReportObject::event).problem);
}

TEST_F(DeskTest, WhatWasOverBeforeItCouldBeToldIsNotTold) {
    desk.want(events_alone);
    api.otherwise.status = 503;
    test::break_runs(facts);
    live(10min);
    facts = healthy_facts();
    api.otherwise.status = 200;
    api.asked.clear();
    live(1h);
    EXPECT_THAT(api.asked, IsEmpty());
}

TEST_F(DeskTest, ARecoveryThatCouldNotBeToldIsOwed) {
    desk.want(events_alone);
    test::break_runs(facts);
    live(1min);
    facts = healthy_facts();
    api.otherwise.status = 503;
    live(1min);
    api.otherwise.status = 200;
    api.asked.clear();
    live(10min);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupRecovered"));
}

TEST_F(DeskTest, AStateThatFlapsIsNoFlood) {
    desk.want(events_alone);
    for (int i = 0; i < 3600; ++i) {
        facts = healthy_facts();
        if (i % 2 == 0) {
            test::break_runs(facts);
        }
        look();
        pass(1s);
    }
    EXPECT_LE(reasons_told().size(), 41U);
    EXPECT_GE(reasons_told().size(), 30U);
}

TEST_F(DeskTest, AServerThatBecomesAStandbyIsNoRecovery) {
    desk.want(events_alone);
    test::break_runs(facts);
    facts.settings.problems = {{"line 3: no such key", "remove it"}};
    live(1min);
    facts.turn.turn = health::Turn::not_ours;
    live(10min);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupMisconfigured", "BackupFailed"));
    facts.settings.problems.clear();
    live(10min);
    EXPECT_THAT(reasons_told(), ElementsAre("BackupMisconfigured", "BackupFailed", "BackupRecovered"))
        << "that was this pod's own";
    test::break_runs(facts);
    facts.turn.turn = health::Turn::ours;
    live(1min);
    facts.turn.turn = health::Turn::not_ours;
    api.asked.clear();
    live(1h);
    EXPECT_THAT(api.asked, IsEmpty());
}

// --- the condition ---

TEST_F(DeskTest, AConditionThatStandsThereKeepsItsAge) {
    api.next(200, R"({"status": {"conditions": [{"type": "BackupHealthy", "status": "True",
                     "lastTransitionTime": "2026-01-02T03:04:05Z"}]}})");
    desk.want(condition_alone);
    live(1s);
    ASSERT_THAT(api.asked, SizeIs(2));
    EXPECT_EQ(api.asked[0].body, "{}");
    EXPECT_EQ(last_condition().at("lastTransitionTime"), "2026-01-02T03:04:05Z");
    test::break_runs(facts);
    pass(1h);
    const auto broke = os::utc_text(now);
    live(1s);
    EXPECT_EQ(last_condition().at("status"), "False");
    EXPECT_EQ(last_condition().at("lastTransitionTime"), broke);
    live(1h);
    EXPECT_EQ(last_condition().at("lastTransitionTime"), broke);
    EXPECT_THAT(api.asked, SizeIs(7)) << "every quarter of an hour, so that its age shows whether somebody looks";
}

TEST_F(DeskTest, AConditionChangedWhenItChangedAndNotWhenItCouldBeTold) {
    desk.want(condition_alone);
    live(1s);
    test::break_runs(facts);
    const auto broke = os::utc_text(now);
    api.otherwise.status = 503;
    live(10min);
    api.otherwise.status = 200;
    live(6min);
    EXPECT_EQ(last_condition().at("lastTransitionTime"), broke);
}

// --- refusals and outages ---

TEST_F(DeskTest, AnOutageThatIsOverIsNobodysProblem) {
    desk.want({"lifeboat-status", true, false});
    api.otherwise.status = 503;
    live(1s);
    ASSERT_TRUE(of(ReportObject::event).problem);
    api.otherwise.status = 200;
    live(10min);
    EXPECT_FALSE(of(ReportObject::configmap).problem);
    EXPECT_FALSE(of(ReportObject::event).problem) << "although there has been none to write";
    EXPECT_EQ(desk.take_lines().back().event, "kubernetes_reported");
}

TEST_F(DeskTest, AnOutageThatEndsInARefusalIsAProblemOfWhatIsRefusedAlone) {
    desk.want({"lifeboat-status", true, false});
    api.otherwise.status = 503;
    live(1s);
    api.otherwise.status = 403;
    live(10min);
    ASSERT_TRUE(of(ReportObject::configmap).problem);
    EXPECT_THAT(of(ReportObject::configmap).problem->what, HasSubstr("403"));
    EXPECT_FALSE(of(ReportObject::event).problem);
}

TEST_F(DeskTest, AnOutageAfterARefusalIsToldAgain) {
    desk.want(status_alone);
    api.otherwise.status = 403;
    live(1s);
    api.otherwise.status = 503;
    live(10min);
    api.otherwise.status = 200;
    live(10min);
    EXPECT_THAT(desk.take_lines(), SizeIs(3));
    api.otherwise.status = 503;
    live(10min);
    EXPECT_THAT(desk.take_lines(), SizeIs(1)) << "it had been over, and is news";
}

TEST_F(DeskTest, AnOutageIsToldOnceAndAskedAfterInGrowingPauses) {
    desk.want({"lifeboat-status", true, true});
    api.otherwise.status = 503;
    test::break_runs(facts);
    live(10min);
    EXPECT_THAT(api.asked, SizeIs(testing::Lt(14)));
    auto lines = desk.take_lines();
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_EQ(lines[0].event, "kubernetes_not_reported");
    EXPECT_EQ(lines[0].fields.at("object"), "api");
    for (const auto object : health::report_objects) {
        EXPECT_TRUE(of(object).problem);
    }
    api.otherwise.status = 200;
    live(6min);
    for (const auto object : health::report_objects) {
        EXPECT_FALSE(of(object).problem) << health::name_of(object);
        EXPECT_TRUE(of(object).written);
    }
    lines = desk.take_lines();
    EXPECT_THAT(lines, SizeIs(3));
}

TEST_F(DeskTest, OneRefusalKeepsNothingElseFromBeingTold) {
    desk.want({"lifeboat-status", true, true});
    test::break_runs(facts);
    api.next(403);
    live(500ms);
    EXPECT_TRUE(of(ReportObject::configmap).problem);
    EXPECT_TRUE(of(ReportObject::event).written);
    EXPECT_TRUE(of(ReportObject::condition).written);
}

TEST_F(DeskTest, AsksNoSoonerThanItIsTold) {
    desk.want(status_alone);
    api.next(429);
    api.replies.front().retry_after = 77s;
    live(76s);
    EXPECT_THAT(api.asked, SizeIs(1));
    live(2s);
    EXPECT_THAT(api.asked, SizeIs(2));
}

TEST_F(DeskTest, ATokenThatWasExchangedMeanwhileIsTakenAtOnce) {
    desk.want(status_alone);
    api.next(401);
    api.before_reply = [this] { folder.write("token", "another"); };
    look();
    EXPECT_THAT(api.tokens, ElementsAre(test::bound_token, "another"));
    EXPECT_FALSE(of(ReportObject::configmap).problem);
}

TEST_F(DeskTest, ATokenThatIsNotTakenIsNotAskedWithAgainAtOnce) {
    desk.want(status_alone);
    api.otherwise.status = 401;
    look();
    EXPECT_THAT(api.asked, SizeIs(1));
    EXPECT_TRUE(of(ReportObject::configmap).problem);
}

TEST_F(DeskTest, WithoutATokenNothingIsAskedAndItIsToldOnce) {
    folder.remove("token");
    desk.want({"lifeboat-status", true, true});
    live(1h);
    EXPECT_THAT(api.asked, IsEmpty());
    EXPECT_THAT(desk.take_lines(), SizeIs(1));
    folder.write("token", "now");
    live(6min);
    EXPECT_TRUE(of(ReportObject::configmap).written);
}

TEST_F(DeskTest, AConflictIsTriedAgainAndNoNews) {
    desk.want(status_alone);
    api.next(409);
    live(2s);
    EXPECT_THAT(api.asked, SizeIs(2));
    const auto lines = desk.take_lines();
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_EQ(lines[0].event, "kubernetes_reported");
}

// The board may be a moment behind the settings.
TEST_F(DeskTest, NothingIsToldBeforeTheSettingsAreKnownToBeInForce) {
    facts = {};
    desk.want({"lifeboat-status", true, true});
    live(10s);
    EXPECT_THAT(api.asked, IsEmpty());
}

TEST_F(DeskTest, NewSettingsAreTriedAtOnce) {
    api.otherwise.status = 403;
    desk.want(status_alone);
    live(20min);
    api.asked.clear();
    api.otherwise.status = 200;
    desk.want({"another", false, false});
    look();
    ASSERT_THAT(api.asked, SizeIs(1));
    EXPECT_THAT(api.asked[0].path, HasSubstr("/configmaps/another?"));
    EXPECT_FALSE(of(ReportObject::configmap).problem);
    desk.want({});
    EXPECT_FALSE(of(ReportObject::configmap).wanted);
}

}  // namespace
}  // namespace lifeboat::kubernetes
