// The children as processes: a shell stands for the program, and does what its first argument's place in these
// scripts says. Nothing here waits but for what a child does.
#include "real_children.hpp"

#include "os/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::Activity;
using testing::HasSubstr;

constexpr auto patience = 60s;  // only a failing test waits that long

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator listing("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(listing), end(listing)));
}

// One child, run by a script that finds its pipe in $report and its settings in $settings.
class OneChild : public testing::Test {
protected:
    void SetUp() override {
        std::string name = "/tmp/lifeboat-real-children-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void start(const std::string& script) {
        const auto program = folder_ / "child";
        std::ofstream(program) << "#!/bin/bash\n"
                                  "for word; do case $word in\n"
                                  "  --report-fd=*) report=${word#*=} ;;\n"
                                  "  --settings-fd=*) settings=${word#*=} ;;\n"
                                  "esac; done\n"
                               << script << "\n";
        ::chmod(program.c_str(), 0700);
        children_ = std::make_unique<RealChildren>(program.string(), std::vector<std::string>{"PATH=/usr/bin:/bin"});
        const auto started =
            children_->start(Activity::backup, Secret("the settings"), Known{"20261125T021700Z-7f3a", std::nullopt});
        ASSERT_TRUE(started) << started.error().what;
    }

    // One turn of the loop: false when nothing comes.
    bool turn() {
        std::vector<pollfd> entries;
        children_->add_to(entries);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up_ - std::chrono::steady_clock::now());
        if (left <= 0ms || ::poll(entries.data(), entries.size(), static_cast<int>(left.count())) <= 0) {
            return false;
        }
        ++turns_;
        children_->attend([this](Activity, const Result<Report>& report) { reports_.push_back(report); },
                          [this](Activity, const os::ExitState& exit) { exit_ = exit; });
        return true;
    }
    // Until the child's end was told.
    bool await_end() {
        while (!exit_ && turn()) {
        }
        return exit_.has_value();
    }
    bool await_report() {
        while (reports_.empty() && turn()) {
        }
        return !reports_.empty();
    }

    std::filesystem::path folder_;
    std::unique_ptr<RealChildren> children_;
    std::vector<Result<Report>> reports_;
    std::optional<os::ExitState> exit_;
    int turns_ = 0;
    std::chrono::steady_clock::time_point give_up_ = std::chrono::steady_clock::now() + patience;
};

std::string words_of(const Result<Report>& report) {
    const auto* failed = report ? std::get_if<WorkFailed>(&*report) : nullptr;
    return failed != nullptr ? failed->problem.what : "no such report";
}

const std::string say =
    R"(say() { echo '{"report":"work_failed","problem":{"what":"'"$1"'","next":""},"detail":""}' >&$report; })"
    "\n";

TEST_F(OneChild, GetsItsSettingsAndTellsItsReportsBeforeItsEnd) {
    start(say + "say \"$(cat <&$settings)\"; say \"$2\"; say \"${@: -1}\"; say \"$1\"; exit 7");
    ASSERT_TRUE(await_end());
    ASSERT_EQ(reports_.size(), 4U);
    EXPECT_EQ(words_of(reports_[0]), "the settings");
    EXPECT_EQ(words_of(reports_[1]), "backup");
    EXPECT_EQ(words_of(reports_[2]), "--newest-known=20261125T021700Z-7f3a");
    EXPECT_EQ(words_of(reports_[3]), "child");
    EXPECT_EQ(exit_->code, 7);
    std::vector<pollfd> entries;
    children_->add_to(entries);
    EXPECT_TRUE(entries.empty());
    EXPECT_TRUE(children_->ids().empty());
}

TEST_F(OneChild, MayTellItsReportsInPieces) {
    start(R"(printf '{"report":' >&$report; read -t 0.05 <> <(:); printf '"sweep_ended"}\n{"report":"sweep_' >&$report
             read -t 0.05 <> <(:); printf 'ended"}\n' >&$report)");
    ASSERT_TRUE(await_end());
    ASSERT_EQ(reports_.size(), 2U);
    EXPECT_TRUE(reports_[0] && std::holds_alternative<SweepEnded>(*reports_[0]));
    EXPECT_TRUE(reports_[1] && std::holds_alternative<SweepEnded>(*reports_[1]));
}

TEST_F(OneChild, MayTellMoreThanAPipeHolds) {
    start("for i in {1..20000}; do echo '{\"report\":\"store_asked_again\"}'; done >&$report");
    ASSERT_TRUE(await_end());
    EXPECT_EQ(reports_.size(), 20000U);
    EXPECT_TRUE(
        std::all_of(reports_.begin(), reports_.end(), [](const auto& report) { return static_cast<bool>(report); }));
}

TEST_F(OneChild, ThatTalksNonsenseIsHeardAllTheSame) {
    start(say + "echo nonsense >&$report; say sense");
    ASSERT_TRUE(await_end());
    ASSERT_EQ(reports_.size(), 2U);
    EXPECT_EQ(reports_[0].error().kind, ErrorKind::corrupt);
    EXPECT_EQ(words_of(reports_[1]), "sense");
}

TEST_F(OneChild, WithAnEndlessLineIsNotListenedToAndNotHeldUp) {
    start("head -c 100000000 /dev/zero >&$report; exit 3");
    ASSERT_TRUE(await_end());
    ASSERT_EQ(reports_.size(), 1U);
    EXPECT_EQ(reports_[0].error().what, "a child's report is too long");
    EXPECT_EQ(exit_->code, 3);
}

TEST_F(OneChild, ThatClosesItsPipeEarlyCostsNoTurnsUntilItEnds) {
    start(say + "say hello; exec {report}>&-; read -t 0.3 <> <(:); exit 4");
    ASSERT_TRUE(await_end());
    EXPECT_EQ(words_of(reports_.at(0)), "hello");
    EXPECT_EQ(exit_->code, 4);
    EXPECT_LE(turns_, 5);
}

TEST_F(OneChild, ThatDiesAtOnceIsSeenToDie) {
    start("kill -KILL $$");
    ASSERT_TRUE(await_end());
    EXPECT_EQ(exit_->signal, SIGKILL);
    EXPECT_TRUE(reports_.empty());
}

TEST_F(OneChild, ThatDiesWithinALineIsSeenToDie) {
    start("printf '{\"report\":' >&$report; kill -KILL $$");
    ASSERT_TRUE(await_end());
    EXPECT_EQ(exit_->signal, SIGKILL);
}

// A grandchild holds the pipe open, so that its end never comes.
TEST_F(OneChild, IsGoneAlsoWhereAGrandchildHoldsItsPipe) {
    for (const std::string line : {"say bye", "printf half >&$report"}) {
        start(say + "sleep 1000 & echo $! > " + (folder_ / "grandchild").string() + "; " + line + "; exit 5");
        ASSERT_TRUE(await_end());
        EXPECT_EQ(exit_->code, 5);
        EXPECT_LE(turns_, 6) << "a loop that never sleeps";
        pid_t grandchild = 0;
        std::ifstream(folder_ / "grandchild") >> grandchild;
        ASSERT_GT(grandchild, 1);
        ::kill(grandchild, SIGKILL);
        exit_.reset();
        turns_ = 0;
    }
    EXPECT_EQ(words_of(reports_.at(0)), "bye");
}

TEST_F(OneChild, GetsSignals) {
    start(say + "trap 'say ended; exit 6' TERM; say ready; while :; do read -t 1 <> <(:); done");
    ASSERT_TRUE(await_report());
    children_->signal(Activity::backup, SIGTERM);
    children_->signal(Activity::survey, SIGTERM);  // nobody
    ASSERT_TRUE(await_end());
    EXPECT_EQ(words_of(reports_.back()), "ended");
    EXPECT_EQ(exit_->code, 6);
    children_->signal(Activity::backup, SIGTERM);  // nobody any more
}

TEST_F(OneChild, IsKilledWhenItsKeeperGoes) {
    start(say + "trap '' TERM; say ready; while :; do read -t 1 <> <(:); done");
    ASSERT_TRUE(await_report());
    const pid_t id = children_->ids().at(0);
    children_.reset();
    EXPECT_NE(::kill(id, 0), 0);
}

TEST_F(OneChild, LeavesNoDescriptorBehind) {
    start("exit 0");
    ASSERT_TRUE(await_end());
    const auto before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        exit_.reset();
        ASSERT_TRUE(children_->start(Activity::backup, Secret("the settings"), {}));
        ASSERT_TRUE(children_->start(Activity::sweep, Secret("the settings"), {}));
        while (!children_->ids().empty() && turn()) {
        }
        ASSERT_TRUE(children_->ids().empty());
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(OneChild, InheritsNothingOfAnotherChild) {
    start(say + "[ $2 = sweep ] && { trap '' TERM; read -t 1000 <> <(:); }; open=(/proc/$$/fd/*); say ${#open[@]}");
    ASSERT_TRUE(await_end());
    exit_.reset();
    ASSERT_TRUE(children_->start(Activity::sweep, Secret("the settings"), {}));
    ASSERT_TRUE(children_->start(Activity::backup, Secret("the settings"), {}));
    ASSERT_TRUE(await_end());
    ASSERT_EQ(reports_.size(), 2U);
    EXPECT_EQ(words_of(reports_[1]), words_of(reports_[0])) << "as many descriptors as alone";
}

TEST(AProgramThatIsNotThere, CannotBeStartedAndLeavesNothing) {
    RealChildren children("/nowhere/lifeboat", {});
    const auto before = open_descriptors();
    const auto started = children.start(Activity::backup, Secret("the settings"), {});
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().what, HasSubstr("/nowhere/lifeboat"));
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(children.ids().empty());
}

}  // namespace
}  // namespace lifeboat::supervisor
