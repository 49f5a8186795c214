// The scripted store, which other rooms' tests believe.
#include "support/memory_store.hpp"

#include "store_fixtures.hpp"

#include <gmock/gmock.h>

namespace lifeboat::test {

namespace {

const Error lost{ErrorKind::temporary, "connection lost", "try again"};

TEST(FlakyStore, FailsAtTheScriptedCallAndAtNoOther) {
    MemoryStore memory;
    FaultScript script;
    FlakyStore flaky(memory, script);
    script.fail("begin", 2, lost);
    EXPECT_TRUE(put_text(flaky, "a", "x").ok());
    EXPECT_EQ(put_text(flaky, "b", "x").error().what, "connection lost");
    EXPECT_TRUE(put_text(flaky, "b", "x").ok());
    EXPECT_EQ(script.calls("begin"), 3);
}

TEST(FlakyStore, FailsEveryVerbThatIsScripted) {
    MemoryStore memory;
    FaultScript script;
    FlakyStore flaky(memory, script);
    ASSERT_TRUE(put_text(memory, "a", "x").ok());
    for (const std::string verb : {"begin", "write", "commit", "read", "list", "unfinished", "remove"}) {
        script.fail(verb, 1, lost);
    }
    EXPECT_FALSE(put_text(flaky, "b", "x").ok());  // begin
    EXPECT_FALSE(put_text(flaky, "b", "x").ok());  // write
    EXPECT_FALSE(put_text(flaky, "b", "x").ok());  // commit
    EXPECT_FALSE(get_text(flaky, "a").ok());
    EXPECT_FALSE(flaky.list("", [](const store::ObjectInfo&) { return done(); }).ok());
    EXPECT_FALSE(flaky.unfinished("").ok());
    EXPECT_FALSE(flaky.remove(key("a"), {}).ok());
    EXPECT_THAT(listed(memory), ::testing::ElementsAre("a"));
    EXPECT_THAT(unfinished_keys(memory), ::testing::IsEmpty());
}

TEST(MemoryStore, CanBeTamperedWith) {
    MemoryStore memory;
    ASSERT_TRUE(put_text(memory, "a", "good").ok());
    memory.tamper(key("a"), "evil");
    EXPECT_EQ(get_text(memory, "a").value(), "evil");
}

}  // namespace

}  // namespace lifeboat::test
