#include "archive_look.hpp"

#include <algorithm>

namespace lifeboat::drill {
namespace {

// Names and numbers of some four hundred thousand tables.
constexpr std::size_t most_contents = std::size_t{256} << 20U;

}  // namespace

class ArchiveLook::Tap final : public stream::Sink {
public:
    Tap(ArchiveLook& look, stream::Sink& next) : look_(look), next_(next) {}

    Status write(stream::Bytes chunk) override {
        look_.reader_->feed(chunk);
        if (look_.front_) {
            const auto missing = look_.reader_->toc().size() - look_.front_->size();
            look_.front_->keep(chunk.first(std::min<std::uint64_t>(chunk.size(), missing)));
        }
        look_.bytes_ += chunk.size();
        if (look_.moved) {
            look_.moved(look_.bytes_);
        }
        return next_.write(chunk);
    }
    Status finish() override {
        look_.reader_->finish();
        look_.header_ = look_.reader_->toc().header();
        look_.finished_ = true;
        return next_.finish();
    }

private:
    ArchiveLook& look_;
    stream::Sink& next_;
};

std::unique_ptr<stream::Sink> ArchiveLook::tap(stream::Sink& next) {
    reader_.emplace(archive::ContentsOptions{
        .also = definitions_.beside(needs_.options()), .by_column = true, .keep_at_most = most_contents});
    return std::make_unique<Tap>(*this, next);
}

std::optional<proof::Totals> ArchiveLook::totals() const {
    if (!finished_) {
        return std::nullopt;
    }
    return proof::totals_of(proof::DatabaseProof{{}, {}, {}, reader_->contents()});
}

std::optional<proof::DatabaseProof> ArchiveLook::proof(std::string database) && {
    if (!finished_) {
        return std::nullopt;
    }
    return proof::proof_of(std::move(database), std::move(*reader_));
}

}  // namespace lifeboat::drill
