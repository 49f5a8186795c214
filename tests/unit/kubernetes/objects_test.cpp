#include "objects.hpp"

#include "sample.hpp"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace lifeboat::kubernetes {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::healthy_facts;
using test::noon;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const Identity us{"shop", "postgres-0", "u-1", "default"};

// Facts with what is judged of them.
struct Told {
    explicit Told(health::Facts known, TimePoint at = noon) : facts(std::move(known)), now(at) {}
    [[nodiscard]] Moment moment() const { return {facts, verdict, now}; }

    health::Facts facts;
    TimePoint now;
    health::Verdict verdict = health::judge(facts, now);
};

health::Facts failing_facts() {
    auto facts = healthy_facts();
    test::break_runs(facts);
    return facts;
}

json data_of(const Told& told) {
    return json::parse(status_request(told.moment(), us, "lifeboat-status").body).at("data");
}

json condition_of(const Told& told) {
    return json::parse(condition_request(told.moment(), us, "2026-11-01T00:00:00Z").body)
        .at("status")
        .at("conditions")
        .at(0);
}

TEST(Status, TellsHowThingsAre) {
    const Told told(healthy_facts());
    const auto request = status_request(told.moment(), us, "lifeboat-status");
    EXPECT_EQ(request.method, "PATCH");
    EXPECT_EQ(request.path, "/api/v1/namespaces/shop/configmaps/lifeboat-status?fieldManager=lifeboat");
    EXPECT_EQ(request.content_type, "application/merge-patch+json");
    const auto data = data_of(told);
    EXPECT_EQ(data.at("healthy"), "true");
    EXPECT_EQ(data.at("reasons"), "");
    EXPECT_EQ(data.at("last_good"), "2026-11-26T03:00:00Z");
    EXPECT_EQ(data.at("last_good_id"), "20261126T021700Z-1a2b3c4d");
    EXPECT_EQ(data.at("next_run"), "2026-11-27T02:00:00Z");
    EXPECT_EQ(data.at("updated"), "2026-11-26T12:00:00Z");
    EXPECT_EQ(data.at("pod"), "postgres-0");
}

// A value that is not known any more must not stay there as it was.
TEST(Status, TakesAwayWhatIsNotKnown) {
    auto facts = healthy_facts();
    facts.store.last_good.reset();
    const auto data = data_of(Told(facts));
    for (const auto* key : {"last_good", "last_good_id", "last_proven", "last_proven_id"}) {
        EXPECT_TRUE(data.at(key).is_null()) << key;
    }
    EXPECT_TRUE(data_of(Told(healthy_facts())).at("next").is_null());
}

TEST(Status, SaysWhatIsWrongAndWhatToDo) {
    const auto data = data_of(Told(failing_facts()));
    EXPECT_EQ(data.at("healthy"), "false");
    EXPECT_EQ(data.at("reasons"), "failing");
    EXPECT_THAT(data.at("message").get<std::string>(), HasSubstr("no route to the store"));
    EXPECT_EQ(data.at("next"), "mend it");
    EXPECT_EQ(data.at("last_run"), "failed");
}

// ConfigMaps hold texts alone: the API server refuses anything else.
TEST(Status, HoldsTextsAlone) {
    for (const auto& facts : {healthy_facts(), failing_facts(), health::Facts{}}) {
        const Told told(facts);
        const auto data = data_of(told);
        for (const auto& [key, value] : data.items()) {
            EXPECT_TRUE(value.is_string() || value.is_null()) << key;
        }
    }
}

TEST(Gists, StayAsTimePassesAndChangeWithWhatHappens) {
    const Told told(healthy_facts());
    const Told later(healthy_facts(), noon + 3h);
    EXPECT_EQ(gist_of_status(told.moment()), gist_of_status(later.moment()));
    EXPECT_EQ(gist_of_condition(told.moment()), gist_of_condition(later.moment()));
    const Told failing(failing_facts());
    EXPECT_NE(gist_of_status(told.moment()), gist_of_status(failing.moment()));
    EXPECT_NE(gist_of_condition(told.moment()), gist_of_condition(failing.moment()));
    auto facts = healthy_facts();
    facts.store.last_good->id = "20261127T021700Z-1a2b3c4d";
    const Told another(facts);
    EXPECT_NE(gist_of_status(told.moment()), gist_of_status(another.moment()));
    EXPECT_NE(gist_of_condition(told.moment()), gist_of_condition(another.moment()));
    // "ended 27h ago" every minute anew would be a write every minute.
    const Told overdue(healthy_facts(), noon + 30h);
    const Told more_overdue(healthy_facts(), noon + 31h);
    ASSERT_FALSE(overdue.verdict.healthy());
    EXPECT_EQ(gist_of_status(overdue.moment()), gist_of_status(more_overdue.moment()));
    EXPECT_EQ(gist_of_condition(overdue.moment()), gist_of_condition(more_overdue.moment()));
}

TEST(Condition, IsTrueWhenBackupsAreInOrder) {
    const Told told(healthy_facts());
    const auto request = condition_request(told.moment(), us, "2026-11-01T00:00:00Z");
    EXPECT_EQ(request.path, "/api/v1/namespaces/shop/pods/postgres-0/status?fieldManager=lifeboat");
    EXPECT_EQ(request.content_type, "application/strategic-merge-patch+json");
    EXPECT_EQ(condition_of(told),
              json({{"type", "BackupHealthy"},
                    {"status", "True"},
                    {"reason", "BackupsInOrder"},
                    {"message",
                     "the last good backup, 20261126T021700Z-1a2b3c4d, ended at 2026-11-26T03:00:00Z; the next run "
                     "begins at 2026-11-27T02:00:00Z"},
                    {"lastProbeTime", "2026-11-26T12:00:00Z"},
                    {"lastTransitionTime", "2026-11-01T00:00:00Z"}}));
    EXPECT_EQ(condition_of(Told(failing_facts())).at("status"), "False");
    EXPECT_EQ(condition_of(Told(failing_facts())).at("reason"), "BackupFailed");
}

TEST(Condition, SaysWhereBackupsAreMadeElsewhere) {
    auto facts = healthy_facts();
    facts.turn = {health::Turn::not_ours, "the server is a standby"};
    const auto condition = condition_of(Told(facts));
    EXPECT_EQ(condition.at("status"), "True");
    EXPECT_EQ(condition.at("reason"), "BackupsMadeElsewhere");
    EXPECT_THAT(condition.at("message").get<std::string>(), HasSubstr("a standby"));
}

TEST(Condition, IsFoundInAPod) {
    const auto pod = [](const char* condition) {
        return std::string(R"({"status": {"conditions": [{"type": "Ready", "status": "True"}, )") + condition + "]}}";
    };
    const auto found = condition_in(
        pod(R"({"type": "BackupHealthy", "status": "False", "lastTransitionTime": "2026-01-02T03:04:05Z"})"));
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->truth);
    EXPECT_EQ(found->since, "2026-01-02T03:04:05Z");
    EXPECT_EQ(condition_in(pod(R"({"type": "BackupHealthy", "status": "True"})"))->since, "");
    EXPECT_FALSE(condition_in(pod(R"({"type": "BackupHealthy", "status": "Unknown"})")));
    for (const auto* none : {"", "{}", "[]", R"({"status": 1})", R"({"status": {"conditions": 1}})",
                             R"({"status": {"conditions": [1, {"type": 1}]}})"}) {
        EXPECT_FALSE(condition_in(none)) << none;
    }
}

TEST(Event, IsOneOfThisPod) {
    const Told told(failing_facts(), noon + 123456us);
    const auto request = event_request(told.moment(), us, "postgres-0.1", told.verdict.reasons.front());
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/apis/events.k8s.io/v1/namespaces/shop/events?fieldManager=lifeboat");
    const auto event = json::parse(request.body);
    EXPECT_EQ(event.at("metadata"), json({{"name", "postgres-0.1"}, {"namespace", "shop"}}));
    EXPECT_EQ(event.at("eventTime"), "2026-11-26T12:00:00.123456Z");
    EXPECT_EQ(event.at("type"), "Warning");
    EXPECT_EQ(event.at("reason"), "BackupFailed");
    EXPECT_EQ(
        event.at("regarding"),
        json({{"apiVersion", "v1"}, {"kind", "Pod"}, {"namespace", "shop"}, {"name", "postgres-0"}, {"uid", "u-1"}}));
    EXPECT_THAT(event.at("note").get<std::string>(), AllOf(HasSubstr("no route to the store"), HasSubstr("mend it")));
    EXPECT_FALSE(
        json::parse(
            event_request(told.moment(), {"shop", "postgres-0", "", ""}, "n", told.verdict.reasons.front()).body)
            .at("regarding")
            .contains("uid"));
}

TEST(Event, OfARecoveryIsNormal) {
    const Told told(healthy_facts());
    const auto event = json::parse(recovery_request(told.moment(), us, "n").body);
    EXPECT_EQ(event.at("type"), "Normal");
    EXPECT_EQ(event.at("reason"), "BackupRecovered");
    EXPECT_THAT(event.at("note").get<std::string>(), HasSubstr("20261126T021700Z-1a2b3c4d"));
}

TEST(Event, SeenAgainIsACount) {
    const auto request = again_request(us, "postgres-0.1", 3, noon);
    EXPECT_EQ(request.path, "/apis/events.k8s.io/v1/namespaces/shop/events/postgres-0.1?fieldManager=lifeboat");
    EXPECT_EQ(json::parse(request.body),
              json({{"series", {{"count", 3}, {"lastObservedTime", "2026-11-26T12:00:00.000000Z"}}}}));
}

TEST(Texts, FitAndAreUtf8) {
    auto facts = healthy_facts();
    std::string long_text = "x";
    for (int i = 0; i < 1000; ++i) {
        long_text += "\u00e9";
    }
    test::break_runs(facts, long_text + "\xff");
    const Told told(facts);
    for (const auto& body :
         {event_request(told.moment(), us, "n", told.verdict.reasons.front()).body,
          status_request(told.moment(), us, "n").body, condition_request(told.moment(), us, "").body}) {
        EXPECT_TRUE(json::accept(body));
    }
    const auto note = json::parse(event_request(told.moment(), us, "n", told.verdict.reasons.front()).body)
                          .at("note")
                          .get<std::string>();
    EXPECT_THAT(note, AllOf(StartsWith("the last run failed"), EndsWith("\u00e9...")));
    EXPECT_LE(note.size(), 1024U);
    EXPECT_GT(note.size(), 1020U);

    facts.runs.last->problem->what = std::string(600, '\xff');  // each becomes three bytes
    const Told broken(facts);
    EXPECT_LE(json::parse(event_request(broken.moment(), us, "n", broken.verdict.reasons.front()).body)
                  .at("note")
                  .get<std::string>()
                  .size(),
              1024U);
}

TEST(Words, AreThereForEveryReasonAndDiffer) {
    std::set<std::string_view> words = {recovered, in_order, made_elsewhere};
    for (const auto code : health::reason_codes) {
        EXPECT_TRUE(words.insert(word_for(code)).second) << word_for(code);
        EXPECT_TRUE(word_for(code).front() >= 'A' && word_for(code).front() <= 'Z');
    }
}

TEST(EventNames, FitWhateverThePodIsCalled) {
    EXPECT_EQ(event_name(us, "0123"), "postgres-0.0123");
    const auto name = event_name({"shop", std::string(247, 'a') + "------", "", ""}, "0123");
    EXPECT_LE(name.size(), 253U);
    EXPECT_THAT(name, EndsWith("a.0123"));
}

}  // namespace
}  // namespace lifeboat::kubernetes
