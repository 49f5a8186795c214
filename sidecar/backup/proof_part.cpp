#include "proof_part.hpp"

#include "age/age_stream.hpp"
#include "store/segments.hpp"
#include "stream/zstd.hpp"

namespace lifeboat::backup {
namespace {

// Its compressor takes less memory than at the levels that archives may want, and hashes do not shrink anyway.
constexpr int level = 1;

constexpr std::size_t most_held = std::size_t{8} << 20U;

}  // namespace

Status ProofPart::Frames::Memory::write(stream::Bytes chunk) {
    text.append(stream::as_text(chunk));
    return done();
}

Status ProofPart::Frames::write(stream::Bytes chunk) {
    if (!compressing_) {
        auto compressing = stream::zstd_compressor(level, held_);
        if (!compressing) {
            return std::move(compressing).error();
        }
        compressing_ = std::move(*compressing);
    }
    return compressing_->write(chunk);
}

Status ProofPart::Frames::end_frame() {
    if (!compressing_) {
        return done();
    }
    auto ended = compressing_->finish();
    compressing_.reset();
    return ended;
}

Status ProofPart::add(proof::DatabaseProof& database) {
    if (held_.bytes().size() > most_held) {
        database.contents = {};
        database.contents.kept = archive::Kept::nothing;
        database.not_proven = "its tables are not on record: those of the databases before it take all the memory";
    }
    if (auto added = writer_.add(database); !added) {
        return added;
    }
    return held_.end_frame();
}

Result<std::vector<store::StoredObject>> ProofPart::store(store::ObjectStore& store, const store::ObjectKey& key,
                                                          const std::vector<age::Recipient>& recipients,
                                                          const std::stop_token& stop) {
    if (auto ended = writer_.finish(); !ended) {
        return std::move(ended).error();
    }
    store::SegmentWriter segments(store, key, 0, stop);
    std::unique_ptr<stream::Sink> encrypting;
    if (!recipients.empty()) {
        auto made = age::encryptor(recipients, segments);
        if (!made) {
            return std::move(made).error();
        }
        encrypting = std::move(*made);
    }
    stream::Sink& entry = encrypting ? *encrypting : segments;
    if (auto written = entry.write(stream::as_bytes(held_.bytes())); !written) {
        return std::move(written).error();
    }
    if (auto finished = entry.finish(); !finished) {
        return std::move(finished).error();
    }
    if (stop.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped", {}};
    }
    return segments.commit();
}

}  // namespace lifeboat::backup
