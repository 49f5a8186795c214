// A sidecar in each state that its page has to tell, over a month of a history that one can recognise.
#pragma once

#include "support/sample_facts.hpp"

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace lifeboat::test {

// Names as an owner may have them, and as nobody should.
inline const std::string hostile_name = R"(<img src=x onerror=alert(1)> "&' `rm`)";

inline health::DatabaseFacts sample_database(const std::string& name, std::uint64_t stored, std::uint64_t rows) {
    return {name, stored, stored * 5, rows / 9000 + 3, rows};
}

// Growing day by day, with a bump when somebody imported something.
inline health::BackupFacts backup_of_day(int days_ago) {
    using namespace std::chrono_literals;
    const auto day = std::chrono::floor<std::chrono::days>(noon) - std::chrono::days(days_ago);
    const auto date = std::chrono::year_month_day(day);
    const auto stored = static_cast<std::uint64_t>(1.15e9 + 9e6 * (30 - days_ago) + (days_ago < 11 ? 1.6e8 : 0) +
                                                   2e7 * std::sin(days_ago * 1.7));
    health::BackupFacts backup;
    const auto month = static_cast<unsigned>(date.month());
    const auto number = static_cast<unsigned>(date.day());
    backup.id = "2026" + std::to_string(month) + (number < 10 ? "0" : "") + std::to_string(number) + "T021700Z-" +
                std::to_string(4321 + days_ago * 37);
    backup.started = day + 2h + 17min;
    backup.finished =
        backup.started + std::chrono::seconds(stored / 5000000 + static_cast<unsigned>(days_ago * 7 % 19));
    backup.stored_bytes = stored;
    backup.dumped_bytes = stored * 5;
    backup.rows = stored / 130;
    backup.databases = {"basketball", "keycloak", "metabase", "postgres"};
    backup.contents = {sample_database("basketball", stored * 7 / 10, 7400213),
                       sample_database("keycloak", stored * 2 / 10, 812044),
                       sample_database("metabase", stored / 10 - 5000, 90871), sample_database("postgres", 4312, 12)};
    return backup;
}

inline health::Facts month_of_facts() {
    auto facts = sample_facts();
    facts.store.recent.clear();
    facts.store.bytes = 0;
    for (int days_ago = 0; days_ago < 30; ++days_ago) {
        if (days_ago == 23 || days_ago == 16) {
            continue;
        }
        auto backup = backup_of_day(days_ago);
        if (days_ago == 16 + 1) {
            backup.state = health::BackupState::partial;
            backup.failed_databases = {"metabase"};
            backup.databases = {"basketball", "keycloak", "postgres"};
        }
        facts.store.bytes += backup.stored_bytes;
        backup.contents.clear();
        if (days_ago == 2 || days_ago == 9 || days_ago == 18) {
            backup.proven_at = backup.finished + std::chrono::hours(3);
        }
        facts.store.recent.push_back(std::move(backup));
    }
    facts.store.drills.last_good =
        health::DrillFacts{backup_of_day(2).id, backup_of_day(2).finished + std::chrono::hours(3), true};
    facts.store.drills.last_good->restore_took = std::chrono::minutes(11);
    facts.store.drills.last = facts.store.drills.last_good;
    facts.store.backups = facts.store.recent.size();
    facts.store.last_good = backup_of_day(0);
    const auto failed = std::chrono::floor<std::chrono::days>(noon) - std::chrono::days(16) + std::chrono::hours(2);
    facts.started = noon - std::chrono::hours(24 * 19);
    for (int i = 0; i < 2; ++i) {
        facts.runs.failures.push_back(
            {health::RunResult::failed, failed - std::chrono::minutes(40 * i),
             failed - std::chrono::minutes(40 * i - 2), "",
             health::Problem{"the server refused the password of role 'lifeboat'", "correct postgres.password_file"}});
    }
    facts.runs.counts.add(health::RunResult::failed);
    return facts;
}

// By the name of the state.
inline std::map<std::string, health::Facts> page_states() {
    using namespace std::chrono_literals;
    using health::Problem;
    std::map<std::string, health::Facts> states;
    const auto state = [&states](const std::string& name, const std::function<void(health::Facts&)>& change) {
        states[name] = month_of_facts();
        change(states[name]);
    };
    const auto without_today = [](health::Facts& facts, int days) {
        facts.store.recent.erase(facts.store.recent.begin(), facts.store.recent.begin() + days);
        facts.store.last_good = backup_of_day(days);
    };

    state("healthy", [](health::Facts&) {});
    state("running", [&](health::Facts& facts) {
        without_today(facts, 1);
        facts.schedule.overdue_after = 40h;
        facts.running = health::RunningFacts{health::Activity::backup,
                                             "20261122T115700Z-0001",
                                             noon - 3min,
                                             "basketball",
                                             2'900'000'000,
                                             610'000'000,
                                             4'800'000'000};
    });
    state("overdue", [&](health::Facts& facts) {
        without_today(facts, 2);
        facts.schedule.start = noon + 3min;
        facts.schedule.because = "a missed run is caught up";
    });
    state("failing", [&](health::Facts& facts) {
        without_today(facts, 1);
        facts.schedule.overdue_after = 40h;
        const Problem problem{"cannot reach the store at s3.us-west-004.backblazeb2.com: 403, the key is not valid",
                              "make a new application key and write it to the file of store.secret_access_key_file"};
        for (int i = 5; i > 0; --i) {
            facts.runs.last =
                health::RunFacts{health::RunResult::failed, noon - i * 90min, noon - i * 90min + 20s, "", problem};
            facts.runs.failures.insert(facts.runs.failures.begin(), *facts.runs.last);
        }
        facts.runs.consecutive_failures = 5;
        facts.schedule.start = noon + 41min;
        facts.schedule.because = "retry after 5 failed attempts";
    });
    state("partial", [](health::Facts& facts) {
        auto& newest = facts.store.recent.front();
        newest.state = health::BackupState::partial;
        newest.failed_databases = {"metabase"};
        newest.databases = {"basketball", "keycloak", "postgres"};
        facts.store.newest_partial = newest;
        facts.store.newest_partial->contents = backup_of_day(0).contents;
        facts.store.newest_partial->contents.erase(facts.store.newest_partial->contents.begin() + 2);
        facts.store.last_good = backup_of_day(1);
        facts.schedule.overdue_after = 40h;
        facts.runs.last =
            health::RunFacts{health::RunResult::partial, newest.started, newest.finished, newest.id,
                             Problem{"1 of 4 databases failed: metabase: permission denied for table report_card",
                                     "run `GRANT pg_read_all_data TO lifeboat` on the server, as a superuser"}};
    });
    state("never", [](health::Facts& facts) {
        facts.store = {};
        facts.store.surveyed = noon - 20s;
        facts.runs = {};
        facts.started = noon - 30s;
        facts.schedule.due = noon;
        facts.schedule.start = noon + 2min;
        facts.schedule.because = "no backup yet";
    });
    state("looking", [](health::Facts& facts) {
        facts.store = {};
        facts.runs = {};
        facts.started = noon - 2s;
        facts.schedule = {};
    });
    state("misconfigured", [](health::Facts& facts) {
        facts.settings.problems = {{"/etc/lifeboat/lifeboat.toml, line 7: unknown key `retention.keep_day`",
                                    "did you mean `keep_days`? correct it; the file is read again by itself"}};
    });
    state("no settings", [](health::Facts& facts) {
        facts = {};
        facts.version = "1.2.3";
        facts.started = noon - 5min;
        facts.settings.problems = {{"`instance.name` is not set",
                                    "set it in /etc/lifeboat/lifeboat.toml, or as "
                                    "LIFEBOAT_INSTANCE_NAME"},
                                   {"`store.url` is not set", "set it"}};
    });
    state("drained", [](health::Facts& facts) { facts.drained = health::DrainFacts{noon - 10min, noon + 50min}; });
    state("unproven", [](health::Facts& facts) {
        facts.drill_within = 24h * 7;
        facts.store.drills.last_good->stored = noon - 24h * 9;
        facts.store.drills.last = facts.store.drills.last_good;
        for (std::size_t i = 0; i < 9; ++i) {
            facts.store.recent[i].proven_at.reset();
        }
    });
    state("starved", [](health::Facts& facts) {
        facts.store.recent.erase(facts.store.recent.begin());
        facts.store.last_good = backup_of_day(1);
        facts.schedule.overdue_after = 40h;
        for (int i = 3; i > 0; --i) {
            facts.runs.last =
                health::RunFacts{health::RunResult::yielded, noon - i * 50min, noon - i * 50min + 3min, "",
                                 Problem{"gave way to ALTER TABLE, which waited for the dump's locks"}};
            facts.runs.failures.insert(facts.runs.failures.begin(), *facts.runs.last);
        }
        facts.runs.consecutive_yields = 3;
        facts.runs.yielded_to = "ALTER TABLE";
        facts.runs.yield_cure = "run it less often, or give backups an hour in which it does not run";
    });
    state("prune stopped", [](health::Facts& facts) {
        facts.prune.stopped =
            Problem{"12 backups are to be deleted at once, which is more than retention.max_delete (10)",
                    "look at `lifeboat prune --dry-run`, then run `lifeboat prune --max-delete 12`"};
    });
    state("marked", [](health::Facts& facts) {
        facts.store.recent[0].state = health::BackupState::marked;
        facts.store.recent[1].state = health::BackupState::marked;
        for (auto* backup : {&facts.store.recent[0], &facts.store.recent[1]}) {
            backup->marks = {"database 'basketball' has 12 rows, where the last trusted backup had 7,400,213"};
        }
        facts.store.doubt = health::DoubtFacts{facts.store.recent[1].id, facts.store.recent[1].marks.front(), 2,
                                               facts.store.recent[0].id, facts.store.recent[0].finished};
        facts.store.last_good = backup_of_day(2);
        facts.schedule.overdue_after = 24h * 4;
    });
    state("tampered", [](health::Facts& facts) {
        facts.store.recent[3].state = health::BackupState::hidden;
        facts.store.hidden = {facts.store.recent[3].id};
    });
    state("standby", [](health::Facts& facts) {
        facts.turn = {health::Turn::not_ours, "the server is a standby, and postgres.role is \"primary\""};
    });
    state("hostile", [](health::Facts& facts) {
        facts.instance = "<b>bold</b>";
        for (auto* backup : {&*facts.store.last_good, &facts.store.recent.front()}) {
            backup->databases = {hostile_name, "caf\xe9", std::string(63, 'W'),
                                 "\xd7\x90\xd7\x91\xe2\x80\xae reversed"};
            backup->contents.clear();
            for (const auto& name : backup->databases) {
                backup->contents.push_back(sample_database(name, 1000, 10));
            }
        }
        facts.store.problem = Problem{hostile_name + std::string(400, 'x'), hostile_name};
        facts.running = health::RunningFacts{health::Activity::backup, "", noon - 1min, hostile_name};
    });
    state("crowded", [](health::Facts& facts) {
        auto& last = *facts.store.last_good;
        for (int i = 0; i < 1280; ++i) {
            last.databases.push_back("tenant_" + std::to_string(i));
            last.contents.push_back(
                sample_database(last.databases.back(), 1'000'000U + static_cast<unsigned>(i), 1000));
        }
        facts.store.recent.clear();
        for (int i = 0; i < 720; ++i) {
            facts.store.recent.push_back(sample_backup("20261101T015600Z-00aa", noon - i * 1h - 30min));
            facts.store.recent.back().stored_bytes = 2'500'000'000U + static_cast<unsigned>(i) * 1000;
        }
        facts.store.backups = 720;
    });
    return states;
}

}  // namespace lifeboat::test
