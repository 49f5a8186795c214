// The promises of store/object_store.hpp as tests, for every store there is.
//
// Include in one source file of a test program and instantiate:
//   INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, ::testing::Values(ContractSubject{"Memory", make}));
#pragma once

#include "store/object_store.hpp"
#include "store_fixtures.hpp"
#include "stream/sha256.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

namespace lifeboat::test {

struct ContractSubject {
    std::string name;
    // A store that holds nothing and is there. The pointer owns whatever the store needs to live.
    std::function<std::shared_ptr<store::ObjectStore>()> make_empty;
    // After so many bytes an upload has reached the store, though nothing of it is visible.
    std::size_t reaches_the_store = 300'000;
};

inline std::ostream& operator<<(std::ostream& out, const ContractSubject& subject) {
    return out << subject.name;
}

class ObjectStoreContract : public ::testing::TestWithParam<ContractSubject> {
protected:
    void SetUp() override {
        owner_ = GetParam().make_empty();
        ASSERT_NE(owner_, nullptr);
    }

    store::ObjectStore& store() { return *owner_; }

    std::unique_ptr<store::Upload> begin(const std::string& name) { return store().begin(key(name)).value(); }

private:
    std::shared_ptr<store::ObjectStore> owner_;
};

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Notes what passes, and fails on request at the given chunk (1 is the first).
class NotingSink final : public stream::Sink {
public:
    explicit NotingSink(int fail_at = 0) : fail_at_(fail_at) {}
    Status write(stream::Bytes chunk) override {
        if (++chunks == fail_at_) {
            return Error{ErrorKind::refused, "the reader has had enough", {}};
        }
        content.append(stream::as_text(chunk));
        return done();
    }
    Status finish() override {
        finished = true;
        return done();
    }

    std::string content;
    int chunks = 0;
    bool finished = false;

private:
    int fail_at_;
};

TEST_P(ObjectStoreContract, GivesBackWhatWasCommitted) {
    const std::string content = content_of(1000);
    ASSERT_TRUE(put_text(store(), "data/x/app.dump", content).ok());
    auto read = get_text(store(), "data/x/app.dump");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, content);
}

TEST_P(ObjectStoreContract, TellsTheSizeAndHashOfWhatItStored) {
    auto stored = put_text(store(), "abc", "abc");
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->key.text(), "abc");
    EXPECT_EQ(stored->size, 3U);
    EXPECT_EQ(stored->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, B.1
}

TEST_P(ObjectStoreContract, StoresAnObjectOfNoBytes) {
    auto stored = begin("empty")->commit();
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->size, 0U);
    EXPECT_EQ(stored->sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(get_text(store(), "empty").value(), "");
    EXPECT_THAT(listed(store()), ElementsAre("empty"));
}

TEST_P(ObjectStoreContract, PutsChunksOfAnySizeTogetherInOrder) {
    const std::string content = content_of(3'000'001);
    auto upload = begin("data/large");
    std::size_t size = 1;
    for (stream::Bytes left = stream::as_bytes(content); !left.empty();) {
        const auto chunk = left.first(std::min(size, left.size()));
        ASSERT_TRUE(upload->write(chunk).ok());
        left = left.subspan(chunk.size());
        size = size > 600'000 ? 1 : size * 3 + 1;
    }
    auto stored = upload->commit();
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->size, content.size());
    EXPECT_EQ(stored->sha256, stream::sha256_hex(content));
    EXPECT_TRUE(get_text(store(), "data/large").value() == content);
}

TEST_P(ObjectStoreContract, ShowsNothingBeforeCommit) {
    auto upload = begin("data/app");
    ASSERT_TRUE(upload->write(stream::as_bytes(content_of(1'000'000))).ok());
    EXPECT_THAT(listed(store()), IsEmpty());
    auto read = get_text(store(), "data/app");
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().kind, ErrorKind::not_found);
}

TEST_P(ObjectStoreContract, LeavesNothingOfAnUploadThatIsGivenUp) {
    {
        auto upload = begin("data/app");
        ASSERT_TRUE(upload->write(stream::as_bytes(content_of(1'000'000))).ok());
    }
    EXPECT_THAT(listed(store()), IsEmpty());
    EXPECT_THAT(unfinished_keys(store()), IsEmpty());
    EXPECT_TRUE(put_text(store(), "data/app", "second try").ok());
}

TEST_P(ObjectStoreContract, NeverGivesAnObjectOtherBytes) {
    ASSERT_TRUE(put_text(store(), "data/app", "first").ok());
    auto second = put_text(store(), "data/app", "second");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::exists);
    EXPECT_THAT(second.error().what, HasSubstr("data/app"));
    EXPECT_EQ(get_text(store(), "data/app").value(), "first");
    EXPECT_THAT(unfinished_keys(store()), IsEmpty());
}

TEST_P(ObjectStoreContract, LetsTheFirstOfTwoOpenUploadsWin) {
    auto slow = begin("data/app");
    auto fast = begin("data/app");
    ASSERT_TRUE(slow->write(stream::as_bytes("slow")).ok());
    ASSERT_TRUE(fast->write(stream::as_bytes("fast")).ok());
    ASSERT_TRUE(fast->commit().ok());
    auto late = slow->commit();
    ASSERT_FALSE(late.ok());
    EXPECT_EQ(late.error().kind, ErrorKind::exists);
    EXPECT_EQ(get_text(store(), "data/app").value(), "fast");
}

TEST_P(ObjectStoreContract, TakesNothingAfterCommit) {
    auto upload = begin("data/app");
    ASSERT_TRUE(upload->write(stream::as_bytes("all")).ok());
    ASSERT_TRUE(upload->commit().ok());
    EXPECT_FALSE(upload->write(stream::as_bytes("more")).ok());
    EXPECT_FALSE(upload->commit().ok());
    upload.reset();
    EXPECT_EQ(get_text(store(), "data/app").value(), "all");
}

TEST_P(ObjectStoreContract, SaysWhichObjectIsMissingAndWhere) {
    for (const std::string name : {"nothing", "no/such/folder/nothing"}) {
        auto read = get_text(store(), name);
        ASSERT_FALSE(read.ok());
        EXPECT_EQ(read.error().kind, ErrorKind::not_found);
        EXPECT_THAT(read.error().what, HasSubstr("'" + name + "'"));
        EXPECT_THAT(read.error().what, HasSubstr(store().location()));
        EXPECT_FALSE(read.error().next.empty());
    }
}

TEST_P(ObjectStoreContract, DoesNotTakeTheBeginningOfAKeyForAnObject) {
    ASSERT_TRUE(put_text(store(), "data/app", "x").ok());
    for (const std::string name : {"data", "data/app/more"}) {
        auto read = get_text(store(), name);
        ASSERT_FALSE(read.ok());
        EXPECT_EQ(read.error().kind, ErrorKind::not_found);
        EXPECT_TRUE(store().remove(key(name), {}).ok());
    }
    EXPECT_THAT(listed(store()), ElementsAre("data/app"));
}

TEST_P(ObjectStoreContract, LeavesTheFinishOfAReadToItsCaller) {
    ASSERT_TRUE(put_text(store(), "data/app", "x").ok());
    NotingSink sink;
    ASSERT_TRUE(store().read(key("data/app"), {}, sink).ok());
    EXPECT_EQ(sink.content, "x");
    EXPECT_FALSE(sink.finished);
}

TEST_P(ObjectStoreContract, EndsAReadWithTheErrorOfItsReader) {
    ASSERT_TRUE(put_text(store(), "data/app", content_of(1'000'000)).ok());
    NotingSink sink(2);
    auto read = store().read(key("data/app"), {}, sink);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().kind, ErrorKind::refused);
    EXPECT_EQ(read.error().what, "the reader has had enough");
    EXPECT_EQ(sink.chunks, 2);
}

TEST_P(ObjectStoreContract, ReadsByTheVersionIdThatItGave) {
    auto stored = put_text(store(), "data/app", "x");
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(store::get(store(), stored->key, stored->version_id, 10).value(), "x");
}

TEST_P(ObjectStoreContract, ListsNothingInAnEmptyStore) {
    EXPECT_THAT(listed(store()), IsEmpty());
    EXPECT_THAT(listed(store(), "data/"), IsEmpty());
    EXPECT_THAT(unfinished_keys(store()), IsEmpty());
}

TEST_P(ObjectStoreContract, ListsInByteOrderOfWholeKeys) {
    // Around the slash: '-' and '.' sort before it, digits and letters after it.
    std::vector<std::string> keys{"a/x",   "a-b",   "a.b",  "a0",     "a_b", "aB", "a/x-y",
                                  "a/y/z", "a/y.z", "a/y0", "a-b-/c", "A",   "b",  "B/c"};
    for (const std::string& name : keys) {
        ASSERT_TRUE(put_text(store(), name, name).ok()) << name;
    }
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(listed(store()), keys);
}

TEST_P(ObjectStoreContract, ListsOnlyWhatBeginsWithThePrefix) {
    for (const std::string name :
         {"pg/a/data/2026-1/x", "pg/a/data/2026-2/x", "pg/a/data/2026-2/y", "pg/a/data-old", "pg/ab/data/x", "q"}) {
        ASSERT_TRUE(put_text(store(), name, "x").ok());
    }
    EXPECT_THAT(listed(store(), "pg/a/data/"),
                ElementsAre("pg/a/data/2026-1/x", "pg/a/data/2026-2/x", "pg/a/data/2026-2/y"));
    EXPECT_THAT(listed(store(), "pg/a/data/2026-2"), ElementsAre("pg/a/data/2026-2/x", "pg/a/data/2026-2/y"));
    EXPECT_THAT(listed(store(), "pg/a/data-"), ElementsAre("pg/a/data-old"));
    EXPECT_THAT(listed(store(), "pg/ab/data/x"), ElementsAre("pg/ab/data/x"));
    EXPECT_THAT(listed(store(), "q"), ElementsAre("q"));
    EXPECT_THAT(listed(store(), "q/"), IsEmpty());
    EXPECT_THAT(listed(store(), "none"), IsEmpty());
}

TEST_P(ObjectStoreContract, ListsSizeAndTime) {
    ASSERT_TRUE(put_text(store(), "data/app", "12345").ok());
    int seen = 0;
    auto list = store().list("", [&](const store::ObjectInfo& info) {
        ++seen;
        EXPECT_EQ(info.size, 5U);
        const auto age = std::chrono::system_clock::now() - info.modified;
        EXPECT_LT(std::chrono::abs(age), std::chrono::minutes(5));
        return done();
    });
    EXPECT_TRUE(list.ok());
    EXPECT_EQ(seen, 1);
}

TEST_P(ObjectStoreContract, EndsAListingWithTheErrorOfItsVisitor) {
    ASSERT_TRUE(put_text(store(), "a/1", "x").ok());
    ASSERT_TRUE(put_text(store(), "a/2", "x").ok());
    int seen = 0;
    auto list = store().list("", [&](const store::ObjectInfo&) -> Status {
        ++seen;
        return Error{ErrorKind::refused, "seen enough", {}};
    });
    ASSERT_FALSE(list.ok());
    EXPECT_EQ(list.error().what, "seen enough");
    EXPECT_EQ(seen, 1);
}

TEST_P(ObjectStoreContract, LetsAVisitorRemoveWhatItIsShown) {
    for (const std::string name : {"a/1", "a/2", "b/1", "c"}) {
        ASSERT_TRUE(put_text(store(), name, "x").ok());
    }
    auto list =
        store().list("", [&](const store::ObjectInfo& info) { return store().remove(info.key, info.version_id); });
    EXPECT_TRUE(list.ok());
    EXPECT_THAT(listed(store()), IsEmpty());
}

TEST_P(ObjectStoreContract, TellsWhatIsUnfinished) {
    const std::string content = content_of(GetParam().reaches_the_store);
    auto upload = begin("data/1/app");
    auto other = begin("other/app");
    ASSERT_TRUE(upload->write(stream::as_bytes(content)).ok());
    ASSERT_TRUE(other->write(stream::as_bytes(content)).ok());
    auto found = store().unfinished("data/");
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().key.text(), "data/1/app");
    EXPECT_LE(found->front().size, content.size());
    EXPECT_LT(std::chrono::abs(std::chrono::system_clock::now() - found->front().started), std::chrono::minutes(5));
    ASSERT_TRUE(upload->commit().ok());
    EXPECT_THAT(unfinished_keys(store()), ElementsAre("other/app"));
}

TEST_P(ObjectStoreContract, DiscardsWhatIsUnfinished) {
    const std::string content = content_of(GetParam().reaches_the_store);
    auto upload = begin("data/1/app");
    auto other = begin("data/2/app");
    ASSERT_TRUE(upload->write(stream::as_bytes(content)).ok());
    ASSERT_TRUE(other->write(stream::as_bytes(content)).ok());
    auto found = store().unfinished("data/1/");
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(found->size(), 1U);
    EXPECT_TRUE(store().discard(found->front()).ok());
    EXPECT_TRUE(store().discard(found->front()).ok()) << "it is gone already, which counts as done";
    EXPECT_THAT(unfinished_keys(store()), ElementsAre("data/2/app"));
    EXPECT_FALSE(upload->commit().ok()) << "its writer was robbed of it";
    EXPECT_TRUE(other->commit().ok());
    EXPECT_THAT(listed(store()), ElementsAre("data/2/app"));
}

TEST_P(ObjectStoreContract, RemovesAnObjectAndNothingElse) {
    for (const std::string name : {"data/1/app", "data/1/app2", "data/2/app"}) {
        ASSERT_TRUE(put_text(store(), name, name).ok());
    }
    ASSERT_TRUE(store().remove(key("data/1/app"), {}).ok());
    EXPECT_THAT(listed(store()), ElementsAre("data/1/app2", "data/2/app"));
    EXPECT_EQ(get_text(store(), "data/1/app").error().kind, ErrorKind::not_found);
    EXPECT_EQ(get_text(store(), "data/1/app2").value(), "data/1/app2");
}

TEST_P(ObjectStoreContract, RemovesByTheVersionIdThatItListed) {
    ASSERT_TRUE(put_text(store(), "data/1/app", "x").ok());
    int seen = 0;
    ASSERT_TRUE(store().list("", [&](const store::ObjectInfo& info) {
        ++seen;
        EXPECT_FALSE(info.hide_marker);
        return store().remove(info.key, info.version_id);
    }));
    EXPECT_EQ(seen, 1);
    EXPECT_THAT(listed(store()), IsEmpty()) << "neither the object nor a marker that hides it";
    EXPECT_TRUE(store().lists_everything());
}

TEST_P(ObjectStoreContract, CountsAnAbsentObjectAsRemoved) {
    ASSERT_TRUE(put_text(store(), "data/app", "x").ok());
    EXPECT_TRUE(store().remove(key("data/app"), {}).ok());
    EXPECT_TRUE(store().remove(key("data/app"), {}).ok());
    EXPECT_TRUE(store().remove(key("never/was/there"), {}).ok());
}

TEST_P(ObjectStoreContract, RefusesASmallObjectThatIsLargerThanItsLimit) {
    ASSERT_TRUE(put_text(store(), "manifest", content_of(5000)).ok());
    EXPECT_TRUE(store::get(store(), key("manifest"), {}, 5000).ok());
    auto read = store::get(store(), key("manifest"), {}, 4999);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(read.error().what, HasSubstr("manifest"));
}

TEST_P(ObjectStoreContract, ServesSeveralThreadsAtOnce) {
    constexpr int threads = 4;
    constexpr int each = 10;
    std::vector<int> stored(threads, 0);
    {
        std::vector<std::jthread> writers;
        writers.reserve(threads);
        for (int t = 0; t < threads; ++t) {
            writers.emplace_back([&, t] {
                for (int i = 0; i < each; ++i) {
                    const std::string name = "data/" + std::to_string(i) + "/by-" + std::to_string(t);
                    const bool whole = put_text(store(), name, name).ok() && get_text(store(), name).value() == name;
                    stored[static_cast<std::size_t>(t)] += whole ? 1 : 0;
                }
            });
        }
    }
    EXPECT_EQ(stored, std::vector<int>(threads, each));
    EXPECT_EQ(listed(store()).size(), static_cast<std::size_t>(threads * each));
}

TEST_P(ObjectStoreContract, KnowsItsLargestObjectAndItsPlace) {
    EXPECT_GE(store().max_object_size(), 5'000'000'000U);
    EXPECT_THAT(store().location(), HasSubstr("://"));
}

}  // namespace lifeboat::test
