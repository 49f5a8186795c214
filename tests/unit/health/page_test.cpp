#include "page_style.hpp"

#include "health/render.hpp"

#include "support/page_states.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <regex>
#include <set>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::noon;
using testing::HasSubstr;
using testing::Not;

std::string page_of(const Facts& facts) {
    return page_html(facts, judge(facts, noon), noon);
}

std::string state(const std::string& name) {
    return page_of(test::page_states().at(name));
}

// What stands between the first `begin` and the next `end`.
std::string between(const std::string& text, const std::string& begin, const std::string& end) {
    const auto from = text.find(begin);
    if (from == std::string::npos) {
        return {};
    }
    return text.substr(from + begin.size(), text.find(end, from) - from - begin.size());
}

std::string headline(const std::string& page) {
    return between(page, "<h1>", "</h1>");
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

TEST(Page, SaysEachStateInOneSentence) {
    EXPECT_EQ(headline(state("healthy")), "Every database is backed up.");
    EXPECT_EQ(headline(state("running")), "Every database is backed up.");
    EXPECT_EQ(headline(state("overdue")), "The next backup is overdue.");
    EXPECT_EQ(headline(state("failing")), "Backups are failing.");
    EXPECT_EQ(headline(state("partial")), "The newest backup lacks something.");
    EXPECT_EQ(headline(state("never")), "There is no backup yet.");
    EXPECT_EQ(headline(state("looking")), "The store is being looked at.");
    EXPECT_EQ(headline(state("misconfigured")), "The newest settings are not in force.");
    EXPECT_EQ(headline(state("no settings")), "The settings are not valid, so no backup can be made.");
    EXPECT_EQ(headline(state("drained")), "Backups are paused.");
    EXPECT_EQ(headline(state("tampered")), "Somebody tampered with a backup.");
    EXPECT_EQ(headline(state("unproven")), "It is not proven that the backups can be restored.");
    EXPECT_EQ(headline(state("marked")), "The newest backup does not look like the ones before it.");
    EXPECT_EQ(headline(state("starved")), "Backups keep giving way and do not get done.");
    EXPECT_EQ(headline(state("prune stopped")), "Old backups are not being removed.");
    EXPECT_EQ(headline(state("standby")), "Backups are made elsewhere.");
}

TEST(Page, HasASentenceOfItsOwnForEveryReason) {
    std::set<std::string> sentences;
    for (const auto code : reason_codes) {
        const auto facts = test::sample_facts();
        const auto page = page_html(facts, Verdict{{Reason{code, "what", "next"}}}, noon);
        EXPECT_THAT(headline(page), Not(testing::AnyOf("", "Backups need attention."))) << name_of(code);
        EXPECT_THAT(page, Not(HasSubstr("class=\"hero good\""))) << name_of(code);
        sentences.insert(headline(page));
    }
    EXPECT_EQ(sentences.size(), reason_codes.size());
}

TEST(Page, SaysWhenTheLastBackupWasAndWhenTheNextOneIs) {
    EXPECT_THAT(state("healthy"), HasSubstr("The last good backup ended 9 hours ago, today at 02:22 UTC. The next one "
                                            "begins in 14 hours, tomorrow at 02:02 UTC."));
    EXPECT_THAT(state("running"), HasSubstr("The next one is being made now."));
    EXPECT_THAT(state("drained"), HasSubstr("Nothing is started until 12:50 UTC."));
    EXPECT_THAT(state("standby"), Not(HasSubstr("The next one")));
}

TEST(Page, TellsEveryReasonWithItsNextStep) {
    auto facts = test::month_of_facts();
    facts.drained = DrainFacts{noon - 10min, noon + 50min};
    facts.settings.problems = {{"line 3: wrong", "mend `it`"}};
    const auto page = page_of(facts);
    EXPECT_EQ(count(page, "<b>Next:</b>"), 2U);
    EXPECT_THAT(page, HasSubstr("line 3: wrong"));
    EXPECT_THAT(page, HasSubstr("mend <code>it</code>"));
    EXPECT_THAT(page, HasSubstr(">drained<"));
    EXPECT_EQ(count(state("healthy"), "<b>Next:</b>"), 0U);
}

TEST(Page, SaysOfSettingsThatLackAnAddressThatBackupsAreMade) {
    auto facts = test::month_of_facts();
    facts.settings.problems = {{"notify.ping_file: file '/run/ping': does not exist", "create it"}};
    facts.settings.incomplete = true;
    const auto page = page_of(facts);
    EXPECT_EQ(headline(page), "Not everybody who should hear of backups does.");
    EXPECT_THAT(page, HasSubstr("The next one begins"));
}

TEST(Page, ShowsHowFarARunHasCome) {
    const auto page = state("running");
    EXPECT_THAT(page, HasSubstr("<progress max=\"100\" value=\"60\""));
    EXPECT_THAT(page, HasSubstr("2.7 GiB of about 4.5 GiB read, 581.7 MiB stored"));
    auto facts = test::page_states().at("running");
    facts.running->dumped_bytes *= 10;
    EXPECT_THAT(page_of(facts), HasSubstr("value=\"99\"")) << "an estimate may be wrong";
    facts.running->estimated_bytes.reset();
    EXPECT_THAT(page_of(facts), Not(HasSubstr("<progress")));
    EXPECT_THAT(state("healthy"), Not(HasSubstr("<progress")));
}

TEST(Page, LooksAgainSoonerWhileSomethingIsUnderWay) {
    EXPECT_THAT(state("running"), HasSubstr("http-equiv=\"refresh\" content=\"10\""));
    EXPECT_THAT(state("healthy"), HasSubstr("http-equiv=\"refresh\" content=\"300\""));
}

TEST(Page, SaysWhenARestoreWasLastProven) {
    auto healthy = test::page_states().at("healthy");
    const auto& proven = *healthy.store.drills.last_good;
    const std::string tile = "<dt>Last proven restore</dt><dd><b>2 days ago</b>restored in 11 min: " + proven.backup;
    EXPECT_THAT(page_of(healthy), HasSubstr(tile + "</dd>"));
    healthy.store.drills.recipients = {
        {"age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52", proven.stored},
        {"age1lwhj5h7mwu9twehhcwc9ksc98wp6nudu9h6g8uck5d5sulpk3a2s9fk8lk", proven.stored - std::chrono::hours(1)}};
    EXPECT_THAT(page_of(healthy), HasSubstr(tile + ", opened by age1ev2j…uw2f52</dd>"));
    EXPECT_EQ(count(between(state("healthy"), "<ol class=\"days\">", "</ol>"), "class=\"is-proven"), 3U);
    EXPECT_THAT(page_of(test::sample_facts()), HasSubstr("<b>never</b>no drill was made</dd>"));
    auto facts = test::sample_facts();
    facts.store.drills.last = DrillFacts{"20261122T015600Z-7f3a", noon - 1h};
    EXPECT_THAT(page_of(facts), HasSubstr("<b>never</b>the last drill failed</dd>"));
}

TEST(Page, NamesADatabaseThatIsMissingAndItsOlderCopy) {
    const auto row = between(state("partial"), "<bdi>metabase</bdi></th>", "</tr>");
    EXPECT_THAT(row, HasSubstr("33 hours ago"));
    EXPECT_THAT(row, HasSubstr("missing from the newest run"));
}

// ---- whatever it is given ----

TEST(Page, LetsNothingForeignBecomeMarkup) {
    const auto page = state("hostile");
    EXPECT_THAT(page, Not(HasSubstr("<img")));
    EXPECT_THAT(page, Not(HasSubstr("<b>bold")));
    EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=alert(1)&gt; &quot;&amp;&#39; `rm`</bdi>"));
    EXPECT_THAT(page, HasSubstr("caf\xef\xbf\xbd"));
    EXPECT_THAT(page, Not(HasSubstr("\xe2\x80\xae")));
}

TEST(Page, HasNeitherScriptsNorAnythingFromElsewhere) {
    const std::regex address(R"re( (href|src)="([^"]*)")re");
    for (const auto& [name, facts] : test::page_states()) {
        const auto page = page_of(facts);
        EXPECT_EQ(count(page, "<script"), 0U) << name;
        EXPECT_EQ(count(page, "<form"), 0U) << name;
        EXPECT_EQ(count(page, " style=\""), 0U) << name << ": the policy would refuse it";
        for (auto at = std::sregex_iterator(page.begin(), page.end(), address); at != std::sregex_iterator(); ++at) {
            EXPECT_THAT((*at)[2].str(), testing::MatchesRegex("#[a-z]+|/[a-z.]+|data:image/svg.*")) << name;
        }
    }
}

TEST(Page, AllowsItsOwnStyleByItsHashAndNoOther) {
    const auto style = between(state("healthy"), "<style>", "</style>");
    std::array<unsigned char, 32> digest{};
    ASSERT_EQ(EVP_Q_digest(nullptr, "SHA256", nullptr, style.data(), style.size(), digest.data(), nullptr), 1);
    std::array<unsigned char, 45> base64{};
    EVP_EncodeBlock(base64.data(), digest.data(), 32);
    const std::string hash(base64.begin(), base64.end() - 1);
    EXPECT_EQ(page_policy(), "default-src 'none'; style-src 'sha256-" + hash +
                                 "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

Facts far_too_much() {
    auto facts = test::month_of_facts();
    auto& last = *facts.store.last_good;
    for (int i = 0; i < 20000; ++i) {
        last.databases.push_back(std::string(50, '"') + std::to_string(i));
    }
    facts.store.newest_partial = last;
    facts.store.newest_partial->failed_databases.assign(5000, std::string(63, '&'));
    facts.store.recent.assign(1000, last);
    facts.store.unfinished.assign(1000, noon - 1h);
    facts.store.hidden.assign(10000, "20261122T015600Z-7f3a");
    facts.store.problem = Problem{std::string(100000, '<'), std::string(100000, '>')};
    facts.store.limited = facts.store.problem;
    facts.runs.failures.assign(1000, {RunResult::failed, noon - 1h, noon - 1h, "", facts.store.problem});
    facts.running = RunningFacts{Activity::backup, "", noon, std::string(100000, '"')};
    return facts;
}

// Of this thread: what others do on the machine takes none of it.
std::chrono::nanoseconds time_at_work() {
    timespec spent{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

TEST(Page, IsOfBoundedSize) {
    const auto facts = far_too_much();
    const auto began = time_at_work();
    const auto page = page_of(facts);
    EXPECT_LT(time_at_work() - began, 2s);
    EXPECT_LT(page.size(), 150'000U);
    EXPECT_THAT(page, HasSubstr(" more</p>"));
    EXPECT_THAT(page, testing::EndsWith("</html>\n"));
    EXPECT_LT(state("healthy").size(), 45'000U);
}

TEST(Page, FoldsManyDatabases) {
    EXPECT_THAT(state("crowded"), HasSubstr("and 1,234 more"));
    EXPECT_THAT(state("crowded"), HasSubstr("1,284 databases"));
}

TEST(Page, HasSomethingToSayWhenNothingIsKnown) {
    const auto page = page_of(Facts{});
    EXPECT_THAT(page, HasSubstr("This database server"));
    EXPECT_THAT(page, HasSubstr("No run is known of."));
}

}  // namespace
}  // namespace lifeboat::health
