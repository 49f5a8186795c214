// What the doctor makes of a store, played by one in memory and by a probe on script.
#include "doctor/store_checks.hpp"

#include "backup/restore_text.hpp"
#include "support/memory_store.hpp"
#include "unit/catalogue/samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace lifeboat::doctor {
namespace {

using std::chrono::days;
using std::chrono::hours;
using store::Deletion;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Error denied{ErrorKind::failed, "denied", "give the key the right to do it: readBuckets", {}};
const Error too_late{ErrorKind::interrupted, "stopped", {}, {}};

std::string in(std::chrono::seconds time) {
    return os::utc_text(std::chrono::system_clock::now() + time);
}

// A bucket in order, but for what a test says.
class ScriptedProbe final : public store::BucketProbe {
public:
    explicit ScriptedProbe(test::MemoryStore& store) : store_(store) {}

    store::Greeting greet(const std::string&) override { return greeting; }
    Result<s3::Versioning> versioning() override { return versions; }
    Result<s3::ObjectLockReply> object_lock() override { return lock; }
    Result<store::LockOfObject> lock_of(const store::ObjectKey& key, const std::string&) override {
        if (key.text() == "clinic/doctor") {
            return absence;
        }
        return lock_of_object;
    }
    Result<std::vector<s3::LifecycleRule>> rules() override { return lifecycle; }
    Status may_write(const store::ObjectKey&) override { return write; }
    Result<Deletion> try_to_delete(const store::ObjectKey& key, const std::string& version_id) override {
        asked_to_delete.emplace_back(key.text(), version_id);
        const bool of_restore_text = key.text() == "clinic/RESTORE.txt";
        if (!may_delete || (of_restore_text && holds_to_locks)) {
            return Deletion::refused;
        }
        EXPECT_TRUE(store_.remove(key, version_id));
        return Deletion::done;
    }
    [[nodiscard]] std::optional<std::chrono::seconds> clock_offset() const override { return offset; }

    store::Greeting greeting{done(), true, false, "eu-west-1"};
    Result<s3::Versioning> versions = s3::Versioning::on;
    Result<s3::ObjectLockReply> lock = s3::ObjectLockReply{true, s3::DefaultRetention{"COMPLIANCE", 30}};
    Result<store::LockOfObject> lock_of_object = store::LockOfObject{"COMPLIANCE", in(days(30))};
    Result<std::vector<s3::LifecycleRule>> lifecycle = std::vector<s3::LifecycleRule>{};
    Status write = done();
    Error absence{ErrorKind::not_found, "no such key", {}, {}};
    bool may_delete = true;
    bool holds_to_locks = true;
    std::optional<std::chrono::seconds> offset = std::chrono::seconds(1);
    std::vector<std::pair<std::string, std::string>> asked_to_delete;

private:
    test::MemoryStore& store_;
};

class AStore : public testing::Test {
protected:
    StoreFindings checked() {
        StoreQuestions questions{store, *catalogue::Layout::of("clinic")};
        questions.probe = &probe;
        questions.endpoint_host = host;
        questions.retention = retention;
        questions.max_duration = hours(6);
        questions.expires_after = expires_after;
        questions.now = std::chrono::system_clock::now();
        questions.lock_days = lock_days;
        questions.for_reading = for_reading;
        return check_store(questions);
    }
    static std::vector<Finding> all_of(const StoreFindings& found, const std::string& check) {
        std::vector<Finding> those;
        for (const auto& finding : found.findings) {
            if (finding.check == check) {
                those.push_back(finding);
            }
        }
        return those;
    }
    static Finding of(const StoreFindings& found, const std::string& check) {
        const auto those = all_of(found, check);
        EXPECT_THAT(those, SizeIs(1)) << check;
        return those.empty() ? Finding{} : those.front();
    }
    static Outcome outcome(const StoreFindings& found, const std::string& check) { return of(found, check).outcome; }

    void put_backup() {
        const auto layout = *catalogue::Layout::of("clinic");
        auto manifest = catalogue::simple_manifest();
        const auto data = layout.database(manifest.id, "shop", catalogue::Encrypted::no);
        manifest.instance = "clinic";
        manifest.databases = {catalogue::database("shop", {catalogue::object(data)})};
        manifest.globals = {};
        ASSERT_TRUE(store::put(store, data, stream::as_bytes("abc")));
        ASSERT_TRUE(store::put(store, layout.manifest(manifest.id), stream::as_bytes(to_json(manifest))));
    }
    void put_restore_text() { ASSERT_TRUE(backup::write_restore_text(store, *catalogue::Layout::of("clinic"))); }
    std::vector<std::string> stored() {
        std::vector<std::string> keys;
        EXPECT_TRUE(store.list("", [&](const store::ObjectInfo& info) {
            keys.push_back(info.key.text() + " " + info.version_id);
            return done();
        }));
        return keys;
    }

    test::MemoryStore store{test::MemoryStore::Versions::kept};
    ScriptedProbe probe{store};
    std::string host = "s3.eu-west-1.amazonaws.com";
    std::optional<std::chrono::milliseconds> expires_after;
    std::optional<std::uint64_t> lock_days;
    catalogue::RetentionRecord retention{30, 7};
    bool for_reading = false;
};

TEST_F(AStore, InOrderPassesAndIsLeftAsItIs) {
    put_restore_text();
    const auto before = stored();
    const auto found = checked();
    for (const auto* check : {"place", "store", "region", "list", "write", "read", "clock", "versioning", "object lock",
                              "deletion", "lock enforced", "rules", "leftovers"}) {
        EXPECT_EQ(outcome(found, check), Outcome::pass) << check << ": " << of(found, check).text;
    }
    EXPECT_EQ(stored(), before);
    EXPECT_EQ(found.sights.locks_hold, Right::yes);
}

TEST_F(AStore, ThatDoesNotAnswerFailsAtOnce) {
    probe.greeting = {too_late, false, false, "eu-west-1"};
    const auto found = checked();
    EXPECT_EQ(outcome(found, "store"), Outcome::fail);
    EXPECT_THAT(all_of(found, "write"), IsEmpty());
    EXPECT_EQ(found.sights.writes, Right::unknown);
}

TEST_F(AStore, InAnotherRegionSaysSo) {
    probe.greeting = {denied, false, true, "eu-west-1"};
    EXPECT_EQ(outcome(checked(), "region"), Outcome::fail);
}

TEST_F(AStore, ThatMayNotBeListedFailsThereAndIsLookedAtAllTheSame) {
    probe.greeting = {denied, true, false, "eu-west-1"};
    const auto found = checked();
    EXPECT_EQ(outcome(found, "list"), Outcome::fail);
    EXPECT_EQ(outcome(found, "store"), Outcome::pass);
    EXPECT_EQ(outcome(found, "write"), Outcome::pass);
    EXPECT_FALSE(found.catalogue);
}

TEST_F(AStore, ThatMayNotBeWrittenToFails) {
    probe.write = denied;
    const auto found = checked();
    EXPECT_EQ(outcome(found, "write"), Outcome::fail);
    EXPECT_EQ(found.sights.writes, Right::no);
    for_reading = true;
    EXPECT_EQ(outcome(checked(), "write"), Outcome::pass);
    probe.write = Error{ErrorKind::temporary, "busy", "later", {}};
    EXPECT_EQ(outcome(checked(), "write"), Outcome::fail) << "that is no refusal";
}

TEST_F(AStore, KeepsTheRightUnknownWhereTheStoreWasUnwell) {
    probe.write = Error{ErrorKind::temporary, "busy", "later", {}};
    EXPECT_EQ(checked().sights.writes, Right::unknown);
}

TEST_F(AStore, WhoseSettingsTheKeyMayNotSeeIsUnknownAndNeverPasses) {
    probe.versions = denied;
    probe.lock = denied;
    probe.lifecycle = denied;
    const auto found = checked();
    for (const auto* check : {"versioning", "object lock", "rules"}) {
        EXPECT_EQ(outcome(found, check), Outcome::unknown) << check;
        EXPECT_THAT(of(found, check).cure, HasSubstr("readBuckets")) << check;
    }
    EXPECT_FALSE(found.sights.versioning || found.sights.locked_days);
}

TEST_F(AStore, OfBackblazeKeepsVersionsWhateverTheKeyMaySee) {
    host = "s3.us-west-004.backblazeb2.com";
    probe.versions = denied;
    const auto found = checked();
    EXPECT_EQ(outcome(found, "versioning"), Outcome::pass);
    EXPECT_TRUE(found.sights.b2);
}

TEST_F(AStore, WithoutVersionsWarns) {
    for (const auto versions : {s3::Versioning::off, s3::Versioning::suspended}) {
        probe.versions = versions;
        EXPECT_EQ(outcome(checked(), "versioning"), Outcome::warn);
    }
}

TEST_F(AStore, WarnsOfEveryLockThatIsTooWeak) {
    for (const auto& lock : {s3::ObjectLockReply{}, s3::ObjectLockReply{true, std::nullopt},
                             s3::ObjectLockReply{true, s3::DefaultRetention{"GOVERNANCE", 30}},
                             s3::ObjectLockReply{true, s3::DefaultRetention{"COMPLIANCE", 29}}}) {
        probe.lock = lock;
        EXPECT_EQ(outcome(checked(), "object lock"), Outcome::warn);
    }
}

// keep_days is what a lock is held against.
TEST_F(AStore, IsNotTakenToBeLockedForLongEnoughWhereNothingSaysForHowLong) {
    retention = {0, 7, 0, 12};
    EXPECT_EQ(outcome(checked(), "object lock"), Outcome::unknown);
}

TEST_F(AStore, WhoseRulesTakeWhatIsKeptForMonthsFails) {
    s3::LifecycleRule rule;
    rule.days = 60;
    rule.noncurrent_days = 7;
    probe.lifecycle = std::vector{rule};
    EXPECT_EQ(outcome(checked(), "rules"), Outcome::pass);
    retention.keep_monthly = 12;
    EXPECT_EQ(outcome(checked(), "rules"), Outcome::fail);
}

TEST_F(AStore, IsLockedByWhatEachUploadAsksFor) {
    probe.lock = s3::ObjectLockReply{true, std::nullopt};
    lock_days = 30;
    const auto found = checked();
    EXPECT_EQ(outcome(found, "object lock"), Outcome::pass);
    EXPECT_EQ(found.sights.locked_days, 30U);
}

TEST_F(AStore, ThatDoesNotHoldToItsLocksFailsAndGetsTheTextBack) {
    put_restore_text();
    probe.holds_to_locks = false;
    const auto found = checked();
    EXPECT_EQ(outcome(found, "lock enforced"), Outcome::fail);
    EXPECT_EQ(found.sights.locks_hold, Right::no);
    EXPECT_THAT(stored(), SizeIs(1));
    EXPECT_THAT(stored().front(), HasSubstr("clinic/RESTORE.txt"));
}

TEST_F(AStore, IsNotAskedToDeleteWhatIsNotLocked) {
    put_restore_text();
    probe.holds_to_locks = false;
    probe.lock = s3::ObjectLockReply{};
    const auto before = stored();
    const auto found = checked();
    EXPECT_EQ(found.sights.deletes, Right::yes);
    EXPECT_EQ(stored(), before);
    EXPECT_THAT(all_of(found, "lock enforced"), IsEmpty());
}

// Whatever the bucket says of new objects.
TEST_F(AStore, IsNotAskedToDeleteATextThatIsNotLockedItself) {
    put_restore_text();
    probe.holds_to_locks = false;
    const auto before = stored();
    for (const Result<store::LockOfObject>& lock :
         {Result(store::LockOfObject{}), Result(store::LockOfObject{"COMPLIANCE", in(-hours(1))}),
          Result(store::LockOfObject{"COMPLIANCE", in(std::chrono::seconds(5))}),
          Result(store::LockOfObject{"COMPLIANCE", "for ever"}), Result(store::LockOfObject{"GOVERNANCE", in(days(9))}),
          Result<store::LockOfObject>(denied)}) {
        probe.lock_of_object = lock;
        const auto found = checked();
        EXPECT_EQ(outcome(found, "lock enforced"), Outcome::unknown);
        EXPECT_EQ(found.sights.locks_hold, Right::unknown);
        EXPECT_EQ(stored(), before);
    }
}

TEST_F(AStore, TellsWhenALockEndsByItsOwnClock) {
    put_restore_text();
    probe.holds_to_locks = false;
    probe.lock_of_object = store::LockOfObject{"COMPLIANCE", in(hours(1))};
    probe.offset = hours(2);
    EXPECT_EQ(outcome(checked(), "lock enforced"), Outcome::unknown);
}

TEST_F(AStore, PassesTheNewestBackupThatNobodyMayDelete) {
    put_backup();
    EXPECT_EQ(outcome(checked(), "newest backup"), Outcome::pass);
    auto with_a_fraction = in(days(1));
    with_a_fraction.insert(with_a_fraction.size() - 1, ".123456789");
    probe.lock_of_object = store::LockOfObject{"COMPLIANCE", with_a_fraction};
    EXPECT_EQ(outcome(checked(), "newest backup"), Outcome::pass);
}

TEST_F(AStore, WarnsOfANewestBackupThatSomebodyMayDelete) {
    put_backup();
    probe.lock_of_object = store::LockOfObject{"COMPLIANCE", in(-hours(1))};
    EXPECT_EQ(outcome(checked(), "newest backup"), Outcome::warn);
    EXPECT_THAT(of(checked(), "newest backup").text, HasSubstr("not locked any more"));
    probe.lock_of_object = store::LockOfObject{"GOVERNANCE", in(days(30))};
    EXPECT_EQ(outcome(checked(), "newest backup"), Outcome::warn);
    EXPECT_THAT(of(checked(), "newest backup").text, HasSubstr("governance"));
}

TEST_F(AStore, WhoseNewestLockIsNotSeenIsUnknown) {
    put_backup();
    for (const auto& lock : {store::LockOfObject{}, store::LockOfObject{"COMPLIANCE", ""},
                             store::LockOfObject{"COMPLIANCE", "for ever"}}) {
        probe.lock_of_object = lock;
        EXPECT_EQ(outcome(checked(), "newest backup"), Outcome::unknown);
    }
}

TEST_F(AStore, ThatIsNotListedHasBackupsThatNobodySaw) {
    EXPECT_TRUE(checked().sights.catalogue);
    probe.greeting = {denied, true, false, "eu-west-1"};
    EXPECT_FALSE(checked().sights.catalogue);
}

// Its refusal may be the lock's or the key's: nobody can tell.
TEST_F(AStore, HoldsToItsLocksAsFarAsAKeyThatMayNotDeleteCanTellWhichIsNotAtAll) {
    put_restore_text();
    probe.may_delete = false;
    const auto found = checked();
    EXPECT_EQ(found.sights.deletes, Right::no);
    EXPECT_EQ(outcome(found, "lock enforced"), Outcome::unknown);
    EXPECT_THAT(probe.asked_to_delete, SizeIs(1));
    EXPECT_EQ(probe.asked_to_delete.front().first, "clinic/doctor");
}

TEST_F(AStore, OfBackblazeTellsARefusalFromAbsenceOrIsNotBelieved) {
    host = "s3.us-west-004.backblazeb2.com";
    put_restore_text();
    probe.may_delete = false;
    EXPECT_EQ(checked().sights.deletes, Right::no);
    probe.absence = denied;
    const auto found = checked();
    EXPECT_EQ(found.sights.deletes, Right::unknown);
    EXPECT_THAT(all_of(found, "deletion"), IsEmpty());
}

TEST_F(AStore, IsNeverAskedToDeleteByNameWhereThatWouldHide) {
    probe.versions = denied;
    (void)checked();
    probe.versions = s3::Versioning::suspended;
    (void)checked();
    EXPECT_THAT(probe.asked_to_delete, IsEmpty());
    probe.versions = s3::Versioning::off;
    const auto found = checked();
    ASSERT_THAT(probe.asked_to_delete, SizeIs(1));
    EXPECT_EQ(probe.asked_to_delete.front().second, "");
    EXPECT_EQ(found.sights.deletes, Right::yes);
}

TEST_F(AStore, WhoseClockIsOffIsToldOf) {
    probe.offset = std::chrono::seconds(61);
    EXPECT_EQ(outcome(checked(), "clock"), Outcome::warn);
    EXPECT_THAT(of(checked(), "clock").text, HasSubstr("61 s behind"));
    probe.offset = std::chrono::seconds(-61);
    EXPECT_THAT(of(checked(), "clock").text, HasSubstr("61 s ahead"));
    probe.offset.reset();
    EXPECT_EQ(outcome(checked(), "clock"), Outcome::unknown);
}

TEST_F(AStore, NamesWhatLies) {
    host = "minio.storage.svc";
    EXPECT_EQ(outcome(checked(), "place"), Outcome::warn);
    host = "10.1.2.3";
    EXPECT_EQ(outcome(checked(), "place"), Outcome::unknown);
}

TEST_F(AStore, SaysWhatTheSettingsSayOfRulesThatTheKeyMayNotSee) {
    probe.lifecycle = denied;
    expires_after = days(60);
    EXPECT_THAT(of(checked(), "rules").text, HasSubstr("60 days"));
}

TEST_F(AStore, IsHeldAgainstRetentionByWhatTheSettingsSayOfUnseenRules) {
    probe.lifecycle = denied;
    retention = {30, 7, 0, 12};
    EXPECT_EQ(outcome(checked(), "rules"), Outcome::unknown) << "nothing says what they do";
    expires_after = days(60);
    const auto judged = all_of(checked(), "rules");
    ASSERT_THAT(judged, SizeIs(2));
    EXPECT_EQ(judged[0].outcome, Outcome::unknown);
    EXPECT_EQ(judged[1].outcome, Outcome::fail);
    EXPECT_THAT(judged[1].text, HasSubstr("store.expires_after says that the bucket takes backups away after 60 days"));
    EXPECT_THAT(judged[1].text, HasSubstr("keep_monthly is 12"));
    retention = {30, 7};
    EXPECT_EQ(outcome(checked(), "rules"), Outcome::unknown) << "and nothing else is said";
}

TEST_F(AStore, TellsRulesAndLocksThatAreNotThereFromThoseThatWereNotSeen) {
    probe.lock = s3::ObjectLockReply{};
    auto sights = checked().sights;
    EXPECT_TRUE(sights.rules_seen && sights.lock_seen);
    EXPECT_FALSE(sights.hidden_deleted_after || sights.locked_days);
    probe.lock = denied;
    probe.lifecycle = denied;
    sights = checked().sights;
    EXPECT_FALSE(sights.rules_seen || sights.lock_seen);
}

TEST_F(AStore, WhoseRulesUndoBackupsFails) {
    s3::LifecycleRule rule;
    rule.days = 7;
    rule.noncurrent_days = 3;
    probe.lifecycle = std::vector{rule};
    const auto found = checked();
    EXPECT_EQ(outcome(found, "rules"), Outcome::fail);
    EXPECT_EQ(found.sights.hidden_deleted_after, 3U);
}

TEST_F(AStore, WithDataThatHasNoManifestSaysSo) {
    const auto key = store::ObjectKey::parse("clinic/data/20261122T021700Z-7f3a/app.dump.zst.age").value();
    ASSERT_TRUE(store::put(store, key, stream::as_bytes("data")));
    EXPECT_EQ(outcome(checked(), "leftovers"), Outcome::warn);
}

TEST_F(AStore, WhoseVersionsAreUnseenSaysSo) {
    store.hide_what_is_hidden();
    EXPECT_EQ(outcome(checked(), "versions"), Outcome::unknown);
}

class AFolder : public testing::Test {
protected:
    AFolder() {
        std::string pattern = testing::TempDir() + "doctor-XXXXXX";
        folder = ::mkdtemp(pattern.data());
    }
    ~AFolder() override { std::filesystem::remove_all(folder); }

    StoreFindings checked(const std::filesystem::path& place) {
        StoreQuestions questions{store, *catalogue::Layout::of("clinic")};
        questions.folder = place;
        return check_store(questions);
    }

    test::MemoryStore store;
    std::filesystem::path folder;
};

TEST_F(AFolder, ThatIsNotThereIsNotMade) {
    const auto found = checked(folder / "a" / "b");
    EXPECT_EQ(found.findings.back().check, "write");
    EXPECT_EQ(found.findings.back().outcome, Outcome::pass);
    EXPECT_EQ(found.sights.deletes, Right::yes);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(AFolder, BelowAFileCannotBeWrittenTo) {
    ASSERT_TRUE(std::ofstream(folder / "file"));
    const auto found = checked(folder / "file" / "store");
    EXPECT_EQ(found.findings.back().outcome, Outcome::fail);
    EXPECT_EQ(found.sights.writes, Right::no);
}

}  // namespace
}  // namespace lifeboat::doctor
