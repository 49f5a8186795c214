#include "store/object_key.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace lifeboat::store {

namespace {

TEST(ObjectKey, TakesWhatALayoutNeeds) {
    for (const std::string text :
         {"a", "pg/app/data/20261122T021700Z-7f3a/App_1.0f.dump.zst.age.0001", "..a/b..", ".hidden", "-"}) {
        auto key = ObjectKey::parse(text);
        ASSERT_TRUE(key.ok()) << text;
        EXPECT_EQ(key->text(), text);
    }
}

TEST(ObjectKey, RefusesWhatCouldPointOutsideTheStoreOrNeedEscaping) {
    for (const std::string text :
         {"",    "/",   "/a",  "a/",    "a//b", ".",   "..",  "a/../b",   "../a", "a/.", "a/..",
          "./a", "a b", "a~b", "a%2fb", "a\\b", "a:b", "a+b", "\xc3\xa4", "a\nb", "a*"}) {
        auto key = ObjectKey::parse(text);
        ASSERT_FALSE(key.ok()) << text;
        EXPECT_EQ(key.error().kind, ErrorKind::corrupt);
        EXPECT_FALSE(key.error().next.empty());
    }
    EXPECT_FALSE(ObjectKey::parse(std::string_view("a\0b", 3)).ok());
}

TEST(ObjectKey, BoundsTheKeyAndItsParts) {
    const std::string part(240, 'x');
    EXPECT_TRUE(ObjectKey::parse(part).ok());
    EXPECT_FALSE(ObjectKey::parse(part + "x").ok());
    const std::string long_key = part + "/" + part + "/" + part + "/" + std::string(177, 'x');
    ASSERT_EQ(long_key.size(), 900U);
    EXPECT_TRUE(ObjectKey::parse(long_key).ok());
    EXPECT_FALSE(ObjectKey::parse(long_key + "x").ok());
}

TEST(ObjectKey, ShowsAForeignKeyWithoutItsControlCharacters) {
    auto key = ObjectKey::parse("a\x1b[2Jb\n");
    ASSERT_FALSE(key.ok());
    EXPECT_THAT(key.error().what, ::testing::HasSubstr("'a?[2Jb?'"));
    EXPECT_LT(ObjectKey::parse(std::string(5000, '\n')).error().what.size(), 250U);
}

TEST(ObjectKey, NamesItsLastPart) {
    EXPECT_EQ(ObjectKey::parse("a/b/c.json")->name(), "c.json");
    EXPECT_EQ(ObjectKey::parse("c.json")->name(), "c.json");
}

TEST(ObjectKey, ComparesByBytes) {
    EXPECT_LT(*ObjectKey::parse("a-b"), *ObjectKey::parse("a/b"));
    EXPECT_LT(*ObjectKey::parse("B"), *ObjectKey::parse("a"));
    EXPECT_EQ(*ObjectKey::parse("a"), *ObjectKey::parse("a"));
}

}  // namespace

}  // namespace lifeboat::store
