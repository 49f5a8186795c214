#include "contract.hpp"
#include "bucket_fixture.hpp"

#include "store/directory_store.hpp"
#include "support/memory_store.hpp"

namespace lifeboat::test {

namespace {

struct DirectoryInTemporaryFolder {
    TemporaryFolder folder;
    std::unique_ptr<store::ObjectStore> store = store::open_directory(folder.path()).value();
};

std::shared_ptr<store::ObjectStore> make_directory_store() {
    auto whole = std::make_shared<DirectoryInTemporaryFolder>();
    return {whole, whole->store.get()};
}

std::shared_ptr<store::ObjectStore> make_memory_store() {
    return std::make_shared<MemoryStore>();
}

std::shared_ptr<store::ObjectStore> make_memory_store_with_versions() {
    return std::make_shared<MemoryStore>(MemoryStore::Versions::kept);
}

const auto name_of_subject = [](const auto& subject) { return subject.param.name; };

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreContract,
                         ::testing::Values(ContractSubject{"Directory", make_directory_store},
                                           ContractSubject{"Memory", make_memory_store},
                                           ContractSubject{"MemoryWithVersions", make_memory_store_with_versions}),
                         name_of_subject);

// Buckets as providers have them.
struct Subject {
    FakeS3 server;
    FakeTimer timer;
    std::unique_ptr<store::ObjectStore> store;
};

ContractSubject subject(const std::string& name, const std::function<void(FakeS3&)>& shape) {
    return {name, [shape] {
                auto subject = std::make_shared<Subject>();
                shape(subject->server);
                auto options = bucket_options();
                options.part_size = 100'000;
                options.largest_part_number = 100'000;
                subject->store = store::open_s3(options, subject->server, subject->timer).value();
                return std::shared_ptr<store::ObjectStore>(subject, subject->store.get());
            }};
}

INSTANTIATE_TEST_SUITE_P(Bucket, ObjectStoreContract,
                         ::testing::Values(subject("Versioned", [](FakeS3&) {}),
                                           subject("Unversioned", [](FakeS3& server) { server.versioned = false; }),
                                           subject("WithoutListObjectVersions",
                                                   [](FakeS3& server) {
                                                       server.versioned = false;
                                                       server.versions_status = 501;
                                                   }),
                                           subject("WithoutConditions",
                                                   [](FakeS3& server) { server.knows_conditions = false; }),
                                           subject("ThatPagesByTwo", [](FakeS3& server) { server.page = 2; }),
                                           subject("WithoutVersionsByTwo",
                                                   [](FakeS3& server) {
                                                       server.versioned = false;
                                                       server.versions_status = 501;
                                                       server.page = 2;
                                                   })),
                         name_of_subject);

}  // namespace

}  // namespace lifeboat::test
