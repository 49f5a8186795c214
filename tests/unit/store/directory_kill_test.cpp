// kill -9 at any moment: what is listed is whole, and what is not can be told apart.
#include "store/directory_store.hpp"

#include "store_fixtures.hpp"

#include <gmock/gmock.h>

#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <random>

namespace lifeboat::test {

namespace {

constexpr int kills = 100;

std::string content_for(unsigned round, unsigned number) {
    constexpr std::array<std::size_t, 5> sizes{0, 10, 70'000, 300'000, 1'000'000};
    return content_of(sizes[number % sizes.size()] + round, round * 1000 + number);
}

// Stores one object after another until it is killed, and says so at every step.
[[noreturn]] void write_for_ever(store::ObjectStore& store, unsigned round, int progress) {
    const auto step = [progress] { return ::write(progress, "s", 1) == 1; };
    for (unsigned number = 0;; ++number) {
        const std::string name = "data/" + std::to_string(round) + "-" + std::to_string(number) + "/app";
        const std::string content = content_for(round, number);
        auto upload = store.begin(key(name));
        bool well = upload.ok() && step();
        for (auto left = stream::as_bytes(content); well && !left.empty();) {
            const auto chunk = left.first(std::min<std::size_t>(100'000, left.size()));
            well = (*upload)->write(chunk).ok() && step();
            left = left.subspan(chunk.size());
        }
        if (!well || !(*upload)->commit().ok() || !step()) {
            ::_exit(1);
        }
    }
}

// Kills a writer once it has made `steps` steps: by then it is somewhere behind them.
void write_and_kill(store::ObjectStore& store, unsigned round, unsigned steps) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        write_for_ever(store, round, ends[1]);
    }
    (void)::close(ends[1]);
    char step = 0;
    for (unsigned i = 0; i < steps; ++i) {
        ASSERT_EQ(::read(ends[0], &step, 1), 1) << "the writer ended by itself";
    }
    (void)::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    (void)::close(ends[0]);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
}

void expect_whole(store::ObjectStore& store, const std::string& name) {
    unsigned round = 0;
    unsigned number = 0;
    ASSERT_EQ(std::sscanf(name.c_str(), "data/%u-%u/app", &round, &number), 2) << name;
    EXPECT_TRUE(get_text(store, name).value() == content_for(round, number)) << name << " is not whole";
}

TEST(DirectoryKill, LeavesWholeObjectsAndTellsTheRestApart) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    std::mt19937 dice(20261122);  // NOLINT(*-msc51-cpp): the same kills in every run, as far as they can be
    for (unsigned round = 0; round < kills; ++round) {
        ASSERT_NO_FATAL_FAILURE(write_and_kill(*store, round, static_cast<unsigned>(dice() % 40)));
    }

    const std::vector<std::string> keys = listed(*store);
    for (const std::string& name : keys) {
        expect_whole(*store, name);
    }
    auto unfinished = store->unfinished("");
    ASSERT_TRUE(unfinished.ok());
    std::size_t files = 0;
    std::uint64_t bytes_unfinished = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
        files += entry.is_regular_file() ? 1U : 0U;
        bytes_unfinished += entry.path().string().find('~') != std::string::npos ? entry.file_size() : 0U;
    }
    EXPECT_EQ(files, keys.size() + unfinished->size());
    for (const auto& upload : *unfinished) {
        bytes_unfinished -= upload.size;
    }
    EXPECT_EQ(bytes_unfinished, 0U);

    // Else the test would prove nothing.
    std::cout << "  " << keys.size() << " objects whole, " << unfinished->size() << " unfinished\n";
    EXPECT_GE(keys.size(), static_cast<std::size_t>(kills));
    EXPECT_GE(unfinished->size(), static_cast<std::size_t>(kills) / 4);
    EXPECT_TRUE(put_text(*store, "data/after", "the next run works").ok());
}

}  // namespace

}  // namespace lifeboat::test
