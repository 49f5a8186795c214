#include "address.hpp"

#include <gtest/gtest.h>

namespace lifeboat::notify {
namespace {

TEST(Address, TakesALeafIntoItsPathAndKeepsItsQuery) {
    EXPECT_EQ(with_leaf("https://hc.test/5bf6", "start"), "https://hc.test/5bf6/start");
    EXPECT_EQ(with_leaf("https://hc.test/key/slug?create=1&x=a/b?c", "fail"),
              "https://hc.test/key/slug/fail?create=1&x=a/b?c");
    EXPECT_EQ(with_leaf("https://hc.test/5bf6/", "start"), "https://hc.test/5bf6/start") << "not two slashes";
    EXPECT_EQ(with_leaf("https://hc.test/5bf6/?x=1", "start"), "https://hc.test/5bf6/start?x=1");
    EXPECT_EQ(with_leaf("http://hc.test:8000", "start"), "http://hc.test:8000/start");
    EXPECT_EQ(with_leaf("http://hc.test?x=1", "start"), "http://hc.test/start?x=1");
}

TEST(Address, WithoutALeafIsSentAsItIs) {
    for (const auto* address : {"https://hc.test/5bf6", "https://hc.test/5bf6/", "https://hc.test/a?b=c", "http://h"}) {
        EXPECT_EQ(with_leaf(address, ""), address);
    }
}

TEST(Address, LosesItsFragment) {
    EXPECT_EQ(with_leaf("https://hc.test/5bf6?a=1#b?c", ""), "https://hc.test/5bf6?a=1");
    EXPECT_EQ(with_leaf("https://hc.test/5bf6#b?c", "start"), "https://hc.test/5bf6/start");
}

}  // namespace
}  // namespace lifeboat::notify
