#include "store/object_store.hpp"

namespace lifeboat::store {

namespace {

class BoundedText final : public stream::Sink {
public:
    BoundedText(const ObjectKey& key, std::uint64_t limit) : key_(key), limit_(limit) {}

    Status write(stream::Bytes chunk) override {
        if (chunk.size() > limit_ - text_.size()) {
            return Error{ErrorKind::corrupt,
                         "object '" + key_.text() + "' is larger than the " + std::to_string(limit_) +
                             " bytes that such an object may have",
                         "check what wrote it: Lifeboat keeps objects of this kind small"};
        }
        text_.append(stream::as_text(chunk));
        return done();
    }

    Status finish() override { return done(); }

    std::string take() { return std::move(text_); }

private:
    const ObjectKey& key_;
    std::uint64_t limit_;
    std::string text_;
};

}  // namespace

Result<std::string> get(ObjectStore& store, const ObjectKey& key, const std::string& version_id, std::uint64_t limit) {
    BoundedText text(key, limit);
    if (auto read = store.read(key, version_id, text); !read) {
        return read.error();
    }
    return text.take();
}

Result<StoredObject> put(ObjectStore& store, const ObjectKey& key, stream::Bytes content) {
    auto upload = store.begin(key);
    if (!upload) {
        return upload.error();
    }
    if (auto written = (*upload)->write(content); !written) {
        return written.error();
    }
    return (*upload)->commit();
}

}  // namespace lifeboat::store
