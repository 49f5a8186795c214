#include "age/age_stream.hpp"
#include "corrupt.hpp"
#include "header.hpp"
#include "latched_sink.hpp"
#include "payload.hpp"
#include "x25519_stanza.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace lifeboat::age {
namespace {

// Programs add stanzas of random kinds, which mean nobody, to keep readers tolerant.
bool is_grease(const std::string& kind) {
    return kind.ends_with("-grease");
}

std::string list_kinds(const Header& header) {
    constexpr std::size_t enough_kinds = 6;
    constexpr std::size_t enough_letters = 40;
    std::string list;
    std::size_t listed = 0;
    for (const auto& [kind, count] : header.kinds) {
        if (is_grease(kind)) {
            continue;
        }
        if (++listed > enough_kinds) {
            return list + " and others";
        }
        list += (list.empty() ? "" : ", ") + std::to_string(count) + " " + kind.substr(0, enough_letters);
    }
    return list.empty() ? "none" : list;
}

Error nobody_fits(const Header& header, std::size_t identities) {
    const std::string who = identities == 1 ? "the one identity given does not fit"
                                            : "none of the " + std::to_string(identities) + " identities given fits";
    return {ErrorKind::usage, "age file cannot be opened: " + who + " (its recipients: " + list_kinds(header) + ")",
            "give the key file that belongs to one of its recipients"};
}

Result<WipedBytes> find_file_key(const Header& header, const std::vector<Identity>& identities) {
    for (const Identity& identity : identities) {
        Result<std::optional<WipedBytes>> file_key = unwrap(header.x25519, identity);
        if (!file_key) {
            return file_key.error();
        }
        if (file_key->has_value()) {
            return std::move(**file_key);
        }
    }
    return nobody_fits(header, identities.size());
}

class Decryptor final : public LatchedSink {
public:
    Decryptor(const std::vector<Identity>& identities, stream::Sink& next)
        : identities_(identities), next_(next), sealed_(sealed_chunk_size), plain_(chunk_size) {}

private:
    Status take(stream::Bytes input) override {
        if (!header_.complete()) {
            Status taken = header_.take(input);
            if (!taken) {
                return taken;
            }
            if (!header_.complete()) {
                return done();
            }
            if (Status opened = open_header(); !opened) {
                return opened;
            }
        }
        if (!cipher_) {
            if (Status taken = take_nonce(input); !taken || !cipher_) {
                return taken;
            }
        }
        return take_payload(input);
    }

    Status take_end() override {
        if (!header_.complete()) {
            return header_.cut_short();
        }
        if (!cipher_) {
            return corrupt("age header is not followed by its whole nonce: the file ends at byte " +
                           std::to_string(header_.size() + nonce_.size()));
        }
        if (Status passed = pass_last(); !passed) {
            return passed;
        }
        return next_.finish();
    }

    Status open_header() {
        Result<WipedBytes> file_key = find_file_key(header_.header(), identities_);
        if (!file_key) {
            return file_key.error();
        }
        identities_.clear();
        file_key_ = std::move(*file_key);
        return check_mac(header_.header(), file_key_);
    }

    Status take_nonce(stream::Bytes& input) {
        const std::size_t count = std::min(payload_nonce_size - nonce_.size(), input.size());
        nonce_.append(stream::as_text(input.first(count)));
        input = input.subspan(count);
        if (nonce_.size() < payload_nonce_size) {
            return done();
        }
        const Result<WipedBytes> key = payload_key(file_key_, view_of(nonce_));
        if (!key) {
            return key.error();
        }
        file_key_ = {};
        Result<ChaCha20Poly1305> cipher = ChaCha20Poly1305::make(*key, ChaCha20Poly1305::Direction::open);
        if (!cipher) {
            return cipher.error();
        }
        cipher_ = std::move(cipher).value();
        return done();
    }

    // A full chunk is held back until more comes: only then is it known not to be the last.
    Status take_payload(stream::Bytes input) {
        while (!input.empty()) {
            if (held_ == 0 && input.size() > sealed_chunk_size) {
                const auto* front = reinterpret_cast<const unsigned char*>(input.data());  // NOLINT(*-reinterpret-cast)
                if (Status passed = pass_inner({front, sealed_chunk_size}); !passed) {
                    return passed;
                }
                input = input.subspan(sealed_chunk_size);
                continue;
            }
            if (held_ == sealed_chunk_size) {
                held_ = 0;
                if (Status passed = pass_inner(sealed_); !passed) {
                    return passed;
                }
                continue;
            }
            input = input.subspan(hold(input));
        }
        return done();
    }

    std::size_t hold(stream::Bytes input) {
        const std::size_t count = std::min(sealed_chunk_size - held_, input.size());
        std::memcpy(sealed_.data() + held_, input.data(), count);
        held_ += count;
        return count;
    }

    // A chunk that others follow.
    Status pass_inner(ByteView sealed) {
        if (open(sealed, ChunkPlace::before_others)) {
            return pass_on(sealed);
        }
        if (open(sealed, ChunkPlace::last)) {
            return pass_on_then_fail(sealed, "is marked as the last, and more bytes follow it");
        }
        return bad_chunk("does not authenticate: it was changed or is not in its place");
    }

    Status pass_last() {
        const ByteView sealed = ByteView(sealed_).first(held_);
        if (sealed.size() < ChaCha20Poly1305::tag_size) {
            return bad_chunk(sealed.empty()
                                 ? "is missing: the file ends there"
                                 : "is cut short: " + std::to_string(sealed.size()) + " bytes of it are there");
        }
        if (sealed.size() == ChaCha20Poly1305::tag_size && index_ > 0) {
            return bad_chunk("is empty, which only the one chunk of an empty file may be");
        }
        if (open(sealed, ChunkPlace::last)) {
            return pass_on(sealed);
        }
        if (sealed.size() == sealed_chunk_size && open(sealed, ChunkPlace::before_others)) {
            return pass_on_then_fail(sealed, "is not the last, and none follows it: the end of the file is missing");
        }
        return bad_chunk("does not authenticate as the last: it was changed or cut short, or is not in its place");
    }

    bool open(ByteView sealed, ChunkPlace place) {
        return cipher_->open(chunk_nonce(index_, place), sealed, plain_.data());
    }

    // Only after open() said yes.
    Status pass_on(ByteView sealed) {
        const std::size_t size = sealed.size() - ChaCha20Poly1305::tag_size;
        if (size > 0) {
            if (Status passed = next_.write(std::as_bytes(ByteView(plain_).first(size))); !passed) {
                return passed;
            }
        }
        ++index_;
        return done();
    }

    // The chunk itself is authentic and its plaintext good; it is the file around it that is not.
    Status pass_on_then_fail(ByteView sealed, const std::string& what) {
        Error error = bad_chunk(what);
        if (Status passed = pass_on(sealed); !passed) {
            return passed;
        }
        return error;
    }

    // Counts chunks from 1, and says where the chunk begins in the file.
    [[nodiscard]] Error bad_chunk(const std::string& what) const {
        const std::uint64_t at = header_.size() + payload_nonce_size + index_ * sealed_chunk_size;
        return corrupt("age payload, chunk " + std::to_string(index_ + 1) + " at byte " + std::to_string(at) + ": it " +
                       what);
    }

    std::vector<Identity> identities_;  // until the header is open
    stream::Sink& next_;
    HeaderReader header_;
    WipedBytes file_key_;  // between header and nonce
    std::string nonce_;
    std::optional<ChaCha20Poly1305> cipher_;  // once the nonce is there
    WipedBytes sealed_;
    std::size_t held_ = 0;  // bytes at the front of sealed_
    WipedBytes plain_;
    std::uint64_t index_ = 0;  // of the next chunk to open
};

}  // namespace

std::unique_ptr<stream::Sink> decryptor(const std::vector<Identity>& identities, stream::Sink& next) {
    return std::make_unique<Decryptor>(identities, next);
}

}  // namespace lifeboat::age
