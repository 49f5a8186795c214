// Feeds arbitrary bytes to the reader of table proofs. What it takes must come back the same when it is written again,
// and differ from itself only where it says itself that something was not read.
#include "proof/differences.hpp"
#include "proof/proof_json.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

namespace {

using lifeboat::Status;
using lifeboat::proof::Difference;
using lifeboat::proof::DifferenceKind;
using lifeboat::proof::differences;
using lifeboat::proof::parse_proof;
using lifeboat::proof::Proof;
using lifeboat::proof::ProofWriter;
using lifeboat::stream::Bytes;

class Text final : public lifeboat::stream::Sink {
public:
    Status write(Bytes chunk) override {
        text += lifeboat::stream::as_text(chunk);
        return lifeboat::done();
    }
    Status finish() override { return lifeboat::done(); }

    std::string text;
};

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::string written(const Proof& proof) {
    Text text;
    ProofWriter writer(text, proof.id, proof.instance);
    for (const auto& database : proof.databases) {
        require(writer.add(database).ok());
    }
    require(writer.finish().ok());
    return text.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto proof = parse_proof(lifeboat::stream::as_text(std::as_bytes(std::span(data, size))));
    if (!proof) {
        return 0;
    }
    const auto text = written(*proof);
    const auto again = parse_proof(text);
    require(again.ok());
    require(written(*again) == text);
    const auto found = differences(*proof, *proof);
    require(std::ranges::all_of(
        found, [](const Difference& difference) { return difference.kind == DifferenceKind::not_proven; }));
    (void)differences(*proof, Proof());
    return 0;
}
