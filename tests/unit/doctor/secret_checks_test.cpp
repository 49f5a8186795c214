#include "doctor/secret_checks.hpp"

#include "support/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace lifeboat::doctor {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SecretFiles : public testing::Test {
protected:
    SecretFiles() {
        std::string pattern = testing::TempDir() + "doctor-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
    }
    ~SecretFiles() override { fs::remove_all(folder_); }

    fs::path file(const std::string& name, unsigned mode) {
        std::ofstream(folder_ / name) << "secret";
        fs::permissions(folder_ / name, fs::perms(mode));
        return folder_ / name;
    }
    static Outcome outcome_of(const fs::path& path) {
        return check_secret_files({{"store.secret_access_key", path}}).front().outcome;
    }

    fs::path folder_;
};

TEST_F(SecretFiles, ForTheirOwnerAloneAreInOrder) {
    EXPECT_EQ(outcome_of(file("a", 0600)), Outcome::pass);
    EXPECT_EQ(outcome_of(file("b", 0440)), Outcome::pass);
}

TEST_F(SecretFiles, ThatOthersReadOrWriteAreWarnedOf) {
    const auto readable = check_secret_files({{"store.secret_access_key", file("a", 0644)}}).front();
    EXPECT_EQ(readable.outcome, Outcome::warn);
    EXPECT_EQ(readable.check, "secret store.secret_access_key");
    EXPECT_THAT(readable.cure, HasSubstr("chmod 600 "));
    EXPECT_EQ(outcome_of(file("b", 0620)), Outcome::warn);
    EXPECT_EQ(outcome_of(file("c", 0602)), Outcome::warn);
}

// The mode of a projected file says who of the pod may read it, and nobody else has that mount.
TEST_F(SecretFiles, AsKubernetesMountsThemAreInOrder) {
    fs::create_directory(folder_ / "..2026_11_26");
    fs::create_directory_symlink("..2026_11_26", folder_ / "..data");
    EXPECT_EQ(outcome_of(file("key", 0644)), Outcome::pass);
}

TEST_F(SecretFiles, ThatAreNotThereFail) {
    EXPECT_EQ(outcome_of(folder_ / "none"), Outcome::fail);
}

TEST(AnIdentity, ThatWasNotReadIsNoFailure) {
    const auto finding = unread_identity({ErrorKind::usage, "cannot open /keys/team.txt: denied", "check the path"});
    EXPECT_EQ(finding.check, "secret encryption.identity_file");
    EXPECT_EQ(finding.outcome, Outcome::warn);
    EXPECT_THAT(finding.text, HasSubstr("cannot open /keys/team.txt: denied"));
    EXPECT_EQ(finding.cure, "take encryption.identity_file out of the settings, or check the path");
    EXPECT_EQ(unread_identity({ErrorKind::usage, "bad", ""}).cure, "take encryption.identity_file out of the settings");
}

TEST_F(SecretFiles, ATokenIsWantedOrNot) {
    const auto token = file("token", 0600);
    EXPECT_EQ(check_token(folder_ / "none", false).front().outcome, Outcome::pass);
    EXPECT_EQ(check_token(token, false).front().outcome, Outcome::warn);
    EXPECT_EQ(check_token(token, true).front().outcome, Outcome::pass);
    EXPECT_EQ(check_token(folder_ / "none", true).front().outcome, Outcome::fail);
}

TEST(Recipients, AreTwoAtLeastAndEachIsAKey) {
    const std::string team = "age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52";
    const std::string safe = "age1lwhj5h7mwu9twehhcwc9ksc98wp6nudu9h6g8uck5d5sulpk3a2s9fk8lk";
    EXPECT_EQ(check_recipients({team, safe}, true).front().outcome, Outcome::pass);
    EXPECT_EQ(check_recipients({team}, true).front().outcome, Outcome::warn);
    EXPECT_EQ(check_recipients({team, team}, true).front().outcome, Outcome::warn) << "one key twice is one key";
    EXPECT_EQ(check_recipients({}, false).front().outcome, Outcome::warn);
    std::string slip = team;
    std::swap(slip[10], slip[11]);
    EXPECT_EQ(check_recipients({safe, slip}, true).front().outcome, Outcome::fail);
}

TEST(Identities, ThatWereNotTriedAreUnknown) {
    test::MemoryStore store;
    const catalogue::Catalogue empty;
    EXPECT_EQ(check_identities(store, &empty, {}).front().outcome, Outcome::unknown);
    const auto key = age::Identity::generate();
    ASSERT_TRUE(key);
    EXPECT_EQ(check_identities(store, nullptr, {*key}).front().outcome, Outcome::unknown);
    EXPECT_EQ(check_identities(store, &empty, {*key}).front().outcome, Outcome::unknown);
}

}  // namespace
}  // namespace lifeboat::doctor
