#include "stream/zstd.hpp"

#include <zstd.h>
#include <string>
#include <vector>

namespace lifeboat::stream {
namespace {

template <auto Release>
struct Releaser {
    void operator()(auto* handle) const { Release(handle); }
};
using CompressContext = std::unique_ptr<ZSTD_CCtx, Releaser<ZSTD_freeCCtx>>;
using DecompressContext = std::unique_ptr<ZSTD_DCtx, Releaser<ZSTD_freeDCtx>>;

Bytes filled(const std::vector<std::byte>& buffer, const ZSTD_outBuffer& out) {
    return Bytes(buffer).first(out.pos);
}

class Compressor final : public Sink {
public:
    Compressor(CompressContext context, Sink& next)
        : context_(std::move(context)), next_(next), out_(ZSTD_CStreamOutSize()) {}

    Status write(Bytes chunk) override {
        ZSTD_inBuffer in{chunk.data(), chunk.size(), 0};
        while (in.pos < in.size) {
            if (auto left = step(in, ZSTD_e_continue); !left) {
                return std::move(left).error();
            }
        }
        return done();
    }

    Status finish() override {
        ZSTD_inBuffer nothing{nullptr, 0, 0};
        for (;;) {
            auto left = step(nothing, ZSTD_e_end);
            if (!left) {
                return std::move(left).error();
            }
            if (*left == 0) {
                return next_.finish();
            }
        }
    }

private:
    // How many bytes the library still wants to flush.
    Result<std::size_t> step(ZSTD_inBuffer& in, ZSTD_EndDirective directive) {
        ZSTD_outBuffer out{out_.data(), out_.size(), 0};
        const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in, directive);
        if (ZSTD_isError(left) != 0U) {
            return failed(std::string("cannot compress: ") + ZSTD_getErrorName(left));
        }
        if (out.pos > 0) {
            if (auto passed = next_.write(filled(out_, out)); !passed) {
                return std::move(passed).error();
            }
        }
        return left;
    }

    CompressContext context_;
    Sink& next_;
    std::vector<std::byte> out_;
};

class Decompressor final : public Sink {
public:
    Decompressor(DecompressContext context, Sink& next)
        : context_(std::move(context)), next_(next), out_(ZSTD_DStreamOutSize()) {}

    Status write(Bytes chunk) override {
        if (!state_) {
            return state_;
        }
        state_ = decompress(chunk);
        return state_;
    }

    Status finish() override {
        if (!state_) {
            return state_;
        }
        if (frame_open_) {
            return Error{ErrorKind::corrupt, "the compressed stream ends too early", {}};
        }
        return next_.finish();
    }

private:
    Status decompress(Bytes chunk) {
        ZSTD_inBuffer in{chunk.data(), chunk.size(), 0};
        bool more = !chunk.empty();
        while (more) {
            ZSTD_outBuffer out{out_.data(), out_.size(), 0};
            const std::size_t hint = ZSTD_decompressStream(context_.get(), &out, &in);
            if (ZSTD_isError(hint) != 0U) {
                return Error{ErrorKind::corrupt,
                             std::string("the compressed stream is damaged: ") + ZSTD_getErrorName(hint),
                             {}};
            }
            frame_open_ = hint != 0;
            if (out.pos > 0) {
                if (auto passed = next_.write(filled(out_, out)); !passed) {
                    return passed;
                }
            }
            // A full output buffer may mean that more of the same input is waiting inside the library.
            more = in.pos < in.size || (out.pos == out.size && frame_open_);
        }
        return done();
    }

    DecompressContext context_;
    Sink& next_;
    std::vector<std::byte> out_;
    bool frame_open_ = true;
    Status state_;  // the first error stays
};

}  // namespace

Result<std::unique_ptr<Sink>> zstd_compressor(int level, Sink& next) {
    CompressContext context(ZSTD_createCCtx());
    if (!context) {
        return failed("no memory for the compressor");
    }
    for (const auto& [parameter, value] :
         {std::pair{ZSTD_c_compressionLevel, level}, std::pair{ZSTD_c_checksumFlag, 1}}) {
        if (const std::size_t set = ZSTD_CCtx_setParameter(context.get(), parameter, value); ZSTD_isError(set) != 0U) {
            return failed(std::string("cannot set up the compressor: ") + ZSTD_getErrorName(set));
        }
    }
    return std::unique_ptr<Sink>(std::make_unique<Compressor>(std::move(context), next));
}

Result<std::unique_ptr<Sink>> zstd_decompressor(Sink& next) {
    DecompressContext context(ZSTD_createDCtx());
    if (!context) {
        return failed("no memory for the decompressor");
    }
    return std::unique_ptr<Sink>(std::make_unique<Decompressor>(std::move(context), next));
}

}  // namespace lifeboat::stream
