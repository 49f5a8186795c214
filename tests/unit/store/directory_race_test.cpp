// Several writers, removers and listers in one folder at the same moment.
#include "store/directory_store.hpp"

#include "failing_call.hpp"
#include "store_fixtures.hpp"

#include <gmock/gmock.h>

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

namespace lifeboat::test {

namespace {

constexpr unsigned rounds = 200;

// What each of two writers met in each round. In memory that forked processes share.
struct Race {
    enum class End : unsigned char { none, won, met_another, failed };
    std::atomic<unsigned> arrived{0};
    std::array<std::array<End, 2>, rounds> ends{};

    // Both leave together: nobody starts round n+1 before both are through with round n.
    void meet(unsigned round) {
        ++arrived;
        while (arrived < 2 * (round + 1)) {
            ::sched_yield();
        }
    }
};

std::string name_of(unsigned round) {
    return "race/" + std::to_string(round) + "/app";
}

std::string content_by(unsigned writer, unsigned round) {
    return content_of(writer == 0 ? 10 : 40'000, round * 2 + writer);
}

void run_writer(store::ObjectStore& store, Race& race, unsigned writer) {
    for (unsigned round = 0; round < rounds; ++round) {
        const std::string content = content_by(writer, round);
        race.meet(round);
        auto stored = put_text(store, name_of(round), content);
        auto& end = race.ends[round][writer];
        end = stored ? Race::End::won
                     : (stored.error().kind == ErrorKind::exists ? Race::End::met_another : Race::End::failed);
    }
}

void expect_one_winner_each(store::ObjectStore& store, const Race& race) {
    for (unsigned round = 0; round < rounds; ++round) {
        const bool first = race.ends[round][0] == Race::End::won;
        const bool second = race.ends[round][1] == Race::End::won;
        ASSERT_NE(first, second) << "round " << round;
        ASSERT_EQ(race.ends[round][first ? 1 : 0], Race::End::met_another) << "round " << round;
        ASSERT_TRUE(get_text(store, name_of(round)).value() == content_by(first ? 0 : 1, round)) << "round " << round;
    }
    EXPECT_EQ(listed(store).size(), rounds);
    EXPECT_THAT(unfinished_keys(store), ::testing::IsEmpty());
}

TEST(DirectoryRace, OneOfTwoThreadsWinsAKey) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    Race race;
    std::thread first([&] { run_writer(*store, race, 0); });
    std::thread second([&] { run_writer(*store, race, 1); });
    first.join();
    second.join();
    expect_one_winner_each(*store, race);
}

TEST(DirectoryRace, OneOfTwoThreadsWinsAKeyByLink) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    Race race;
    const std::vector<FailingCall> no_rename{{__NR_renameat2, EINVAL}};
    std::thread first([&] { where_failing(no_rename, [&] { run_writer(*store, race, 0); }); });
    std::thread second([&] { where_failing(no_rename, [&] { run_writer(*store, race, 1); }); });
    first.join();
    second.join();
    expect_one_winner_each(*store, race);
}

TEST(DirectoryRace, OneOfTwoProcessesWinsAKey) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    void* shared = ::mmap(nullptr, sizeof(Race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    Race& race = *new (shared) Race;
    std::array<pid_t, 2> children{};
    for (unsigned writer = 0; writer < 2; ++writer) {
        children[writer] = ::fork();
        ASSERT_GE(children[writer], 0);
        if (children[writer] == 0) {
            run_writer(*store, race, writer);
            ::_exit(0);
        }
    }
    for (const pid_t child : children) {
        int status = -1;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    expect_one_winner_each(*store, race);
    (void)::munmap(shared, sizeof(Race));
}

// What the remove() and the aborts of others do, at the worst moments: a folder goes as soon as it is there.
TEST(DirectoryRace, AnUploadBeginsAlthoughItsFoldersAreTakenAwayUnderIt) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path() + "/root").value();
    std::atomic<bool> ended = false;
    std::atomic<int> to_take = 0;  // for each upload a few: others remove what they are done with, then stop
    std::atomic<unsigned> taken = 0;
    std::thread remover([&] {
        while (!ended) {
            for (const std::string name : {"root/data/1", "root/data", "root"}) {
                if (to_take > 0 && ::rmdir(folder.below(name).c_str()) == 0) {
                    --to_take;
                    ++taken;
                }
            }
        }
    });
    std::string fault;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    const auto has_raced = [&] { return taken > 0 || std::chrono::steady_clock::now() > give_up; };
    for (unsigned i = 0; fault.empty() && (i < 100 || !has_raced()); ++i) {
        to_take = 10;
        auto upload = store->begin(key("data/1/app"));
        fault = upload ? "" : upload.error().what;
    }
    ended = true;
    remover.join();
    EXPECT_EQ(fault, "");
    EXPECT_GT(taken, 0U) << "nothing was taken away: the test has proven nothing";
}

TEST(DirectoryRace, AListingSurvivesWhatVanishesUnderIt) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    ASSERT_TRUE(put_text(*store, "stays/app", "x").ok());
    std::atomic<bool> ended = false;
    std::thread mover([&] {
        for (unsigned i = 0; i < 300; ++i) {
            const auto name = key("moves/" + std::to_string(i % 7) + "/app");
            EXPECT_TRUE(store::put(*store, name, stream::as_bytes("x")).ok());
            EXPECT_TRUE(store->remove(name, {}).ok());
        }
        ended = true;
    });
    while (!ended) {
        const auto keys = listed(*store);
        ASSERT_FALSE(keys.empty());
        EXPECT_EQ(keys.back(), "stays/app");
        EXPECT_FALSE(keys.front().starts_with("error")) << keys.front();
    }
    mover.join();
}

}  // namespace

}  // namespace lifeboat::test
