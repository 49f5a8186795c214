#include "account.hpp"

#include "sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::kubernetes {
namespace {

using test::AccountFolder;
using test::bound_token;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Account, IsWhatThePodWasGiven) {
    const AccountFolder folder;
    const auto account = read_account(folder.surroundings());
    ASSERT_TRUE(account);
    EXPECT_EQ(account->url, "https://10.43.0.1:443");
    EXPECT_EQ(account->ca, "a certificate");
    EXPECT_EQ(account->token.reveal(), bound_token);
    EXPECT_EQ(account->identity.name_space, "shop");
    EXPECT_EQ(account->identity.pod, "postgres-0");
    EXPECT_EQ(account->identity.pod_uid, "u-1");
    EXPECT_EQ(account->identity.service_account, "default");
}

TEST(Account, AnAddressOfIpv6StandsInBrackets) {
    const AccountFolder folder;
    auto surroundings = folder.surroundings();
    surroundings.host = "fd00::1";
    surroundings.port = "6443";
    EXPECT_EQ(read_account(surroundings)->url, "https://[fd00::1]:6443");
}

TEST(Account, IsReadAnewEachTime) {
    const AccountFolder folder;
    folder.write("token", "first\n");
    EXPECT_EQ(read_account(folder.surroundings())->token.reveal(), "first");
    folder.write("token", "second");
    EXPECT_EQ(read_account(folder.surroundings())->token.reveal(), "second");
}

// The kubelet exchanges `..data`, and the links beside it may still be of an older state.
TEST(Account, IsReadThroughTheLinkThatIsExchanged) {
    const AccountFolder folder;
    std::filesystem::create_directory(folder.path() / "..2026");
    folder.write("..2026/token", "newer");
    std::filesystem::create_directory_symlink("..2026", folder.path() / "..data");
    const auto account = read_account(folder.surroundings());
    EXPECT_EQ(account->token.reveal(), "newer");
    EXPECT_EQ(account->ca, "a certificate");
}

TEST(Account, ATokenThatTellsNoPodIsOfTheHost) {
    const AccountFolder folder;
    for (const auto* token : {"opaque", "a.b.c", "..", "e30.e30.e30", "x.bm90IGpzb24.y"}) {
        folder.write("token", token);
        const auto account = read_account(folder.surroundings());
        ASSERT_TRUE(account) << token;
        EXPECT_EQ(account->identity.pod, "from-the-host");
        EXPECT_EQ(account->identity.pod_uid, "");
        EXPECT_EQ(account->identity.name_space, "shop");
    }
}

TEST(Account, NamesThatCouldLeadElsewhereAreNone) {
    const AccountFolder folder;
    folder.write("namespace", "shop/../../secrets");
    EXPECT_FALSE(read_account(folder.surroundings()));
}

struct Lack {
    const char* file;
    const char* content;  // null: not there
    const char* word;
};

TEST(Account, WhatIsMissingIsNamedWithTheCure) {
    for (const auto& [file, content, word] :
         {Lack{"token", nullptr, "no service account's token"}, Lack{"token", "", "holds no token"},
          Lack{"token", "two\r\nHost: lines", "holds no token"}, Lack{"ca.crt", nullptr, "no ca.crt"}}) {
        const AccountFolder folder;
        if (content == nullptr) {
            folder.remove(file);
        } else {
            folder.write(file, content);
        }
        const auto account = read_account(folder.surroundings());
        ASSERT_FALSE(account) << word;
        EXPECT_THAT(account.error().what, AllOf(HasSubstr(word), Not(HasSubstr("lines"))));
        EXPECT_NE(account.error().next, "");
    }
}

TEST(Account, OutsideOfAClusterThereIsNone) {
    const AccountFolder folder;
    auto surroundings = folder.surroundings();
    surroundings.host.clear();
    const auto account = read_account(surroundings);
    ASSERT_FALSE(account);
    EXPECT_THAT(account.error().what, HasSubstr("KUBERNETES_SERVICE_HOST"));
}

}  // namespace
}  // namespace lifeboat::kubernetes
