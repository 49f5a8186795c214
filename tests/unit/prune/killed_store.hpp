// A store under a process that is killed.
#pragma once

#include "store/object_store.hpp"

namespace lifeboat::prune {

// The process is gone: from the nth call on, nothing reaches the store any more. A removal that was under way may have
// been done, and nobody heard of it.
class Killed final : public store::ObjectStore {
public:
    Killed(store::ObjectStore& inner, int at, bool done_all_the_same)
        : inner_(inner), left_(at), done_all_the_same_(done_all_the_same) {}

    [[nodiscard]] bool was_killed() const { return left_ < 0; }

    [[nodiscard]] std::string location() const override { return inner_.location(); }
    [[nodiscard]] std::uint64_t max_object_size() const override { return inner_.max_object_size(); }
    Result<std::unique_ptr<store::Upload>> begin(const store::ObjectKey& key) override { return inner_.begin(key); }
    Status read(const store::ObjectKey& key, const std::string& version, stream::Sink& to) override {
        return dead() ? gone() : inner_.read(key, version, to);
    }
    Status list(const std::string& prefix, const Visitor& visit) override {
        return dead() ? gone() : inner_.list(prefix, visit);
    }
    Result<std::vector<store::UnfinishedUpload>> unfinished(const std::string& prefix) override {
        if (dead()) {
            return gone().error();
        }
        return inner_.unfinished(prefix);
    }
    Status discard(const store::UnfinishedUpload& upload) override { return dead() ? gone() : inner_.discard(upload); }
    Status remove(const store::ObjectKey& key, const std::string& version) override {
        const bool first = left_ == 0;
        if (!dead()) {
            return inner_.remove(key, version);
        }
        if (first && done_all_the_same_) {
            (void)inner_.remove(key, version);
        }
        return gone();
    }
    [[nodiscard]] bool lists_everything() const override { return inner_.lists_everything(); }

private:
    bool dead() { return left_-- <= 0; }
    static Status gone() { return Error{ErrorKind::interrupted, "killed", {}}; }

    store::ObjectStore& inner_;
    int left_;
    bool done_all_the_same_;
};

}  // namespace lifeboat::prune
