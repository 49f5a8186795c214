// Zstandard frames (RFC 8878), by libzstd.
#pragma once

#include "stream/sink.hpp"

#include <memory>

namespace lifeboat::stream {

// Compresses what is written into one frame with a content checksum. `level` 1 to 19; up to level 9 it
// holds less than 16 MiB, at level 3 about 4.
Result<std::unique_ptr<Sink>> zstd_compressor(int level, Sink& next);

// Decompresses one or more frames. finish() is ErrorKind::corrupt when the last frame is not whole.
// Windows of more than 128 MiB are refused, as zstd itself does by default.
Result<std::unique_ptr<Sink>> zstd_decompressor(Sink& next);

}  // namespace lifeboat::stream
