#include "age/age_stream.hpp"
#include "header.hpp"
#include "latched_sink.hpp"
#include "payload.hpp"
#include "x25519_stanza.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lifeboat::age {
namespace {

ByteView as_view(stream::Bytes bytes) {
    return {reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()};  // NOLINT(*-reinterpret-cast)
}

class Encryptor final : public LatchedSink {
public:
    // `preamble` is what stands before the first chunk: the header and the payload's nonce.
    Encryptor(std::string preamble, ChaCha20Poly1305 cipher, stream::Sink& next)
        : preamble_(std::move(preamble)), cipher_(std::move(cipher)), next_(next), chunk_(sealed_chunk_size) {}

private:
    Status take(stream::Bytes input) override {
        if (Status sent = send_preamble(); !sent) {
            return sent;
        }
        while (!input.empty()) {
            // More than a chunk follows, so this one is not the last: straight from the caller's memory.
            if (held_ == 0 && input.size() > chunk_size) {
                if (Status sent = send_chunk(as_view(input.first(chunk_size)), ChunkPlace::before_others); !sent) {
                    return sent;
                }
                input = input.subspan(chunk_size);
                continue;
            }
            if (held_ == chunk_size) {
                if (Status sent = send_held(ChunkPlace::before_others); !sent) {
                    return sent;
                }
                continue;
            }
            input = input.subspan(hold(input));
        }
        return done();
    }

    // A full chunk is held back until more comes, so there is always one to be the last.
    Status take_end() override {
        if (Status sent = send_preamble(); !sent) {
            return sent;
        }
        if (Status sent = send_held(ChunkPlace::last); !sent) {
            return sent;
        }
        return next_.finish();
    }

    std::size_t hold(stream::Bytes input) {
        const std::size_t count = std::min(chunk_size - held_, input.size());
        std::memcpy(chunk_.data() + held_, input.data(), count);
        held_ += count;
        return count;
    }

    Status send_preamble() {
        if (preamble_.empty()) {
            return done();
        }
        return next_.write(stream::as_bytes(std::exchange(preamble_, {})));
    }

    Status send_held(ChunkPlace place) { return send_chunk(ByteView(chunk_).first(std::exchange(held_, 0)), place); }

    // The ciphertext takes the place of what is held, which is nothing or the plaintext itself.
    Status send_chunk(ByteView plaintext, ChunkPlace place) {
        if (Status sealed = cipher_.seal(chunk_nonce(index_++, place), plaintext, chunk_.data()); !sealed) {
            return sealed;
        }
        return next_.write(std::as_bytes(ByteView(chunk_).first(plaintext.size() + ChaCha20Poly1305::tag_size)));
    }

    std::string preamble_;
    ChaCha20Poly1305 cipher_;
    stream::Sink& next_;
    WipedBytes chunk_;
    std::size_t held_ = 0;  // bytes of plaintext at the front of chunk_
    std::uint64_t index_ = 0;
};

}  // namespace

Result<std::unique_ptr<stream::Sink>> encryptor(const std::vector<Recipient>& recipients, stream::Sink& next) {
    if (recipients.empty()) {
        return Error{ErrorKind::usage, "nobody is named to encrypt to", "name at least one recipient (age1…)"};
    }
    const Result<WipedBytes> file_key = random_bytes(file_key_size);
    const Result<WipedBytes> nonce = random_bytes(payload_nonce_size);
    if (!file_key || !nonce) {
        return file_key ? nonce.error() : file_key.error();
    }
    std::vector<X25519Stanza> stanzas;
    for (const Recipient& recipient : recipients) {
        Result<X25519Stanza> stanza = wrap(*file_key, recipient);
        if (!stanza) {
            return stanza.error();
        }
        stanzas.push_back(*stanza);
    }
    Result<std::string> preamble = write_header(*file_key, stanzas);
    if (!preamble) {
        return preamble.error();
    }
    preamble->append(nonce->begin(), nonce->end());
    const Result<WipedBytes> key = payload_key(*file_key, *nonce);
    if (!key) {
        return key.error();
    }
    Result<ChaCha20Poly1305> cipher = ChaCha20Poly1305::make(*key, ChaCha20Poly1305::Direction::seal);
    if (!cipher) {
        return cipher.error();
    }
    return std::unique_ptr<stream::Sink>(
        std::make_unique<Encryptor>(std::move(*preamble), std::move(cipher).value(), next));
}

}  // namespace lifeboat::age
