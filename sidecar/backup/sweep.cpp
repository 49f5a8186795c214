#include "backup/sweep.hpp"

#include <algorithm>

namespace lifeboat::backup {
namespace {

enum class Manner { in_earnest, only_said };

class Sweeper {
public:
    Sweeper(store::ObjectStore& store, os::TimePoint before, Manner manner)
        : store_(store), before_(before), manner_(manner) {}

    void run(const catalogue::Leftover& leftover) {
        if (leftover.touched >= before_) {
            ++outcome_.too_young;
            return;
        }
        for (const auto& upload : leftover.uploads) {
            discard(upload);
        }
        // What looks as if it had no manifest may have one that this key cannot see.
        if (!leftover.objects.empty() && !store_.lists_everything()) {
            refused(failed("data without a manifest may have one that this key cannot see, and was left",
                           "give the key the right to list versions: s3:ListBucketVersions"));
            return;
        }
        for (const auto& object : leftover.objects) {
            remove(object);
        }
    }

    void stray(const store::UnfinishedUpload& upload) {
        if (upload.started >= before_) {
            ++outcome_.too_young;
        } else {
            discard(upload);
        }
    }

    void refused(const Error& error) {
        if (!outcome_.refused) {
            outcome_.refused = error;
        }
    }

    [[nodiscard]] const SweepOutcome& outcome() const { return outcome_; }

private:
    void discard(const store::UnfinishedUpload& upload) {
        if (manner_ == Manner::only_said || note(store_.discard(upload))) {
            ++outcome_.uploads;
        }
    }

    void remove(const store::ObjectInfo& object) {
        if (!may_remove_) {
            return;
        }
        const auto removed = manner_ == Manner::only_said ? done() : store_.remove(object.key, object.version_id);
        if (note(removed)) {
            ++outcome_.objects;
            outcome_.bytes += object.size;
        } else {
            // A key without the right to delete is refused once, not for every object. One that is locked is passed
            // over.
            may_remove_ = removed.error().kind == ErrorKind::refused;
        }
    }

    bool note(const Status& status) {
        if (!status) {
            refused(status.error());
        }
        return status.ok();
    }

    store::ObjectStore& store_;
    const os::TimePoint before_;
    const Manner manner_;
    bool may_remove_ = true;
    SweepOutcome outcome_;
};

Result<SweepOutcome> sweep(store::ObjectStore& store, const std::string& instance, std::chrono::milliseconds min_age,
                           os::TimePoint our_time, Manner manner) {
    auto layout = catalogue::Layout::of(instance);
    if (!layout) {
        return std::move(layout).error();
    }
    auto leftovers = catalogue::find_leftovers(store, *layout);
    if (!leftovers) {
        return std::move(leftovers).error();
    }
    if (!leftovers->newest_manifest) {
        return SweepOutcome{};  // nothing tells the store's time
    }
    Sweeper sweeper(store, std::min(*leftovers->newest_manifest, our_time) - min_age, manner);
    if (leftovers->uploads_unseen) {
        sweeper.refused(*leftovers->uploads_unseen);
    }
    for (const auto& run : leftovers->runs) {
        sweeper.run(run);
    }
    for (const auto& upload : leftovers->strays) {
        sweeper.stray(upload);
    }
    return sweeper.outcome();
}

}  // namespace

Result<SweepOutcome> sweep(store::ObjectStore& store, const std::string& instance, std::chrono::milliseconds min_age,
                           os::TimePoint our_time) {
    return sweep(store, instance, min_age, our_time, Manner::in_earnest);
}

Result<SweepOutcome> would_sweep(store::ObjectStore& store, const std::string& instance,
                                 std::chrono::milliseconds min_age, os::TimePoint our_time) {
    return sweep(store, instance, min_age, our_time, Manner::only_said);
}

}  // namespace lifeboat::backup
