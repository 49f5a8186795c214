// The table proof as JSON: docs/proof.md.
//
// A name is a JSON text where its bytes are UTF-8, else {"hex": "…"}: names are in the encoding of their database, and
// two of them must never become one. Readers ignore fields that they do not know, and refuse a `format` or an
// `algorithm` that they do not know.
#pragma once

#include "proof/proof.hpp"
#include "stream/sink.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace lifeboat::proof {

// Writes a proof as the databases come, so that no more than one is in memory. Nothing is whole before finish().
// After an error it is only good for being destroyed. One thread at a time.
class ProofWriter {
public:
    // `to` must outlive the writer.
    ProofWriter(stream::Sink& to, std::string id, std::string instance);

    Status add(const DatabaseProof& database);

    // The plain globals script's hash, in hex: any time before finish().
    void globals(std::string sha256) { globals_sha256_ = std::move(sha256); }

    // Ends the document, and finishes `to`.
    Status finish();

private:
    Status begin();
    Status lists(const archive::Contents& contents);
    template <class Items>
    Status list(std::string_view name, const Items& items);
    Status put(std::string_view text);

    stream::Sink& to_;
    std::string head_;
    std::string globals_sha256_;
    std::string waiting_;  // so that the sink gets no crumbs
    bool begun_ = false;
};

// ErrorKind::corrupt names the field that is wrong, and no table.
Result<Proof> parse_proof(std::string_view json);

}  // namespace lifeboat::proof
