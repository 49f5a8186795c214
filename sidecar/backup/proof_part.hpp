// The table proof of a run: gathered as the databases come, stored behind the last one.
#pragma once

#include "age/keys.hpp"
#include "proof/proof_json.hpp"
#include "store/object_store.hpp"

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::backup {

// Between two databases it holds the proofs so far, compressed: a few kilobytes for most servers. An upload that is
// open all the while would hold the buffers of its parts instead, beside those of the database that is being dumped.
class ProofPart {
public:
    ProofPart(std::string id, std::string instance) : writer_(held_, std::move(id), std::move(instance)) {}

    // Once 8 MiB are held, it drops the lists of what comes, and says so in `not_proven`.
    Status add(proof::DatabaseProof& database);

    // The hash of the globals script, in hex.
    void globals(std::string sha256) { writer_.globals(std::move(sha256)); }

    // Once, behind the last database. Success: it is whole in the store. No recipients: stored without encryption.
    Result<std::vector<store::StoredObject>> store(store::ObjectStore& store, const store::ObjectKey& key,
                                                   const std::vector<age::Recipient>& recipients,
                                                   const std::stop_token& stop);

private:
    // Compresses what comes between two databases into a frame of its own, so that no compressor waits meanwhile.
    // Frames behind each other are one stream to every reader.
    class Frames final : public stream::Sink {
    public:
        Status write(stream::Bytes chunk) override;
        Status finish() override { return end_frame(); }
        Status end_frame();
        [[nodiscard]] std::string_view bytes() const { return held_.text; }

    private:
        struct Memory final : stream::Sink {
            Status write(stream::Bytes chunk) override;
            Status finish() override { return done(); }
            std::string text;
        };
        Memory held_;
        std::unique_ptr<stream::Sink> compressing_;
    };

    Frames held_;
    proof::ProofWriter writer_;
};

}  // namespace lifeboat::backup
