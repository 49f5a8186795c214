// Bytes from anywhere, taken for an identity file and for an age file: any answer will do, but no crash.
#include "age/age_stream.hpp"
#include "age/keys.hpp"
#include "stream/sink.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

class Nowhere final : public lifeboat::stream::Sink {
public:
    lifeboat::Status write(lifeboat::stream::Bytes /*chunk*/) override { return lifeboat::done(); }
    lifeboat::Status finish() override { return lifeboat::done(); }
};

// The identity of the published vectors in tests/unit/age/testkit, which, without their own headers, are good
// seeds: with it they open.
const lifeboat::age::Identity& identity() {
    static const lifeboat::age::Identity known =
        lifeboat::age::Identity::parse("AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0")
            .value();
    return known;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);  // NOLINT(*-reinterpret-cast)
    (void)lifeboat::age::parse_identities(text, "fuzz");
    (void)lifeboat::age::Recipient::parse(text);
    Nowhere nowhere;
    const auto stage = lifeboat::age::decryptor({identity()}, nowhere);
    if (stage->write(lifeboat::stream::as_bytes(text))) {
        (void)stage->finish();
    }
    return 0;
}
