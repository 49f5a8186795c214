#include "backup/outgoing_stream.hpp"

#include "restore/incoming_stream.hpp"
#include "support/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace lifeboat::backup {
namespace {

using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

store::ObjectKey key() {
    return store::ObjectKey::parse("app/data/20261122T021700Z-7f3a/shop.dump.zst.age").value();
}

// Does not compress, so that what is stored is about as long.
std::string random_text(std::size_t size) {
    std::mt19937 dice(7);
    std::string text(size, '\0');
    std::generate(text.begin(), text.end(), [&dice] { return static_cast<char>(dice() & 0xFFU); });
    return text;
}

class OutgoingStreamTest : public testing::Test {
protected:
    // Everything up to commit(); the first error ends it, as it does in earnest.
    Result<std::vector<store::StoredObject>> send(store::ObjectStore& store, const std::string& text, bool encrypted) {
        auto out = OutgoingStream::open(store, key(), 3, encrypted ? recipients_ : std::vector<age::Recipient>{});
        if (!out) {
            return std::move(out).error();
        }
        constexpr std::size_t piece = 50'000;
        for (std::size_t at = 0; at < text.size(); at += piece) {
            if (auto written = (*out)->write(stream::as_bytes(std::string_view(text).substr(at, piece))); !written) {
                return std::move(written).error();
            }
        }
        if (auto finished = (*out)->finish(); !finished) {
            return std::move(finished).error();
        }
        EXPECT_EQ((*out)->bytes_in(), text.size());
        auto stored = (*out)->commit();
        if (stored) {
            std::uint64_t size = 0;
            for (const auto& object : *stored) {
                size += object.size;
            }
            EXPECT_EQ((*out)->bytes_out(), size);
        }
        return stored;
    }

    std::vector<store::ObjectInfo> objects() {
        std::vector<store::ObjectInfo> all;
        EXPECT_TRUE(store_.list("", [&all](const store::ObjectInfo& info) {
            all.push_back(info);
            return done();
        }));
        return all;
    }

    void expect_nothing_in_the_store(const std::string& after) {
        EXPECT_THAT(objects(), IsEmpty()) << after;
        EXPECT_THAT(store_.unfinished("").value(), IsEmpty()) << after;
    }

    const std::string text_ = random_text(1'500'000);
    age::Identity identity_ = age::Identity::generate().value();
    std::vector<age::Identity> identities_ = {identity_};
    std::vector<age::Recipient> recipients_ = {identity_.recipient()};
    test::MemoryStore store_{400'000};  // bytes an object: four segments
};

TEST_F(OutgoingStreamTest, ComesBackAsItWentIn) {
    for (const bool encrypted : {false, true}) {
        for (const std::string& text : {text_, std::string(), std::string(1, 'x')}) {
            test::MemoryStore store(400'000);
            const auto stored = send(store, text, encrypted);
            ASSERT_TRUE(stored) << stored.error().what;
            const restore::Source source{store, encrypted ? catalogue::Encrypted::yes : catalogue::Encrypted::no,
                                         identities_};
            const auto back = restore::read_text(source, *stored, text_.size());
            ASSERT_TRUE(back) << back.error().what;
            EXPECT_TRUE(*back == text);
        }
    }
}

TEST_F(OutgoingStreamTest, TellsSizeAndDigestOfWhatIsInTheStore) {
    const auto stored = send(store_, text_, true);
    ASSERT_TRUE(stored);
    ASSERT_THAT(*stored, SizeIs(4));
    EXPECT_THAT(objects(), SizeIs(4));
    for (const auto& object : *stored) {
        const auto content = store::get(store_, object.key, {}, 400'000);
        ASSERT_TRUE(content);
        EXPECT_EQ(object.size, content->size());
        EXPECT_EQ(object.sha256, stream::sha256_hex(*content));
    }
}

TEST_F(OutgoingStreamTest, StoresNoPlainTextWhenThereAreRecipients) {
    std::string text;
    while (text.size() < 10'000) {
        text += "the words of a row ";
    }
    const auto stored = send(store_, text, true);
    ASSERT_TRUE(stored);
    const auto content = store::get(store_, stored->front().key, {}, 400'000).value();
    EXPECT_THAT(content, testing::StartsWith("age-encryption.org/v1\n"));
    EXPECT_THAT(content, Not(testing::HasSubstr("the words")));
    EXPECT_THAT(content, Not(testing::HasSubstr("\x28\xB5\x2F\xFD"))) << "nor a zstd frame";
}

TEST_F(OutgoingStreamTest, ShowsNothingBeforeItIsCommitted) {
    test::MemoryStore store;  // one object is enough
    auto out = OutgoingStream::open(store, key(), 3, recipients_);
    ASSERT_TRUE(out);
    ASSERT_TRUE((*out)->write(stream::as_bytes(text_)));
    ASSERT_TRUE((*out)->finish());
    std::size_t shown = 0;
    ASSERT_TRUE(store.list("", [&shown](const store::ObjectInfo&) {
        ++shown;
        return done();
    }));
    EXPECT_EQ(shown, 0U);
}

TEST_F(OutgoingStreamTest, TakesEverythingBackWhenItIsGivenUp) {
    for (const bool finished : {false, true}) {
        {
            auto out = OutgoingStream::open(store_, key(), 3, recipients_);
            ASSERT_TRUE(out);
            ASSERT_TRUE((*out)->write(stream::as_bytes(text_)));
            if (finished) {
                ASSERT_TRUE((*out)->finish());
            }
        }
        expect_nothing_in_the_store(finished ? "finished" : "unfinished");
    }
}

TEST_F(OutgoingStreamTest, CannotBeCommittedBeforeItsEnd) {
    auto out = OutgoingStream::open(store_, key(), 3, recipients_);
    ASSERT_TRUE(out);
    EXPECT_FALSE((*out)->commit());
}

// Every call that it makes to the store fails once, and each time the store is left as it was.
TEST_F(OutgoingStreamTest, LeavesNothingAfterAFaultAtAnyCall) {
    test::FaultScript counting;
    {
        test::MemoryStore scratch(400'000);
        test::FlakyStore counted(scratch, counting);
        ASSERT_TRUE(send(counted, text_, true));
    }
    for (const std::string verb : {"begin", "write", "commit"}) {
        const int calls = counting.calls(verb);
        ASSERT_GE(calls, 4) << verb;
        for (int nth = 1; nth <= calls; ++nth) {
            test::FaultScript script;
            script.fail(verb, nth, {ErrorKind::temporary, "the store is away", {}});
            test::FlakyStore flaky(store_, script);
            const auto sent = send(flaky, text_, true);
            const std::string when = verb + " " + std::to_string(nth) + " of " + std::to_string(calls);
            ASSERT_FALSE(sent) << when;
            EXPECT_EQ(sent.error().what, "the store is away") << when;
            expect_nothing_in_the_store(when);
        }
    }
}

TEST_F(OutgoingStreamTest, DoesNotReplaceWhatIsThere) {
    ASSERT_TRUE(store::put(store_, key(), stream::as_bytes("the first")));
    const auto sent = send(store_, "the second", true);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().kind, ErrorKind::exists);
    EXPECT_EQ(store::get(store_, key(), {}, 100).value(), "the first");
}

}  // namespace
}  // namespace lifeboat::backup
