// What is told when, over hours that pass in no time.
#include "notify/teller.hpp"

#include "support/sample_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace lifeboat::notify {
namespace {

using health::BackupState;
using health::Facts;
using health::Hook;
using health::RunResult;
using namespace std::chrono_literals;
using nlohmann::json;
using test::noon;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A sidecar whose backups are in order, and whom it tells.
class TellerTest : public testing::Test {
protected:
    TellerTest() {
        facts.runs = {};
        facts.schedule.overdue_after = std::chrono::days(3650);  // time alone makes nothing overdue, unless it should
        EXPECT_THAT(hear(), IsEmpty());
    }

    // "on_failure failure", "ping /fail", "ping": what is told now.
    std::vector<std::string> hear() {
        std::vector<std::string> told;
        auto fresh = teller->hear(facts, now, wanted);
        for (const auto& message : fresh) {
            told.push_back(in_short(message));
        }
        if (!fresh.empty()) {
            messages = std::move(fresh);
        }
        return told;
    }

    std::vector<std::string> hear_after(std::chrono::nanoseconds time) {
        now += time;
        return hear();
    }

    // All that is told while nothing but time changes.
    std::vector<std::string> hear_over(std::chrono::seconds time) {
        std::vector<std::string> told;
        for (const auto end = now + time; now < end;) {
            for (auto& each : hear_after(10s)) {
                told.push_back(std::move(each));
            }
        }
        return told;
    }

    static std::string in_short(const Message& message) {
        switch (message.hook) {
            case Hook::on_failure: return "on_failure " + json::parse(message.body)["event"].get<std::string>();
            case Hook::on_success: return "on_success " + json::parse(message.body)["event"].get<std::string>();
            case Hook::ping: break;
        }
        return message.leaf.empty() ? "ping" : "ping /" + message.leaf;
    }

    // As the supervisor does when a run ends.
    void end_run(RunResult result, const std::string& id = "20261122T120000Z-0001",
                 BackupState state = BackupState::good) {
        facts.running.reset();
        facts.runs.last = health::RunFacts{result, now - 60s, now, id, std::nullopt};
        const bool failed = result == RunResult::failed || result == RunResult::crashed || result == RunResult::overrun;
        facts.runs.consecutive_failures = failed ? facts.runs.consecutive_failures + 1 : 0;
        if (result != RunResult::good) {
            facts.runs.last->problem = health::Problem{"the password was refused", "set it"};
        }
        if (result != RunResult::good && result != RunResult::partial) {
            return;
        }
        auto backup = test::sample_backup(id, now - 60s);
        backup.state = result == RunResult::partial ? BackupState::partial : state;
        if (backup.state == BackupState::marked) {
            backup.marks = {"database app is gone"};
            facts.store.doubt = health::DoubtFacts{id, backup.marks.front(), 1, id, now};
        } else if (result == RunResult::good) {
            facts.store.last_good = backup;
        }
        facts.store.newest_partial.reset();
        if (result == RunResult::partial) {
            backup.failed_databases = {"app"};
            facts.store.newest_partial = backup;
        }
        facts.store.recent.insert(facts.store.recent.begin(), backup);
    }

    void begin_run(const std::string& id) { facts.running = health::RunningFacts{health::Activity::backup, id, now}; }

    // What becomes of the last message.
    void arrive() { teller->delivered(messages.back().number); }
    void give_up() { teller->undelivered(messages.back().number, false, now); }

    [[nodiscard]] json body(std::size_t index = 0) const { return json::parse(messages.at(index).body); }

    Facts facts = test::sample_facts();
    health::TimePoint now = noon;
    Wanted wanted = {true, false, false};
    std::optional<Teller> teller{std::in_place};
    std::vector<Message> messages;  // the last there were
};

using TellerOfHealth = TellerTest;

TEST_F(TellerOfHealth, SaysNothingWhileBackupsAreInOrder) {
    EXPECT_THAT(hear_over(48h), IsEmpty());
    end_run(RunResult::good);
    EXPECT_THAT(hear(), IsEmpty());
}

TEST_F(TellerOfHealth, TellsAFailedRunAtOnceAndRecoveryAtOnce) {
    end_run(RunResult::failed, "");
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    EXPECT_EQ(body()["appeared"], json({"failing"}));
    EXPECT_EQ(body()["run"]["problem"], "the password was refused");
    EXPECT_THAT(hear_over(1h), IsEmpty());
    end_run(RunResult::good);
    EXPECT_THAT(hear(), ElementsAre("on_failure recovery"));
    EXPECT_EQ(body()["gone"], json({"failing"}));
    EXPECT_EQ(body()["healthy"], true);
    EXPECT_THAT(hear_over(72h), IsEmpty()) << "nobody is reminded of what is over";
}

TEST_F(TellerOfHealth, DoesNotRepeatAFailureWithEveryTry) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    for (int tries = 0; tries < 20; ++tries) {
        now += 30min;
        end_run(RunResult::failed);
        EXPECT_THAT(hear(), IsEmpty());
    }
}

TEST_F(TellerOfHealth, RemindsOnceADay) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    EXPECT_THAT(hear_over(24h - 10s), IsEmpty());
    EXPECT_THAT(hear_over(20s), ElementsAre("on_failure reminder"));
    EXPECT_EQ(body()["since"], "2026-11-22T12:00:00Z");
    EXPECT_EQ(body()["reasons"][0]["code"], "failing");
    EXPECT_THAT(hear_over(24h - 20s), IsEmpty());
    EXPECT_THAT(hear_over(20s), ElementsAre("on_failure reminder"));
}

TEST_F(TellerOfHealth, TellsWhenOtherThingsAreWrong) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    now += 10min;
    end_run(RunResult::partial);
    EXPECT_THAT(hear(), ElementsAre("on_failure change"));
    EXPECT_EQ(body()["appeared"], json({"partial"}));
    EXPECT_EQ(body()["gone"], json({"failing"}));
    EXPECT_EQ(body()["healthy"], false);
}

TEST_F(TellerOfHealth, WaitsAMinuteForWhatMayCureItself) {
    facts.store.problem = health::Problem{"the store does not answer", "wait"};
    EXPECT_THAT(hear_over(50s), IsEmpty());
    facts.store.problem.reset();
    EXPECT_THAT(hear_over(1h), IsEmpty());
    facts.store.problem = health::Problem{"the store does not answer", "wait"};
    EXPECT_THAT(hear_over(50s), IsEmpty()) << "the minute begins anew";
    EXPECT_THAT(hear_over(30s), ElementsAre("on_failure failure"));
    facts.store.problem.reset();
    EXPECT_THAT(hear_over(50s), IsEmpty());
    EXPECT_THAT(hear_over(30s), ElementsAre("on_failure recovery"));
}

TEST_F(TellerOfHealth, TellsWhatTimeAloneBrings) {
    facts.schedule.overdue_after = 26h;
    EXPECT_THAT(hear_over(16h), IsEmpty()) << "of its 26 hours the last good backup is ten old";
    EXPECT_THAT(hear_over(2min), ElementsAre("on_failure failure"));
    EXPECT_EQ(body()["appeared"], json({"overdue"}));
}

TEST_F(TellerOfHealth, TellsOfMarks) {
    end_run(RunResult::good, "20261122T120000Z-0001", BackupState::marked);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    EXPECT_EQ(body()["appeared"], json({"lineage"}));
    EXPECT_EQ(body()["run"]["marks"], json({"database app is gone"}));
}

TEST_F(TellerOfHealth, LeavesAYoungSidecarTimeForItsFirstBackup) {
    teller.emplace();
    facts.started = now;
    facts.store = {};
    EXPECT_THAT(hear_over(10min), IsEmpty()) << "not looked yet, or the first backup takes a while";
    end_run(RunResult::good);
    EXPECT_THAT(hear_over(2min), IsEmpty());
}

TEST_F(TellerOfHealth, TellsWhenTheFirstBackupDoesNotComeAbout) {
    teller.emplace();
    facts.started = now;
    facts.store = {};
    EXPECT_THAT(hear_over(59min), IsEmpty());
    EXPECT_THAT(hear_over(5min), ElementsAre("on_failure failure"));
    EXPECT_EQ(body()["appeared"], json({"no_backup_yet"}));
}

TEST_F(TellerOfHealth, TellsAtOnceOfBackupsThatAreThereNoMore) {
    facts.store = {};
    facts.store.surveyed = now;
    EXPECT_THAT(hear_over(2min), ElementsAre("on_failure failure"));
    EXPECT_EQ(body()["appeared"], json({"no_backup_yet"}));
}

TEST_F(TellerOfHealth, SaysNothingOfADrainAndNothingNewDuringIt) {
    facts.drained = health::DrainFacts{now, now + 1h};
    EXPECT_THAT(hear_over(50min), IsEmpty());
    end_run(RunResult::failed);
    EXPECT_THAT(hear_over(5min), IsEmpty());
    now += 10min;
    facts.drained.reset();
    EXPECT_THAT(hear_over(2min), ElementsAre("on_failure failure")) << "it is still wrong afterwards";
}

TEST_F(TellerOfHealth, SaysAgainSoonAndAsItWasWhatDidNotArrive) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    now += 15min;
    give_up();
    EXPECT_THAT(hear_over(55min), IsEmpty());
    EXPECT_THAT(hear_over(10min), ElementsAre("on_failure failure")) << "nobody has heard of it yet";
    EXPECT_EQ(body()["appeared"], json({"failing"}));
    EXPECT_EQ(body()["since"], "2026-11-22T12:00:00Z");
    arrive();
    end_run(RunResult::good);
    EXPECT_THAT(hear(), ElementsAre("on_failure recovery"));
    give_up();
    EXPECT_THAT(hear_over(2h), ElementsAre("on_failure recovery"));
    EXPECT_EQ(body()["gone"], json({"failing"}));
    arrive();
    EXPECT_THAT(hear_over(48h), IsEmpty());
}

TEST_F(TellerOfHealth, RemindsOfWhatArrivedOnly) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    arrive();
    EXPECT_THAT(hear_over(24h), ElementsAre("on_failure reminder"));
    EXPECT_EQ(body()["appeared"], json::array());
    give_up();
    EXPECT_THAT(hear_over(1h), ElementsAre("on_failure reminder"));
}

TEST_F(TellerOfHealth, TellsAChangeAgainstWhatArrived) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    arrive();
    now += 1min;
    end_run(RunResult::partial);
    EXPECT_THAT(hear(), ElementsAre("on_failure change"));
    give_up();
    now += 1min;
    end_run(RunResult::good, "20261122T120000Z-0002", BackupState::marked);
    EXPECT_THAT(hear(), ElementsAre("on_failure change"));
    EXPECT_EQ(body()["appeared"], json({"lineage"}));
    EXPECT_EQ(body()["gone"], json({"failing"})) << "and not partial, of which nobody has heard";
}

TEST_F(TellerOfHealth, TellsOfARecoveryFromWhatNobodyHeardOf) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    give_up();
    now += 1min;
    end_run(RunResult::good);
    EXPECT_THAT(hear(), ElementsAre("on_failure recovery"));
    EXPECT_EQ(body()["gone"], json({"failing"}));
}

TEST_F(TellerOfHealth, DoesNotSayAgainWhatANewerMessageHasSaid) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    const auto first = messages.front().number;
    now += 1min;
    end_run(RunResult::partial);
    EXPECT_THAT(hear(), ElementsAre("on_failure change"));
    teller->undelivered(first, false, now);
    arrive();
    EXPECT_THAT(hear_over(23h), IsEmpty());
}

TEST_F(TellerOfHealth, SaysAtOnceToACorrectedAddressWhatDidNotArriveAtTheOneBefore) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    give_up();
    EXPECT_THAT(hear_over(1min), IsEmpty());
    teller->readdressed(now);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    arrive();
    teller->readdressed(now);
    EXPECT_THAT(hear_over(1h), IsEmpty()) << "it has arrived";
}

TEST_F(TellerOfHealth, SaysAtOnceWhatAnAddressDidNotTakeThatWasCorrectedMeanwhile) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    teller->readdressed(now);
    EXPECT_THAT(hear(), IsEmpty()) << "it may arrive yet";
    teller->undelivered(messages.front().number, true, now);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
}

TEST_F(TellerOfHealth, TellsNoRecoveryWhenBackupsBecomeSomebodyElsesToMake) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    facts.turn = {health::Turn::not_ours, "the server is a standby"};
    end_run(RunResult::not_ours, "");
    EXPECT_THAT(hear_over(72h), IsEmpty()) << "and nobody is reminded";
    facts.turn.turn = health::Turn::ours;
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
}

TEST_F(TellerOfHealth, TellsOnAStandbyWhatItsTurnDoesNotExcuse) {
    facts.settings.problems = {{"line 3: no such key", "remove it"}};
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("on_failure failure"));
    EXPECT_EQ(body()["appeared"], json({"failing", "misconfigured"}));
    facts.turn = {health::Turn::not_ours, "the server is a standby"};
    EXPECT_THAT(hear_over(1h), IsEmpty());
    facts.settings.problems.clear();
    EXPECT_THAT(hear_over(2min), ElementsAre("on_failure recovery"));
    EXPECT_EQ(body()["gone"], json({"misconfigured"}));
}

TEST_F(TellerOfHealth, TellsWhoIsAddressedLaterWhatIsWrongThen) {
    wanted.on_failure = false;
    end_run(RunResult::failed);
    EXPECT_THAT(hear_over(1h), IsEmpty());
    wanted.on_failure = true;
    EXPECT_THAT(hear_over(2min), ElementsAre("on_failure failure"));
}

class TellerOfRuns : public TellerTest {
protected:
    TellerOfRuns() { wanted = {false, true, true}; }
};

TEST_F(TellerOfRuns, PingsTheStartAndTheEndOfAGoodOneAndTellsOfIt) {
    facts.running = health::RunningFacts{health::Activity::survey, {}, now};
    EXPECT_THAT(hear(), IsEmpty());
    begin_run("");
    EXPECT_THAT(hear(), IsEmpty()) << "it has not begun to dump, and may never";
    begin_run("20261122T120000Z-0001");
    EXPECT_THAT(hear(), ElementsAre("ping /start"));
    EXPECT_THAT(hear_over(5min), IsEmpty());
    end_run(RunResult::good);
    EXPECT_THAT(hear(), ElementsAre("ping", "on_success success"));
    EXPECT_THAT(messages.front().body, HasSubstr("20261122T120000Z-0001"));
    EXPECT_EQ(body(1)["run"]["bytes"], 1000);
    EXPECT_EQ(body(1)["run"]["seconds"], 60.0);
    EXPECT_THAT(hear_over(24h), IsEmpty());
}

TEST_F(TellerOfRuns, PingsEachThatDidNotEndWell) {
    for (const auto result : {RunResult::failed, RunResult::crashed, RunResult::overrun, RunResult::partial}) {
        end_run(result);
        EXPECT_THAT(hear(), ElementsAre("ping /fail"));
        EXPECT_THAT(messages.front().body, HasSubstr("the password was refused"));
        now += 10min;
    }
}

TEST_F(TellerOfRuns, PingsNoSuccessForAMarkedOneAndTellsItsMarks) {
    end_run(RunResult::good, "20261122T120000Z-0001", BackupState::marked);
    EXPECT_THAT(hear(), ElementsAre("ping /fail", "on_success success"));
    EXPECT_THAT(messages.front().body, HasSubstr("database app is gone"));
    EXPECT_THAT(messages.front().body, HasSubstr("lifeboat accept 20261122T120000Z-0001")) << "and what to do";
    EXPECT_EQ(body(1)["run"]["state"], "marked");
    EXPECT_EQ(body(1)["run"]["marks"], json({"database app is gone"}));
}

TEST_F(TellerOfRuns, SaysNothingOfThoseThatMadeNoBackupForAGoodReason) {
    for (const auto result : {RunResult::not_ours, RunResult::lock_held, RunResult::interrupted, RunResult::yielded}) {
        end_run(result);
        EXPECT_THAT(hear_over(10min), IsEmpty());
    }
}

TEST_F(TellerOfRuns, PingsSuccessWhereAnotherHadMadeTheBackup) {
    end_run(RunResult::not_needed, "");
    EXPECT_THAT(hear(), ElementsAre("ping"));
}

TEST_F(TellerOfRuns, PingsSuccessWhenABackupByHandMendsAFailure) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("ping /fail"));
    EXPECT_THAT(hear_over(1h), IsEmpty()) << "the last good one is older than the failure";
    facts.store.last_good = test::sample_backup("20261122T130000Z-0009", now);
    EXPECT_THAT(hear_over(1h), ElementsAre("ping"));
}

TEST_F(TellerOfRuns, PingsSuccessWhenAMarkedOneIsAccepted) {
    end_run(RunResult::good, "20261122T120000Z-0001", BackupState::marked);
    EXPECT_THAT(hear(), ElementsAre("ping /fail", "on_success success"));
    EXPECT_THAT(hear_over(1h), IsEmpty());
    facts.store.doubt.reset();
    facts.store.last_good = facts.store.recent.front();
    EXPECT_THAT(hear_over(1h), ElementsAre("ping"));
}

TEST_F(TellerOfRuns, LeavesTheSwitchToTheNewPrimaryAfterAFailover) {
    end_run(RunResult::failed);
    EXPECT_THAT(hear(), ElementsAre("ping /fail"));
    facts.turn = {health::Turn::not_ours, "the server is a standby"};
    facts.store.last_good = test::sample_backup("20261122T130000Z-0009", now + 1h);
    EXPECT_THAT(hear_over(2h), IsEmpty());
}

}  // namespace
}  // namespace lifeboat::notify
