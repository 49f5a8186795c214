#include "backup/outgoing_stream.hpp"

#include "age/age_stream.hpp"
#include "stream/zstd.hpp"

namespace lifeboat::backup {
namespace {

constexpr std::size_t queue_size = std::size_t{1} << 20U;

}  // namespace

OutgoingStream::OutgoingStream(store::ObjectStore& store, const store::ObjectKey& key, const std::stop_token& stop)
    : segments_(store, key, 0, stop), out_(segments_), storing_(out_, queue_size) {}

Status OutgoingStream::write(stream::Bytes chunk) {
    bytes_in_.fetch_add(chunk.size(), std::memory_order_relaxed);
    return entry_->write(chunk);
}

Result<std::unique_ptr<OutgoingStream>> OutgoingStream::open(store::ObjectStore& store, const store::ObjectKey& key,
                                                             int level, const std::vector<age::Recipient>& recipients,
                                                             const std::stop_token& stop) {
    std::unique_ptr<OutgoingStream> stream(new OutgoingStream(store, key, stop));
    stream::Sink* next = &stream->storing_;
    if (!recipients.empty()) {
        auto encrypting = age::encryptor(recipients, *next);
        if (!encrypting) {
            return std::move(encrypting).error();
        }
        stream->encrypting_ = std::move(*encrypting);
        next = stream->encrypting_.get();
    }
    auto compressing = stream::zstd_compressor(level, *next);
    if (!compressing) {
        return std::move(compressing).error();
    }
    stream->compressing_ = std::move(*compressing);
    stream->entry_ = std::make_unique<stream::Relay>(*stream->compressing_, queue_size);
    return stream;
}

}  // namespace lifeboat::backup
