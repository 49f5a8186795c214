#include "os/memory_file.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

namespace lifeboat::os {
namespace {

TEST(MemoryFile, HoldsItsContentFromTheStart) {
    const std::string content("line\n\0binary", 12);
    const auto file = memory_file("test", Secret(content));
    ASSERT_TRUE(file);
    EXPECT_EQ(read_all(file->get(), "the file", 100).value(), content);
    EXPECT_EQ(read_file(memory_file_path(file->get()), 100).value(), content) << "and for whoever opens its path";
}

TEST(MemoryFile, IsForItsOwnerAlone) {
    const auto file = memory_file("test", Secret("x"));
    ASSERT_TRUE(file);
    struct stat facts {};
    ASSERT_EQ(::fstat(file->get(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0600U);
}

TEST(MemoryFile, HasNoNameAndIsNotInherited) {
    const auto file = memory_file("test", Secret("x"));
    ASSERT_TRUE(file);
    struct stat facts {};
    ASSERT_EQ(::fstat(file->get(), &facts), 0);
    EXPECT_EQ(facts.st_nlink, 0U);
    EXPECT_EQ(::fcntl(file->get(), F_GETFD), FD_CLOEXEC);
}

}  // namespace
}  // namespace lifeboat::os
