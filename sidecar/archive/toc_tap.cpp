#include "archive/toc.hpp"

#include <utility>

namespace lifeboat::archive {

TocTap::TocTap(stream::Sink& next, TocOptions options) : next_(next), reader_(std::move(options)) {}

Status TocTap::write(stream::Bytes chunk) {
    reader_.feed(chunk);
    return next_.write(chunk);
}

Status TocTap::finish() {
    return next_.finish();
}

}  // namespace lifeboat::archive
