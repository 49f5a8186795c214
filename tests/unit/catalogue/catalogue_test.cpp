#include "catalogue/catalogue.hpp"

#include "catalogue/trust.hpp"
#include "samples.hpp"
#include "support/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::catalogue {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ReadCatalogue : public testing::Test {
protected:
    void put(const store::ObjectKey& key, std::string_view content = "abc") {
        ASSERT_TRUE(store::put(store_, key, stream::as_bytes(content)));
    }
    void put_data(const Manifest& manifest) {
        for (const auto& object : manifest.all_objects()) {
            put(object.key);
        }
    }
    void put_backup(const Manifest& manifest) {
        put_data(manifest);
        put(app().manifest(manifest.id), to_json(manifest));
    }
    Catalogue read() {
        auto catalogue = read_catalogue(store_, app());
        if (!catalogue) {
            ADD_FAILURE() << catalogue.error().what;
            return {};
        }
        return std::move(catalogue).value();
    }

    test::MemoryStore store_;
    BackupId first_ = id_of("20261120T021700Z-0001");
    BackupId second_ = id_of("20261121T021700Z-0002");
};

TEST_F(ReadCatalogue, IsEmptyForAnEmptyStore) {
    const auto catalogue = read();
    EXPECT_EQ(catalogue.instance, "app");
    EXPECT_THAT(catalogue.backups, IsEmpty());
    EXPECT_THAT(catalogue.leftovers, IsEmpty());
    EXPECT_THAT(catalogue.refused, IsEmpty());
}

TEST_F(ReadCatalogue, ShowsAWholeBackupAsGood) {
    put_backup(simple_manifest(first_));
    store_.set_modified(app().manifest(first_), at(2026, 11, 20, 3));
    const auto catalogue = read();
    ASSERT_THAT(catalogue.backups, SizeIs(1));
    EXPECT_EQ(catalogue.backups[0].manifest.id, first_);
    EXPECT_EQ(catalogue.backups[0].state, State::good);
    EXPECT_EQ(catalogue.backups[0].stored, at(2026, 11, 20, 3));
    EXPECT_THAT(catalogue.leftovers, IsEmpty());
}

TEST_F(ReadCatalogue, OrdersByTheStoresClock) {
    put_backup(simple_manifest(first_));
    put_backup(simple_manifest(second_));
    store_.set_modified(app().manifest(first_), at(2026, 11, 22));
    store_.set_modified(app().manifest(second_), at(2026, 11, 21));  // whose maker's clock was ahead
    const auto catalogue = read();
    ASSERT_THAT(catalogue.backups, SizeIs(2));
    EXPECT_EQ(catalogue.backups[0].manifest.id, second_);
    EXPECT_EQ(catalogue.backups[1].manifest.id, first_);
}

TEST_F(ReadCatalogue, ShowsABackupWithoutOneOfItsObjectsAsExpired) {
    for (const bool globals : {false, true}) {
        test::MemoryStore store;
        const auto manifest = simple_manifest(first_);
        ASSERT_TRUE(store::put(store, globals ? manifest.globals[0].key : manifest.databases[0].objects[0].key, {}));
        ASSERT_TRUE(store::put(store, app().manifest(first_), stream::as_bytes(to_json(manifest))));
        const auto catalogue = read_catalogue(store, app());
        ASSERT_TRUE(catalogue);
        ASSERT_THAT(catalogue->backups, SizeIs(1));
        EXPECT_EQ(catalogue->backups[0].state, State::expired);
    }
}

TEST_F(ReadCatalogue, ShowsAPartialRunAsPartial) {
    auto manifest = simple_manifest(first_);
    manifest.failures = {{"lost", "pg_dump failed"}};
    put_data(manifest);
    put(app().partial_manifest(first_), to_json(manifest));
    const auto catalogue = read();
    ASSERT_THAT(catalogue.backups, SizeIs(1));
    EXPECT_EQ(catalogue.backups[0].state, State::partial);
    EXPECT_THAT(catalogue.leftovers, IsEmpty());
}

// It would be the newest good one, and push out those that are whole.
TEST_F(ReadCatalogue, RefusesThePartialManifestThatSomebodyCopiedAmongTheWholeOnes) {
    auto manifest = simple_manifest(first_);
    manifest.failures = {{"lost", "pg_dump failed"}};
    put_data(manifest);
    put(app().partial_manifest(first_), to_json(manifest));
    put(app().manifest(first_), to_json(manifest));
    const auto catalogue = read();
    ASSERT_THAT(catalogue.refused, SizeIs(1));
    EXPECT_EQ(catalogue.refused[0].kind, ErrorKind::corrupt);
    EXPECT_THAT(catalogue.refused[0].what, HasSubstr(first_.text()));
    ASSERT_THAT(catalogue.backups, SizeIs(1));
    EXPECT_EQ(catalogue.backups[0].state, State::partial);
    EXPECT_THAT(catalogue.leftovers, IsEmpty());
    const auto ancestry = read_ancestry(store_, app(), at(2026, 11, 24));
    ASSERT_FALSE(ancestry) << "nor is anything compared with it";
    EXPECT_THAT(ancestry.error().what, HasSubstr(first_.text()));
}

TEST_F(ReadCatalogue, RefusesTheWholeManifestThatSomebodyCopiedAmongThePartialOnes) {
    const auto manifest = simple_manifest(first_);
    put_backup(manifest);
    put(app().partial_manifest(first_), to_json(manifest));
    const auto catalogue = read();
    EXPECT_THAT(catalogue.refused, SizeIs(1));
    ASSERT_THAT(catalogue.backups, SizeIs(1));
    EXPECT_EQ(catalogue.backups[0].state, State::good);
}

// What a listing of many pages sees of a backup that was finished between two: data come before manifests in it.
class FinishedUnderWay final : public store::ObjectStore {
public:
    FinishedUnderWay(store::ObjectStore& inner, const BackupId& id) : inner_(inner), data_(app().data_prefix(id)) {}

    [[nodiscard]] std::string location() const override { return inner_.location(); }
    [[nodiscard]] std::uint64_t max_object_size() const override { return inner_.max_object_size(); }
    Result<std::unique_ptr<store::Upload>> begin(const store::ObjectKey& key) override { return inner_.begin(key); }
    Status read(const store::ObjectKey& key, const std::string& version, stream::Sink& to) override {
        return inner_.read(key, version, to);
    }
    Status list(const std::string& prefix, const Visitor& visit) override {
        return inner_.list(prefix, [&](const store::ObjectInfo& info) {
            return prefix != data_ && info.key.text().starts_with(data_) ? done() : visit(info);
        });
    }
    Result<std::vector<store::UnfinishedUpload>> unfinished(const std::string& prefix) override {
        return inner_.unfinished(prefix);
    }
    Status discard(const store::UnfinishedUpload& upload) override { return inner_.discard(upload); }
    Status remove(const store::ObjectKey& key, const std::string& version) override {
        return inner_.remove(key, version);
    }
    [[nodiscard]] bool lists_everything() const override { return inner_.lists_everything(); }

private:
    store::ObjectStore& inner_;
    const std::string data_;
};

TEST_F(ReadCatalogue, DoesNotTakeABackupThatWasFinishedMeanwhileForExpired) {
    put_backup(simple_manifest(first_));
    put_backup(simple_manifest(second_));
    FinishedUnderWay store(store_, second_);
    const auto catalogue = read_catalogue(store, app());
    ASSERT_TRUE(catalogue);
    ASSERT_THAT(catalogue->backups, SizeIs(2));
    EXPECT_EQ(catalogue->backups[1].state, State::good);
    EXPECT_THAT(catalogue->backups[1].gone, IsEmpty());
}

TEST_F(ReadCatalogue, ShowsAMarkedBackupAsMarkedUntilItIsAccepted) {
    auto manifest = simple_manifest(first_);
    manifest.marks = {{"shrunk", "fewer rows"}};
    put_backup(manifest);
    EXPECT_EQ(read().backups.at(0).state, State::marked);

    put(app().acceptance(second_), to_json(acceptance_of(second_, at(2026, 11, 21)), app()));
    EXPECT_EQ(read().backups.at(0).state, State::marked) << "another one was accepted";
    put(app().acceptance(first_), to_json(acceptance_of(first_, at(2026, 11, 20)), app()));
    const auto catalogue = read();
    EXPECT_EQ(catalogue.backups.at(0).state, State::good);
    ASSERT_TRUE(catalogue.backups.at(0).accepted);
    EXPECT_EQ(catalogue.backups.at(0).accepted->because, "it is right");
    EXPECT_FALSE(catalogue.doubt);
}

TEST_F(ReadCatalogue, ReportsAManifestThatIsNotWhatItsKeySays) {
    put_backup(simple_manifest(first_));
    put(app().manifest(second_), to_json(simple_manifest(first_)));
    const auto catalogue = read();
    EXPECT_THAT(catalogue.backups, SizeIs(1));
    ASSERT_THAT(catalogue.refused, SizeIs(1));
    EXPECT_THAT(catalogue.refused[0].what, HasSubstr(second_.text()));
    ASSERT_THAT(catalogue.refused_backups, SizeIs(1));
    EXPECT_EQ(catalogue.refused_backups[0].id, second_);
}

TEST_F(ReadCatalogue, ReportsAManifestThatIsTooLargeAndShowsTheOthers) {
    put_backup(simple_manifest(first_));
    put(app().manifest(second_), std::string(largest_manifest + 1, ' '));
    const auto catalogue = read();
    EXPECT_THAT(catalogue.backups, SizeIs(1));
    ASSERT_THAT(catalogue.refused, SizeIs(1));
    EXPECT_THAT(catalogue.refused[0].what, HasSubstr(second_.text()));
    ASSERT_THAT(catalogue.refused_backups, SizeIs(1));
    EXPECT_EQ(catalogue.refused_backups[0].id, second_);
}

TEST_F(ReadCatalogue, TellsDataWithoutManifestApart) {
    put_backup(simple_manifest(first_));
    const auto killed = simple_manifest(second_);
    put_data(killed);
    store_.set_modified(killed.databases[0].objects[0].key, at(2026, 11, 21, 3));
    store_.set_modified(killed.globals[0].key, at(2026, 11, 21, 4));
    const auto catalogue = read();
    EXPECT_THAT(catalogue.backups, SizeIs(1));
    ASSERT_THAT(catalogue.leftovers, SizeIs(1));
    EXPECT_EQ(catalogue.leftovers[0].id, second_);
    EXPECT_EQ(catalogue.leftovers[0].bytes, 6U);
    EXPECT_EQ(catalogue.leftovers[0].touched, at(2026, 11, 21, 4));
}

TEST_F(ReadCatalogue, CountsUnfinishedUploadsAmongWhatIsLeft) {
    auto upload = store_.begin(app().globals(second_, Encrypted::no));
    ASSERT_TRUE((*upload)->write(stream::as_bytes("12345")));
    const auto catalogue = read();
    ASSERT_THAT(catalogue.leftovers, SizeIs(1));
    EXPECT_EQ(catalogue.leftovers[0].id, second_);
    EXPECT_EQ(catalogue.leftovers[0].bytes, 5U);
}

// Whoever sweeps leftovers must not be sent to the data of a backup that is whole.
TEST_F(ReadCatalogue, NeverTakesABackupWithAManifestForLeftover) {
    put_backup(simple_manifest(first_));
    auto upload = store_.begin(app().database(first_, "straggler", Encrypted::no));
    put_data(simple_manifest(second_));
    put(app().manifest(second_), "refused, but there");
    const auto catalogue = read();
    EXPECT_THAT(catalogue.backups, SizeIs(1));
    EXPECT_THAT(catalogue.refused, SizeIs(1));
    EXPECT_THAT(catalogue.leftovers, IsEmpty());
    ASSERT_THAT(catalogue.strays, SizeIs(1)) << "the upload is told, and is no part of the backup";
    EXPECT_EQ(catalogue.strays[0].key, app().database(first_, "straggler", Encrypted::no));
    EXPECT_FALSE(catalogue.uploads_unseen);
}

TEST_F(ReadCatalogue, IgnoresKeysThatAreNotIts) {
    put(app().restore_text());
    put(store::ObjectKey::parse("app/manifests/notes.txt").value());
    put(store::ObjectKey::parse("application/manifests/" + first_.text() + ".json").value());
    const auto catalogue = read();
    EXPECT_THAT(catalogue.backups, IsEmpty());
    EXPECT_THAT(catalogue.leftovers, IsEmpty());
    EXPECT_THAT(catalogue.refused, IsEmpty());
}

TEST_F(ReadCatalogue, FailsWhenTheStoreDoes) {
    put_backup(simple_manifest(first_));
    for (const char* verb : {"list", "read"}) {
        test::FaultScript script;
        script.fail(verb, 1, {ErrorKind::temporary, "the store is away", {}});
        test::FlakyStore flaky(store_, script);
        const auto catalogue = read_catalogue(flaky, app());
        ASSERT_FALSE(catalogue) << verb;
        EXPECT_EQ(catalogue.error().kind, ErrorKind::temporary);
    }
}

// A key may be allowed to list objects and not what is unfinished.
TEST_F(ReadCatalogue, ShowsBackupsAlsoWhereUnfinishedUploadsCannotBeSeen) {
    put_backup(simple_manifest(first_));
    put_data(simple_manifest(second_));
    test::FaultScript script;
    script.fail("unfinished", 1, failed("no right to list uploads"));
    test::FlakyStore flaky(store_, script);
    const auto catalogue = read_catalogue(flaky, app());
    ASSERT_TRUE(catalogue);
    EXPECT_THAT(catalogue->backups, SizeIs(1));
    EXPECT_THAT(catalogue->leftovers, SizeIs(1));
}

TEST_F(ReadCatalogue, StopsWhereAskedToAlsoAtUnfinishedUploads) {
    put_backup(simple_manifest(first_));
    test::FaultScript script;
    script.fail("unfinished", 1, {ErrorKind::interrupted, "stopped", {}});
    test::FlakyStore flaky(store_, script);
    const auto catalogue = read_catalogue(flaky, app());
    ASSERT_FALSE(catalogue);
    EXPECT_EQ(catalogue.error().kind, ErrorKind::interrupted);
}

TEST_F(ReadCatalogue, PassesOverABackupThatWasPrunedMeanwhile) {
    put_backup(simple_manifest(first_));
    store_.prune_when_read(app().manifest(first_));
    const auto catalogue = read_catalogue(store_, app());
    ASSERT_TRUE(catalogue);
    EXPECT_THAT(catalogue->backups, IsEmpty());
    EXPECT_THAT(catalogue->refused, IsEmpty());
}

// ---- what cannot be read ----

// Somebody stored it, before all others, and no version tells what was there before.
class OneUnreadable : public ReadCatalogue {
protected:
    void SetUp() override {
        put_backup(simple_manifest(second_));
        put(app().restore_text(), "how to");
    }
    void plant(const store::ObjectKey& key, ErrorKind kind) {
        put(key, "under another's key");
        store_.withhold(key, {kind, "400 InvalidRequest", {}});
    }
};

TEST_F(OneUnreadable, ManifestDoesNotBlockTheOthers) {
    for (const auto kind : {ErrorKind::failed, ErrorKind::corrupt, ErrorKind::not_found}) {
        ASSERT_TRUE(store_.remove(app().manifest(first_), ""));
        plant(app().manifest(first_), kind);
        const auto catalogue = read();
        ASSERT_THAT(catalogue.backups, SizeIs(1));
        EXPECT_EQ(catalogue.backups[0].state, State::good);
        ASSERT_THAT(catalogue.refused, SizeIs(1));
        EXPECT_EQ(catalogue.refused[0].kind, ErrorKind::corrupt) << "a reason for alarm";
        EXPECT_THAT(catalogue.refused[0].what, HasSubstr("400 InvalidRequest"));
        ASSERT_THAT(catalogue.refused_backups, SizeIs(1));
        EXPECT_EQ(catalogue.refused_backups[0].id, first_);
    }
}

TEST_F(OneUnreadable, PartialManifestAcceptanceAndDrillDoNotEither) {
    plant(app().partial_manifest(first_), ErrorKind::failed);
    plant(app().acceptance(first_), ErrorKind::failed);
    put(app().drill_result(second_, at(2026, 11, 22)), to_json(passed_drill(second_)));
    store_.set_modified(app().drill_result(second_, at(2026, 11, 22)), at(2026, 11, 22));
    plant(app().drill_result(second_, at(2026, 11, 23)), ErrorKind::failed);
    const auto catalogue = read();
    ASSERT_THAT(catalogue.backups, SizeIs(1));
    EXPECT_EQ(catalogue.backups[0].state, State::good);
    EXPECT_TRUE(catalogue.backups[0].proven_at) << "by the other drill";
    EXPECT_THAT(catalogue.refused, SizeIs(3));
    EXPECT_THAT(catalogue.refused_backups, IsEmpty());
}

// What tells the key's rights from one object's is that others are read: RESTORE.txt, where nothing was yet.
TEST_F(OneUnreadable, OfAllIsTheKeysFault) {
    for (const bool all : {true, false}) {
        store_.withhold(app().manifest(second_), failed("403 AccessDenied"));
        if (all) {
            store_.withhold(app().restore_text(), failed("403 AccessDenied"));
        } else {
            ASSERT_TRUE(store_.remove(app().restore_text(), ""));
        }
        test::FaultScript script;
        test::FlakyStore counted(store_, script);
        const auto catalogue = read_catalogue(counted, app());
        ASSERT_FALSE(catalogue);
        EXPECT_EQ(catalogue.error().what, "403 AccessDenied");
        EXPECT_EQ(script.calls("read"), all ? 2 : 1);
        EXPECT_FALSE(read_ancestry(store_, app(), at(2026, 11, 24))) << "nothing can be compared";
    }
}

// A cap that is reached, or a right that is taken away.
TEST_F(OneUnreadable, InTheMidstOfALookMayBeTheBeginningOfMany) {
    const auto third = id_of("20261123T021700Z-0003");
    put_backup(simple_manifest(third));
    test::FaultScript script;
    for (int nth = 2; nth < 10; ++nth) {
        script.fail("read", nth, failed("403 AccessDenied"));
    }
    test::FlakyStore flaky(store_, script);
    const auto catalogue = read_catalogue(flaky, app());
    ASSERT_FALSE(catalogue);
    EXPECT_EQ(catalogue.error().what, "403 AccessDenied");
    EXPECT_EQ(script.calls("read"), 3) << "the first, the second, and the first again";
}

TEST_F(OneUnreadable, IsNotToldWhileTheStoreIsAway) {
    plant(app().manifest(first_), ErrorKind::failed);
    for (const char* verb : {"read", "list"}) {
        test::FaultScript script;
        script.fail(verb, 2, {ErrorKind::temporary, "the store is away", {}});
        test::FlakyStore flaky(store_, script);
        const auto catalogue = read_catalogue(flaky, app());
        ASSERT_FALSE(catalogue) << verb;
        EXPECT_EQ(catalogue.error().kind, ErrorKind::temporary);
    }
}

TEST_F(OneUnreadable, LeavesTheLineageTheOthers) {
    put(app().acceptance(first_), "x");
    store_.withhold(app().acceptance(first_), failed("400 InvalidRequest"));
    plant(app().manifest(id_of("20261123T021700Z-0003")), ErrorKind::failed);
    const auto ancestry = read_ancestry(store_, app(), at(2026, 11, 24));
    ASSERT_TRUE(ancestry) << ancestry.error().what;
    EXPECT_EQ(ancestry->trusted->id, second_);
}

// Else this backup would pass for the first one, and nothing would ever be compared with what was there.
TEST_F(OneUnreadable, OfAllIsNoBeginningOfALineage) {
    store_.withhold(app().manifest(second_), {ErrorKind::corrupt, "400 InvalidRequest", {}});
    const auto ancestry = read_ancestry(store_, app(), at(2026, 11, 24));
    ASSERT_FALSE(ancestry);
    EXPECT_THAT(ancestry.error().what, HasSubstr("400 InvalidRequest"));
}

TEST_F(ReadCatalogue, ListsTheInstancesOfAStore) {
    for (const std::string key :
         {"b/manifests/20261122T021700Z-7f3a.json", "a/data/20261122T021700Z-7f3a/x.dump.zst", "c/RESTORE.txt", "stray",
          "No-Instance/manifests/20261122T021700Z-7f3a.json", "b/data/20261122T021700Z-7f3a/x.dump.zst"}) {
        put(store::ObjectKey::parse(key).value());
    }
    const auto layouts = list_instances(store_);
    ASSERT_TRUE(layouts);
    std::vector<std::string> names;
    for (const auto& layout : *layouts) {
        names.push_back(layout.instance());
    }
    EXPECT_THAT(names, ElementsAre("a", "b"));
}

}  // namespace
}  // namespace lifeboat::catalogue
