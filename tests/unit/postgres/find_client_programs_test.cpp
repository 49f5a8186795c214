#include "postgres/client_program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <filesystem>
#include <fstream>

namespace lifeboat::postgres {
namespace {

using testing::HasSubstr;
using testing::Not;

// A folder like Debian's /usr/lib/postgresql, with programs that tell a version and do nothing.
class FindClientPrograms : public testing::Test {
protected:
    void SetUp() override {
        std::string folder = std::filesystem::temp_directory_path() / "lifeboat-clients-XXXXXX";
        ASSERT_NE(::mkdtemp(folder.data()), nullptr);
        root_ = folder;
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    [[nodiscard]] std::string bin_dir() const { return root_ + "/{major}/bin"; }

    void install(const std::string& folder, const std::string& version) const {
        for (const char* name : {"pg_dump", "pg_dumpall", "pg_restore"}) {
            install_one(folder, name, "echo '" + std::string(name) + " (PostgreSQL) " + version + " (Debian)'");
        }
    }
    void install_one(const std::string& folder, const std::string& name, const std::string& script) const {
        const std::filesystem::path file = root_ + "/" + folder + "/bin/" + name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    }

    std::string root_;
};

TEST_F(FindClientPrograms, TakesThoseOfTheServersMajor) {
    install("15", "15.20");
    install("17", "17.6");
    const auto programs = find_client_programs(bin_dir(), 15);
    ASSERT_TRUE(programs);
    EXPECT_EQ(programs->major, 15);
    EXPECT_EQ(programs->version, "15.20");
    EXPECT_EQ(programs->pg_dump, root_ + "/15/bin/pg_dump");
    EXPECT_EQ(programs->pg_dumpall, root_ + "/15/bin/pg_dumpall");
    EXPECT_EQ(programs->pg_restore, root_ + "/15/bin/pg_restore");
}

TEST_F(FindClientPrograms, NamesThePackageAndTheMajorsThatAreThere) {
    install("13", "13.1");
    install("15", "15.20");
    const auto programs = find_client_programs(bin_dir(), 16);
    ASSERT_FALSE(programs);
    EXPECT_THAT(programs.error().what, HasSubstr("PostgreSQL 16"));
    EXPECT_THAT(programs.error().what, HasSubstr("(majors found: 13, 15)"));
    EXPECT_THAT(programs.error().next, HasSubstr("postgresql-client-16"));
}

TEST_F(FindClientPrograms, SaysSoWhenThereIsNone) {
    const auto programs = find_client_programs(bin_dir(), 16);
    ASSERT_FALSE(programs);
    EXPECT_THAT(programs.error().what, HasSubstr("(majors found: none)"));
}

TEST_F(FindClientPrograms, NamesTheOneOfThreeThatIsMissing) {
    install("15", "15.20");
    std::filesystem::remove(root_ + "/15/bin/pg_restore");
    const auto programs = find_client_programs(bin_dir(), 15);
    ASSERT_FALSE(programs);
    EXPECT_THAT(programs.error().what, HasSubstr("there is no " + root_ + "/15/bin/pg_restore"));
}

TEST_F(FindClientPrograms, RefusesAnotherMajorBehindTheRightName) {
    install("15", "17.6");
    const auto programs = find_client_programs(bin_dir(), 15);
    ASSERT_FALSE(programs);
    EXPECT_THAT(programs.error().what, HasSubstr("is of version 17.6, and the server is PostgreSQL 15"));
}

TEST_F(FindClientPrograms, TakesAFolderWithoutMajor) {
    install("any", "15.20");
    const auto folder = root_ + "/any/bin";
    EXPECT_TRUE(find_client_programs(folder, 15));
    std::filesystem::remove(folder + "/pg_dumpall");
    const auto programs = find_client_programs(folder, 15);
    ASSERT_FALSE(programs);
    EXPECT_THAT(programs.error().what, Not(HasSubstr("majors found"))) << "every major would be found there";
}

TEST_F(FindClientPrograms, RefusesAProgramThatDoesNotRun) {
    install("15", "15.20");
    install_one("15", "pg_dump", "exit 1");
    const auto programs = find_client_programs(bin_dir(), 15);
    ASSERT_FALSE(programs);
    EXPECT_THAT(programs.error().what, HasSubstr("named no version"));
}

TEST_F(FindClientPrograms, RefusesAMinorThatLosesDataByName) {
    install("18", "18.1");
    const auto programs = find_client_programs(bin_dir(), 18);
    ASSERT_FALSE(programs);
    EXPECT_THAT(programs.error().what, HasSubstr("18.1"));
    EXPECT_THAT(programs.error().next, HasSubstr("18.2"));
    install("18", "18.2");
    EXPECT_TRUE(find_client_programs(bin_dir(), 18));
}

}  // namespace
}  // namespace lifeboat::postgres
