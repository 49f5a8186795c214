#include "archive/contents.hpp"

#include <utility>

namespace lifeboat::archive {

ContentsTap::ContentsTap(stream::Sink& next, ContentsOptions options) : next_(next), reader_(std::move(options)) {}

Status ContentsTap::write(stream::Bytes chunk) {
    reader_.feed(chunk);
    return next_.write(chunk);
}

Status ContentsTap::finish() {
    reader_.finish();
    return next_.finish();
}

}  // namespace lifeboat::archive
