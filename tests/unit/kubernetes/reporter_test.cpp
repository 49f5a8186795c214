// The thread that reports, where there is none to be had. What it writes is desk_test.cpp.
#include "kubernetes/reporter.hpp"

#include "health/board.hpp"
#include "sample.hpp"
#include "support/no_threads.hpp"

#include <poll.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::kubernetes {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const health::ReportFacts& condition_in(const News& news) {
    return news.facts.at(static_cast<std::size_t>(health::ReportObject::condition));
}

TEST(Reporter, SaysThatThereIsNoThreadAndTriesAgainWithTheNextLook) {
    const test::AccountFolder folder;
    folder.remove("token");  // so that nobody is asked, and something is told
    const health::Board board(test::healthy_facts());
    const os::SystemClock clock;
    auto opened = Reporter::open(folder.surroundings(), board, clock);
    ASSERT_TRUE(opened.ok());
    auto& reporter = **opened;
    {
        const lifeboat::test::NoThreads none;
        reporter.apply({std::nullopt, false, true});
        const auto news = reporter.take_news();
        ASSERT_TRUE(news);
        ASSERT_THAT(news->lines, SizeIs(1));
        EXPECT_EQ(news->lines.front().event, "kubernetes_not_reported");
        EXPECT_THAT(news->lines.front().fields.at("error").get<std::string>(), HasSubstr("no thread can be started"));
        EXPECT_TRUE(condition_in(*news).wanted);
        ASSERT_TRUE(condition_in(*news).problem);
        EXPECT_THAT(condition_in(*news).problem->next, HasSubstr("pids"));
        reporter.look();
        EXPECT_FALSE(reporter.take_news()) << "once is enough";
    }
    reporter.look();
    pollfd entry{reporter.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&entry, 1, 60'000), 1);
    const auto news = reporter.take_news();
    ASSERT_TRUE(news);
    ASSERT_TRUE(condition_in(*news).problem);
    EXPECT_THAT(condition_in(*news).problem->what, HasSubstr("token"));
}

}  // namespace
}  // namespace lifeboat::kubernetes
