#include "restore/incoming_stream.hpp"

#include "age/age_stream.hpp"
#include "store/segments.hpp"
#include "stream/relay.hpp"
#include "stream/zstd.hpp"

namespace lifeboat::restore {
namespace {

constexpr std::size_t queue_size = std::size_t{1} << 20U;

class TextSink final : public stream::Sink {
public:
    explicit TextSink(std::size_t limit) : limit_(limit) {}
    Status write(stream::Bytes chunk) override {
        if (text.size() + chunk.size() > limit_) {
            return Error{ErrorKind::corrupt, "a stored text is larger than " + std::to_string(limit_) + " bytes", {}};
        }
        text.append(stream::as_text(chunk));
        return done();
    }
    Status finish() override { return done(); }

    std::string text;

private:
    std::size_t limit_;
};

class Counting final : public stream::Sink {
public:
    Counting(stream::Sink& next, std::atomic<std::uint64_t>* count) : next_(next), count_(count) {}
    Status write(stream::Bytes chunk) override {
        if (count_ != nullptr) {
            count_->fetch_add(chunk.size(), std::memory_order_relaxed);
        }
        return next_.write(chunk);
    }
    Status finish() override { return next_.finish(); }

private:
    stream::Sink& next_;
    std::atomic<std::uint64_t>* count_;
};

}  // namespace

Status read_stream(const Source& source, const std::vector<store::StoredObject>& objects, stream::Sink& to) {
    auto decompressing = stream::zstd_decompressor(to);
    if (!decompressing) {
        return std::move(decompressing).error();
    }
    stream::Sink* entry = decompressing->get();
    std::unique_ptr<stream::Sink> decrypting;
    if (source.encrypted == catalogue::Encrypted::yes) {
        decrypting = age::decryptor(source.identities, *entry);
        entry = decrypting.get();
    }
    stream::Relay fetched(*entry, queue_size);
    Counting counting(fetched, source.fetched_bytes);
    if (auto read = store::read_segments(source.store, objects, counting); !read) {
        return read;
    }
    return fetched.finish();
}

Result<std::string> read_text(const Source& source, const std::vector<store::StoredObject>& objects,
                              std::size_t limit) {
    TextSink text(limit);
    if (auto read = read_stream(source, objects, text); !read) {
        return std::move(read).error();
    }
    return std::move(text.text);
}

}  // namespace lifeboat::restore
