#include "contract.hpp"

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

}  // namespace

}  // namespace lifeboat::test
