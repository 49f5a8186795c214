// Against the age and age-keygen of Debian: what either side writes, the other opens.
#include "round_trip.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace lifeboat::age {
namespace {

using testing::HasSubstr;

// A public key made for this test; its secret key exists no more.
constexpr std::string_view ssh_recipient =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJvMI9NP5mfBG4WP+b1Ob9Pl5zCwi/eDgoyUkd6bcYIj";

struct Outcome {
    int exit_code = -1;
    std::string out;
    std::string err;
};

class AgeTool : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = std::filesystem::temp_directory_path() / "lifeboat-age-XXXXXX";  // heeds TMPDIR
        ASSERT_NE(mkdtemp(pattern.data()), nullptr) << std::strerror(errno);
        folder_ = pattern;
    }

    void TearDown() override {
        if (!folder_.empty()) {
            std::filesystem::remove_all(folder_);
        }
    }

    [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

    [[nodiscard]] std::string read(const std::string& name) const {
        std::ifstream file(path(name), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    [[nodiscard]] std::string write(const std::string& name, std::string_view text) const {
        std::ofstream(path(name), std::ios::binary) << text;
        return path(name);
    }

    // Runs a program of the package with this as its standard input.
    Outcome run(std::vector<std::string> arguments, std::string_view input = {}) const {
        posix_spawn_file_actions_t files{};
        posix_spawn_file_actions_init(&files);
        const std::string in = write("stdin", input);
        const std::string out = path("stdout");
        const std::string err = path("stderr");
        posix_spawn_file_actions_addopen(&files, 0, in.c_str(), O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        std::vector<char*> argv;
        for (std::string& argument : arguments) {
            argv.push_back(argument.data());
        }
        argv.push_back(nullptr);
        pid_t child = 0;
        const int problem = posix_spawnp(&child, argv[0], &files, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&files);
        if (problem != 0) {
            ADD_FAILURE() << "cannot run " << arguments[0] << " (" << std::strerror(problem)
                          << "): install the Debian package 'age'";
            return {};
        }
        int status = 0;
        waitpid(child, &status, 0);
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("stdout"), read("stderr")};
    }

    // What `age -d` makes of a file, given this identity.
    Outcome age_opens(const std::string& file, const Identity& identity) const {
        const std::string key = write("key.txt", identity.text().reveal());
        return run({"age", "-d", "-i", key}, file);
    }

    // What `age` makes of a plaintext, for these recipients.
    std::string age_writes(const std::vector<std::string>& recipients, std::string_view plaintext) const {
        std::vector<std::string> arguments{"age"};
        for (const std::string& recipient : recipients) {
            arguments.insert(arguments.end(), {"-r", recipient});
        }
        const Outcome outcome = run(arguments, plaintext);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return outcome.out;
    }

    // Around every boundary of a chunk.
    const std::vector<std::size_t> sizes_{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 5 * chunk + 4711};

private:
    std::filesystem::path folder_;
};

TEST_F(AgeTool, OpensWhatWeWrite) {
    const Identity identity = new_identity();
    for (const std::size_t size : sizes_) {
        const std::string plaintext = sample(size);
        const Outcome outcome = age_opens(encrypt({identity.recipient()}, plaintext, 4093), identity);
        EXPECT_EQ(outcome.exit_code, 0) << size << " bytes: " << outcome.err;
        EXPECT_TRUE(outcome.out == plaintext) << size << " bytes";
    }
}

TEST_F(AgeTool, OpensWhatWeWriteWithEachOfSeveralIdentities) {
    const std::vector<Identity> identities{new_identity(), new_identity(), new_identity()};
    const std::string file =
        encrypt({identities[0].recipient(), identities[1].recipient(), identities[2].recipient()}, "for three");
    for (const Identity& identity : identities) {
        EXPECT_EQ(age_opens(file, identity).out, "for three");
    }
}

TEST_F(AgeTool, WritesWhatWeOpen) {
    const Identity identity = new_identity();
    for (const std::size_t size : sizes_) {
        const std::string plaintext = sample(size);
        const Opened opened = decrypt({identity}, age_writes({identity.recipient().text()}, plaintext));
        ASSERT_TRUE(opened.status.ok()) << size << " bytes: " << opened.status.error().what;
        EXPECT_TRUE(opened.plaintext == plaintext) << size << " bytes";
    }
}

TEST_F(AgeTool, WritesToSeveralWhatEachOfUsOpens) {
    const std::vector<Identity> identities{new_identity(), new_identity()};
    const std::string file =
        age_writes({identities[0].recipient().text(), identities[1].recipient().text()}, "for two");
    for (const Identity& identity : identities) {
        EXPECT_EQ(decrypt({identity}, file).plaintext, "for two");
    }
}

TEST_F(AgeTool, MayAddAnSshRecipientWithoutDisturbingUs) {
    const Identity identity = new_identity();
    const std::string file =
        age_writes({std::string(ssh_recipient), identity.recipient().text()}, "for one and a shell");
    EXPECT_EQ(decrypt({identity}, file).plaintext, "for one and a shell");

    const Opened foreign = decrypt({new_identity()}, file);
    ASSERT_FALSE(foreign.status.ok());
    EXPECT_THAT(foreign.status.error().what, HasSubstr("1 X25519, 1 ssh-ed25519"));
}

TEST_F(AgeTool, WritesArmorThatWeCallByItsName) {
    const Identity identity = new_identity();
    const Outcome armored = run({"age", "-a", "-r", identity.recipient().text()}, "text");
    ASSERT_EQ(armored.exit_code, 0) << armored.err;
    const Opened opened = decrypt({identity}, armored.out);
    ASSERT_FALSE(opened.status.ok());
    EXPECT_EQ(opened.status.error().kind, ErrorKind::usage);
    EXPECT_THAT(opened.status.error().what, HasSubstr("armored"));
}

TEST_F(AgeTool, KeygenWritesAFileThatWeRead) {
    const Outcome made = run({"age-keygen"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const auto identities = parse_identities(made.out, "key.txt");
    ASSERT_TRUE(identities.ok()) << identities.error().what;
    ASSERT_EQ(identities->size(), 1U);
    EXPECT_THAT(made.out, HasSubstr("# public key: " + identities->front().recipient().text() + "\n"));
}

TEST_F(AgeTool, KeygenFindsTheSamePublicKeyInAnIdentityOfOurs) {
    const Identity identity = new_identity();
    const Outcome converted = run({"age-keygen", "-y"}, identity.text().reveal());
    EXPECT_EQ(converted.exit_code, 0) << converted.err;
    EXPECT_EQ(converted.out, identity.recipient().text() + "\n");
}

}  // namespace
}  // namespace lifeboat::age
