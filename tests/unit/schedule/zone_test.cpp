#include "schedule/zone.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

#include "times.hpp"

namespace lifeboat::schedule {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_seconds;
using testing::AllOf;
using testing::HasSubstr;

// A time zone database of our own making.
class Zones {
public:
    Zones() {
        std::string pattern = "/tmp/lifeboat-zones-XXXXXX";
        path_ = mkdtemp(pattern.data());
        std::filesystem::create_directory(path_ / "Europe");
    }
    Zones(const Zones&) = delete;
    Zones& operator=(const Zones&) = delete;
    ~Zones() { std::filesystem::remove_all(path_); }

    void write(const std::string& name, const std::string& content) const {
        std::ofstream(path_ / name, std::ios::binary) << content;
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

std::string system_file(const std::string& name) {
    std::ifstream file(system_zoneinfo / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Error refusal(const Result<Zone>& zone) {
    EXPECT_FALSE(zone.ok());
    return zone ? Error{} : zone.error();
}

TEST(Utc, NeedsNoDatabase) {
    for (const std::string name : {"UTC", "Etc/UTC", "GMT", "Zulu"}) {
        const auto zone = Zone::find(name, "/nonexistent/zoneinfo");
        ASSERT_TRUE(zone.ok()) << zone.error().what;
        EXPECT_EQ(zone->name(), name);
        EXPECT_EQ(zone->at(sys_seconds(1'800'000'000s)).offset, 0s);
        EXPECT_EQ(zone->first_instant(std::chrono::local_seconds(5s)), sys_seconds(5s));
    }
}

TEST(AZone, CannotBeFoundWithoutADatabase) {
    const Error error = refusal(Zone::find("Europe/Berlin", "/nonexistent/zoneinfo"));
    EXPECT_EQ(error.kind, ErrorKind::not_found);
    EXPECT_THAT(error.what,
                AllOf(HasSubstr("'Europe/Berlin'"), HasSubstr("no time zone database in /nonexistent/zoneinfo")));
    EXPECT_THAT(error.next, AllOf(HasSubstr("tzdata"), HasSubstr("\"UTC\"")));
}

TEST(AZone, MustBeInTheDatabase) {
    for (const std::string name : {"Europe/Berlim", "Europe", "europe/berlin", "Mars/Olympus", "right/Europe/Berlin"}) {
        const Error error = refusal(Zone::find(name));
        EXPECT_EQ(error.kind, ErrorKind::usage) << name;
        EXPECT_THAT(error.what, HasSubstr("'" + name + "' is no known time zone"));
    }
}

TEST(AZone, CannotBeAPath) {
    for (const std::string name : {"", "/etc/localtime", "../etc/passwd", "Europe/", "Europe/Ber lin", "a\nb"}) {
        EXPECT_EQ(refusal(Zone::find(name)).kind, ErrorKind::usage) << name;
        EXPECT_FALSE(Zone::check_name(name).ok()) << name;
    }
    EXPECT_TRUE(Zone::check_name("America/Argentina/Buenos_Aires").ok());
    EXPECT_TRUE(Zone::check_name("Etc/GMT+5").ok());
}

// The library ends the process over these, so they must not get there.
TEST(AFileThatIsNoZone, IsNotGivenToTheLibrary) {
    const Zones zones;
    zones.write("zone1970.tab", std::string(500, 'x'));
    zones.write("Europe/Berlin", "");
    EXPECT_THAT(refusal(Zone::find("Europe/Berlin", zones.path())).what, HasSubstr("is no known time zone"));
    zones.write("leapseconds", std::string(500, '#'));
    EXPECT_THAT(refusal(Zone::find("leapseconds", zones.path())).what, HasSubstr("is no known time zone"));
    EXPECT_THAT(refusal(Zone::find("leap-seconds.list")).what, HasSubstr("is no time zone"));
}

// In the slim form the rule behind the transitions stands for those to come, and the library does not read it.
TEST(AFileThatLeavesTransitionsToItsRule, IsRefused) {
    const Zones zones;
    std::filesystem::create_directory(zones.path() / "Asia");
    const std::string tokyo = system_file("Asia/Tokyo");
    ASSERT_THAT(tokyo, testing::EndsWith("\nJST-9\n"));
    zones.write("Asia/Tokyo", tokyo);
    EXPECT_TRUE(Zone::find("Asia/Tokyo", zones.path()).ok());
    zones.write("Asia/Tokyo", tokyo.substr(0, tokyo.size() - 1) + "JDT,M3.5.0,M10.5.0/3\n");
    const Error error = refusal(Zone::find("Asia/Tokyo", zones.path()));
    EXPECT_EQ(error.kind, ErrorKind::corrupt);
    EXPECT_THAT(error.what, HasSubstr("does not list when clocks change"));
}

TEST(AFileOfTheOldestForm, IsRefused) {
    const Zones zones;
    zones.write("Europe/Berlin", "TZif" + std::string(200, '\0'));
    const Error error = refusal(Zone::find("Europe/Berlin", zones.path()));
    EXPECT_EQ(error.kind, ErrorKind::corrupt);
    EXPECT_THAT(error.what, HasSubstr("Europe/Berlin cannot be used"));
    EXPECT_THAT(error.next, HasSubstr("tzdata"));
}

TEST(AZone, HasItsPeriods) {
    const auto zone = Zone::find("Europe/Berlin");
    ASSERT_TRUE(zone.ok());
    const Period winter = zone->at(std::chrono::floor<std::chrono::seconds>(utc("2026-01-01")));
    EXPECT_EQ(winter.offset, 1h);
    EXPECT_EQ(text_of(winter.begin), "2025-10-26T01:00:00Z");
    EXPECT_EQ(text_of(winter.end), "2026-03-29T01:00:00Z");
    EXPECT_EQ(zone->at(winter.end).offset, 2h);
    EXPECT_EQ(zone->at(winter.end - 1s).offset, 1h);
}

TEST(ALocalTime, HasAFirstInstant) {
    const auto zone = Zone::find("Europe/Berlin");
    ASSERT_TRUE(zone.ok());
    const auto first = [&](const std::string& local) {
        return text_of(zone->first_instant(
            std::chrono::local_seconds(std::chrono::floor<std::chrono::seconds>(utc(local)).time_since_epoch())));
    };
    EXPECT_EQ(first("2026-07-01 12:00"), "2026-07-01T10:00:00Z");
    EXPECT_EQ(first("2026-10-25 02:30"), "2026-10-25T00:30:00Z");  // comes twice
    EXPECT_EQ(first("2026-10-25 03:00"), "2026-10-25T02:00:00Z");
    EXPECT_EQ(first("2026-03-29 02:00"), "2026-03-29T01:00:00Z");  // does not exist
    EXPECT_EQ(first("2026-03-29 02:59"), "2026-03-29T01:00:00Z");
    EXPECT_EQ(first("2026-03-29 03:00"), "2026-03-29T01:00:00Z");
    EXPECT_EQ(first("2026-03-29 01:59"), "2026-03-29T00:59:00Z");
}

}  // namespace
}  // namespace lifeboat::schedule
