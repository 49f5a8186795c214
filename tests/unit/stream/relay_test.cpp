#include "stream/relay.hpp"

#include "sinks.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <semaphore>
#include <thread>

namespace lifeboat::stream {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr std::size_t block = std::size_t{128} * 1024;  // what a Relay passes on at a time

TEST(Relay, KeepsOrderAndContentForPiecesOfAnySize) {
    const std::string text = random_text(3'000'000);
    for (const std::size_t largest : {std::size_t{1000}, block - 1, block, 3 * block + 1}) {
        Collected end;
        Relay relay(end, 4 * block);
        ASSERT_TRUE(write_in_pieces(relay, text, largest));
        ASSERT_TRUE(relay.finish());
        EXPECT_TRUE(end.text == text) << "pieces of up to " << largest;
        EXPECT_EQ(end.finishes, 1);
    }
}

TEST(Relay, PassesOnAnEmptyStream) {
    Collected end;
    Relay relay(end, block);
    ASSERT_TRUE(relay.finish());
    EXPECT_EQ(end.text, "");
    EXPECT_EQ(end.finishes, 1);
}

TEST(Relay, TellsTheWriterOfALaterFailure) {
    Failing end;
    Relay relay(end, 2 * block);
    const std::string piece(block, 'x');
    Status written;
    for (int i = 0; i < 10 && written; ++i) {
        written = relay.write(as_bytes(piece));  // at the third one at the latest: the queue holds two
    }
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().what, Failing::error().what);
    EXPECT_FALSE(relay.finish());
    EXPECT_EQ(end.finishes, 0);
}

TEST(Relay, TellsFinishOfALaterFailure) {
    Failing end;
    Relay relay(end, 2 * block);
    ASSERT_TRUE(relay.write(as_bytes("few bytes, still in the queue")));
    const auto finished = relay.finish();
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().kind, Failing::error().kind);
    EXPECT_EQ(end.finishes, 0) << "a stage that failed is not finished";
}

TEST(Relay, TellsWhatTheLaterStageSaidToFinish) {
    Failing end(100);
    Relay relay(end, 2 * block);
    ASSERT_TRUE(relay.write(as_bytes("fits")));
    const auto finished = relay.finish();
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().what, Failing::error().what);
    EXPECT_EQ(end.finishes, 1);
}

TEST(Relay, FinishesNothingWhenItIsGivenUp) {
    Collected end;
    {
        Relay relay(end, 4 * block);
        ASSERT_TRUE(relay.write(as_bytes(std::string(2 * block + 5, 'x'))));
    }
    EXPECT_EQ(end.finishes, 0);
}

// Holds each write until a token for it is put in.
class Gate final : public Sink {
public:
    Status write(Bytes /*chunk*/) override {
        entered.release();
        open.acquire();
        returned = true;
        return done();
    }
    Status finish() override { return done(); }

    std::counting_semaphore<> entered{0};
    std::counting_semaphore<> open{0};
    bool returned = false;
};

TEST(Relay, WaitsForTheStageThatIsAtWorkWhenItIsGivenUp) {
    Gate gate;
    std::thread opener;
    {
        Relay relay(gate, 2 * block);
        ASSERT_TRUE(relay.write(as_bytes(std::string(2 * block, 'x'))));
        gate.entered.acquire();
        opener = std::thread([&gate] { gate.open.release(100); });
    }
    EXPECT_TRUE(gate.returned);
    opener.join();
}

TEST(Relay, HoldsTheWriterWhenItIsFull) {
    constexpr std::size_t blocks = 4;
    Gate gate;
    std::counting_semaphore<> accepted(0);
    std::thread writer;
    {
        Relay relay(gate, blocks * block);
        writer = std::thread([&relay, &accepted] {
            const std::string piece(block, 'x');
            for (std::size_t i = 0; i < blocks + 1; ++i) {
                (void)relay.write(as_bytes(piece));
                accepted.release();
            }
        });
        gate.entered.acquire();
        for (std::size_t i = 0; i < blocks; ++i) {
            accepted.acquire();  // up to its capacity it takes everything, although the next stage stands still
        }
        EXPECT_FALSE(accepted.try_acquire_for(100ms)) << "one block more than the queue may hold";
        gate.open.release();
        EXPECT_TRUE(accepted.try_acquire_for(20s)) << "and goes on when there is room";
        writer.join();
        gate.open.release(100);
    }
}

}  // namespace
}  // namespace lifeboat::stream
