// What somebody did to a backup in a store that keeps versions.
#include "catalogue/catalogue.hpp"

#include "samples.hpp"
#include "support/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::catalogue {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// One backup, whose manifest reached the store on 1 November and asks for 30 days.
class VersionsOfAManifest : public testing::Test {
protected:
    void SetUp() override {
        manifest_.retention.keep_days = 30;
        for (const auto& object : manifest_.all_objects()) {
            put(object.key, "abc");
        }
        put(key_, to_json(manifest_));
        store_.set_modified(key_, at(2026, 11, 1));
    }

    void put(const store::ObjectKey& key, std::string_view content) {
        ASSERT_TRUE(store::put(store_, key, stream::as_bytes(content)));
    }
    Backup read(std::optional<std::chrono::milliseconds> expires_after = std::nullopt) {
        auto catalogue = read_catalogue(store_, app(), expires_after);
        if (!catalogue || catalogue->backups.size() != 1) {
            ADD_FAILURE() << "one backup was expected";
            return {manifest_, State::partial, {}};
        }
        EXPECT_THAT(catalogue->leftovers, IsEmpty());
        return catalogue->backups.front();
    }

    // Of the manifest's, by age, hide markers among them.
    std::string version_of(std::size_t place) {
        std::vector<std::string> ids;
        EXPECT_TRUE(store_.list(key_.text(), [&](const auto& info) {
            ids.push_back(info.version_id);
            return done();
        }));
        return ids.at(place);
    }

    test::MemoryStore store_{test::MemoryStore::Versions::kept};
    Manifest manifest_ = simple_manifest();
    store::ObjectKey key_ = app().manifest(manifest_.id);
};

TEST_F(VersionsOfAManifest, OneAloneIsGood) {
    EXPECT_EQ(read().state, State::good);
    EXPECT_EQ(read().tampering, "");
}

TEST_F(VersionsOfAManifest, AMarkerOnAYoungBackupHidesIt) {
    store_.hide(key_, at(2026, 11, 30, 23, 59, 59));
    const auto backup = read();
    EXPECT_EQ(backup.state, State::hidden);
    EXPECT_THAT(backup.tampering, HasSubstr("2026-11-30T23:59:59Z"));
    EXPECT_EQ(backup.stored, at(2026, 11, 1)) << "the time of the first version";
}

TEST_F(VersionsOfAManifest, AMarkerOnceTheManifestsOwnDaysAreOverIsTheBucketsRule) {
    store_.hide(key_, at(2026, 12, 1));
    const auto backup = read();
    EXPECT_EQ(backup.state, State::expired);
    EXPECT_EQ(backup.tampering, "");
}

TEST_F(VersionsOfAManifest, AKnownRuleOverrulesTheManifestsDays) {
    store_.hide(key_, at(2026, 12, 10));
    EXPECT_EQ(read(std::chrono::days(60)).state, State::hidden);
    EXPECT_EQ(read(std::chrono::days(39)).state, State::expired);
}

// Where the bucket says that it has no rule, it was somebody.
TEST_F(VersionsOfAManifest, NoRuleAtAllMakesEveryMarkerSomebodys) {
    store_.hide(key_, at(2027, 12, 10));
    EXPECT_EQ(read().state, State::expired) << "not known: by the manifest's own days";
    EXPECT_EQ(read(std::chrono::milliseconds(0)).state, State::hidden);
}

TEST_F(VersionsOfAManifest, WithoutAnyRuleEveryMarkerHides) {
    store_.overwrite(key_, "unused", at(2026, 11, 1));
    manifest_.retention.keep_days = 0;
    test::MemoryStore store(test::MemoryStore::Versions::kept);
    for (const auto& object : manifest_.all_objects()) {
        ASSERT_TRUE(store::put(store, object.key, stream::as_bytes("abc")));
    }
    ASSERT_TRUE(store::put(store, key_, stream::as_bytes(to_json(manifest_))));
    store.hide(key_, at(2099, 1, 1));
    EXPECT_EQ(read_catalogue(store, app())->backups.at(0).state, State::hidden);
}

TEST_F(VersionsOfAManifest, OtherBytesHideIt) {
    store_.overwrite(key_, to_json(simple_manifest(id_of("20261122T021700Z-ffff"))), at(2026, 11, 3));
    const auto backup = read();
    EXPECT_EQ(backup.state, State::hidden);
    EXPECT_EQ(backup.manifest.id, manifest_.id) << "what was written first";
    EXPECT_THAT(backup.tampering, HasSubstr("wrote over its manifest on 2026-11-03"));
}

TEST_F(VersionsOfAManifest, TheSameBytesAreAnotherTryOfItsWriter) {
    store_.overwrite(key_, to_json(manifest_), at(2026, 11, 1, 0, 1));
    EXPECT_EQ(read().state, State::good);
}

// A store that does not answer is nobody's tampering: then nothing is known.
TEST_F(VersionsOfAManifest, ALaterOneThatCannotBeReadNowIsAReasonToLookAgain) {
    store_.overwrite(key_, to_json(manifest_), at(2026, 11, 1, 0, 1));
    for (const auto kind : {ErrorKind::temporary, ErrorKind::interrupted}) {
        test::FaultScript script;
        script.fail("read", 2, {kind, "away", {}});
        test::FlakyStore flaky(store_, script);
        const auto catalogue = read_catalogue(flaky, app());
        ASSERT_FALSE(catalogue);
        EXPECT_EQ(catalogue.error().kind, kind);
    }
}

// Nor may whoever wrote one that nobody can read keep the others from being listed, or go unnoticed. That it is not
// there is what S3 says of a version under another's key of encryption (400), as of one of another store.
TEST_F(VersionsOfAManifest, ALaterOneThatCanNeverBeReadIsNamed) {
    store_.overwrite(key_, to_json(manifest_), at(2026, 11, 1, 0, 1));
    for (const auto kind : {ErrorKind::failed, ErrorKind::not_found}) {
        store_.withhold(key_, {kind, "the object was encrypted with another key", {}});
        const auto catalogue = read_catalogue(store_, app());
        ASSERT_TRUE(catalogue);
        EXPECT_EQ(catalogue->backups.at(0).state, State::good);
        EXPECT_EQ(catalogue->backups.at(0).tampering, "");
        ASSERT_THAT(catalogue->refused, SizeIs(1));
        EXPECT_EQ(catalogue->refused[0].kind, ErrorKind::corrupt) << "a reason for alarm";
        EXPECT_THAT(catalogue->refused[0].what, HasSubstr(key_.text()));
        EXPECT_THAT(catalogue->refused[0].what, HasSubstr("encrypted with another key"));
    }
}

TEST_F(VersionsOfAManifest, ALaterOneThatIsGoneByNowIsNone) {
    store_.overwrite(key_, to_json(manifest_), at(2026, 11, 1, 0, 1));
    store_.prune_when_read(key_);
    const auto catalogue = read_catalogue(store_, app());
    ASSERT_TRUE(catalogue);
    EXPECT_EQ(catalogue->backups.at(0).state, State::good);
    EXPECT_THAT(catalogue->refused, IsEmpty());
}

// ---- what somebody stored before the backup was finished ----

class WhatCameBeforeAManifest : public VersionsOfAManifest {
protected:
    void SetUp() override {
        manifest_.retention.keep_days = 30;
        for (const auto& object : manifest_.all_objects()) {
            put(object.key, "abc");
        }
    }
    // Somebody saw the data come.
    void come_first(const std::string& content, std::optional<Error> withheld = std::nullopt) {
        put(key_, content);
        store_.set_modified(key_, at(2026, 10, 31));
        if (withheld) {
            store_.withhold(key_, *std::move(withheld));
        }
    }
    void finish() { store_.overwrite(key_, to_json(manifest_), at(2026, 11, 1)); }

    void expect_hidden() {
        const auto backup = read();
        EXPECT_EQ(backup.state, State::hidden) << "never good: nothing tells who wrote it";
        EXPECT_EQ(backup.manifest.id, manifest_.id);
        EXPECT_EQ(backup.stored, at(2026, 11, 1)) << "the time of the version that is read";
        EXPECT_THAT(backup.tampering, HasSubstr("before it was written, on 2026-10-31"));
        const auto catalogue = read_catalogue(store_, app());
        EXPECT_EQ(resolve(*catalogue, {manifest_.id.text()})->backup->manifest.id, manifest_.id);
        EXPECT_FALSE(resolve(*catalogue, {"latest"})) << "but by its id alone";
    }
};

TEST_F(WhatCameBeforeAManifest, ThatNobodyCanReadDoesNotMakeTheBackupVanish) {
    come_first("under another's key", Error{ErrorKind::not_found, "400 InvalidRequest", {}});
    finish();
    expect_hidden();
}

TEST_F(WhatCameBeforeAManifest, ThatIsNoManifestDoesNotEither) {
    for (const auto& content : {std::string("{}"), to_json(simple_manifest(id_of("20261121T021700Z-0001"))),
                                std::string(R"({"format": "lifeboat-manifest/9"})")}) {
        ASSERT_TRUE(store_.remove(key_, ""));
        come_first(content);
        store_.hide(key_, at(2026, 10, 31, 1));  // so that the writer finds the name free
        finish();
        expect_hidden();
    }
}

TEST_F(WhatCameBeforeAManifest, IsFoundAlsoBehindSeveral) {
    come_first("{}");
    for (int minute = 1; minute < 4; ++minute) {
        store_.overwrite(key_, "more", at(2026, 10, 31, 0, minute));
        store_.withhold(key_, {ErrorKind::not_found, "400 InvalidRequest", {}});
    }
    finish();
    expect_hidden();
}

TEST_F(WhatCameBeforeAManifest, AloneIsRefused) {
    come_first("under another's key", Error{ErrorKind::not_found, "400 InvalidRequest", {}});
    test::FaultScript script;
    test::FlakyStore counted(store_, script);
    const auto catalogue = read_catalogue(counted, app());
    ASSERT_TRUE(catalogue) << catalogue.error().what;
    EXPECT_THAT(catalogue->backups, IsEmpty());
    ASSERT_THAT(catalogue->refused, SizeIs(1));
    EXPECT_EQ(catalogue->refused[0].kind, ErrorKind::corrupt);
    EXPECT_THAT(catalogue->refused[0].what, HasSubstr(key_.text()));
    ASSERT_THAT(catalogue->refused_backups, SizeIs(1));
    EXPECT_EQ(catalogue->refused_backups[0].id, manifest_.id);
    EXPECT_THAT(catalogue->leftovers, IsEmpty()) << "what it names may not be swept away";
    EXPECT_EQ(script.calls("list"), 2) << "the instance, and the one name again";
}

// Without the second listing nothing is known.
TEST_F(WhatCameBeforeAManifest, IsNoTamperingWhereTheStoreDoesNotAnswer) {
    come_first("under another's key", Error{ErrorKind::not_found, "400 ExpiredToken", {}});
    finish();
    test::FaultScript script;
    script.fail("list", 2, failed("400 ExpiredToken"));
    test::FlakyStore flaky(store_, script);
    const auto catalogue = read_catalogue(flaky, app());
    ASSERT_FALSE(catalogue);
    EXPECT_EQ(catalogue.error().what, "400 ExpiredToken");
}

TEST_F(WhatCameBeforeAManifest, DoesNotKeepALaterHideMarkerOfTheBucketsRuleFromCounting) {
    come_first("{}");
    finish();
    store_.hide(key_, at(2026, 12, 10));
    EXPECT_EQ(read(std::chrono::days(30)).state, State::expired);
}

TEST_F(WhatCameBeforeAManifest, IsSeenByTheOneWhoStoresIt) {
    const std::string json = to_json(manifest_);
    put(key_, json);
    store::StoredObject stored{key_, json.size(), {}, version_of(0)};
    EXPECT_TRUE(is_what_counts(store_, stored, json).value());
    store_.overwrite(key_, json, at(2026, 11, 1));
    stored.version_id = version_of(1);
    EXPECT_TRUE(is_what_counts(store_, stored, json).value()) << "another try of its own";

    for (const auto& [content, withheld] :
         {std::pair<std::string, bool>{"{}", false}, {std::string(json.size(), ' '), false}, {json, true}}) {
        ASSERT_TRUE(store_.remove(key_, ""));
        come_first(content);
        if (withheld) {
            store_.withhold(key_, {ErrorKind::not_found, "400 InvalidRequest", {}});
        }
        store_.hide(key_, at(2026, 10, 31));
        finish();
        stored.version_id = version_of(2);
        EXPECT_FALSE(is_what_counts(store_, stored, json).value()) << content;
    }
}

TEST_F(WhatCameBeforeAManifest, IsNothingWhereThereAreNoVersions) {
    test::MemoryStore store;
    const std::string json = to_json(manifest_);
    const auto stored = store::put(store, key_, stream::as_bytes(json));
    ASSERT_TRUE(stored);
    EXPECT_TRUE(is_what_counts(store, *stored, json).value());
}

TEST_F(VersionsOfAManifest, ALaterOneOfAnotherSizeNeedNotBeReadToTell) {
    store_.overwrite(key_, "another", at(2026, 11, 3));
    test::FaultScript script;
    test::FlakyStore counted(store_, script);
    const auto catalogue = read_catalogue(counted, app());
    ASSERT_TRUE(catalogue);
    EXPECT_EQ(catalogue->backups.at(0).state, State::hidden);
    EXPECT_EQ(script.calls("read"), 1);
}

TEST_F(VersionsOfAManifest, WhatCameFirstIsWhatIsTold) {
    store_.hide(key_, at(2026, 11, 2));
    store_.overwrite(key_, to_json(manifest_), at(2026, 11, 3));
    EXPECT_THAT(read().tampering, HasSubstr("hid its manifest on 2026-11-02"));
}

TEST_F(VersionsOfAManifest, HiddenDataIsThereAllTheSame) {
    for (const auto& object : manifest_.all_objects()) {
        store_.hide(object.key, at(2026, 11, 2));
    }
    EXPECT_EQ(read().state, State::good);
}

TEST_F(VersionsOfAManifest, DataOfWhichOnlyALaterVersionIsLeftIsGone) {
    auto named = manifest_;
    const auto& key = named.globals[0].key;
    std::string first;
    ASSERT_TRUE(store_.list(key.text(), [&](const auto& info) {
        first = info.version_id;
        return done();
    }));
    named.globals[0].version_id = first;
    test::MemoryStore& store = store_;
    ASSERT_TRUE(store.remove(key_, ""));
    put(key_, to_json(named));
    store_.overwrite(key, "another", at(2026, 11, 2));
    EXPECT_EQ(read().state, State::good);
    ASSERT_TRUE(store.remove(key, first));
    EXPECT_EQ(read().state, State::expired);
}

TEST_F(VersionsOfAManifest, TheCopyOfAStoreHasVersionIdsOfItsOwn) {
    auto named = manifest_;
    auto& globals = named.globals[0];
    globals.version_id = "of-the-original";
    test::MemoryStore& store = store_;
    ASSERT_TRUE(store_.list(globals.key.text(), [&](const auto& info) {
        globals.size = info.size;
        return done();
    }));
    ASSERT_TRUE(store.remove(key_, ""));
    put(key_, to_json(named));
    EXPECT_EQ(read().state, State::good);
    ++globals.size;
    ASSERT_TRUE(store.remove(key_, ""));
    put(key_, to_json(named));
    EXPECT_EQ(read().state, State::expired);
}

TEST_F(VersionsOfAManifest, MissingDataIsExpiredHoweverItsManifestLooks) {
    store_.hide(key_, at(2026, 11, 2));
    ASSERT_TRUE(store_.remove(manifest_.globals[0].key, ""));
    EXPECT_EQ(read().state, State::expired);
}

// ---- data ----

TEST_F(VersionsOfAManifest, DataThatSomebodyHidIsReportedAndReadByItsVersion) {
    const auto& data = manifest_.databases[0].objects[0].key;
    store_.set_modified(data, at(2026, 10, 31));
    store_.hide(data, at(2026, 11, 5));
    const auto backup = read();
    EXPECT_EQ(backup.state, State::good);
    EXPECT_THAT(backup.tampering, HasSubstr("somebody hid '" + data.text() + "' on 2026-11-05T00:00:00Z"));
    EXPECT_THAT(backup.gone, IsEmpty());
}

TEST_F(VersionsOfAManifest, DataThatSomebodyWroteOverIsReportedAndReadByItsVersion) {
    const auto& data = manifest_.globals[0].key;
    store_.set_modified(data, at(2026, 10, 31));
    store_.overwrite(data, "xyz", at(2026, 11, 5));
    const auto backup = read();
    EXPECT_EQ(backup.state, State::good);
    EXPECT_THAT(backup.tampering, HasSubstr("somebody wrote over '" + data.text()));
}

TEST_F(VersionsOfAManifest, DataThatItsWriterSentTwiceIsNoTampering) {
    const auto& data = manifest_.globals[0].key;
    store_.set_modified(data, at(2026, 10, 31));
    store_.overwrite(data, "abc", at(2026, 10, 31, 1));
    EXPECT_EQ(read().tampering, "");
}

TEST_F(VersionsOfAManifest, AMarkerOnDataByTheBucketsRuleIsNoTampering) {
    const auto& data = manifest_.globals[0].key;
    store_.set_modified(data, at(2026, 10, 31));
    store_.hide(data, at(2026, 11, 30));
    EXPECT_EQ(read().tampering, "");
    EXPECT_NE(read(std::chrono::days(60)).tampering, "");
}

TEST(DataWithoutVersions, OfAnotherSizeIsGoneAndReported) {
    test::MemoryStore store;
    const auto manifest = simple_manifest();
    for (const auto& object : manifest.all_objects()) {
        ASSERT_TRUE(store::put(store, object.key, stream::as_bytes("abc")));
    }
    ASSERT_TRUE(store::put(store, app().manifest(manifest.id), stream::as_bytes(to_json(manifest))));
    store.tamper(manifest.globals[0].key, "something longer");
    const auto catalogue = read_catalogue(store, app());
    ASSERT_TRUE(catalogue);
    const auto& backup = catalogue->backups.at(0);
    EXPECT_EQ(backup.state, State::expired);
    EXPECT_THAT(backup.tampering, HasSubstr("is not what was stored"));
}

}  // namespace
}  // namespace lifeboat::catalogue
