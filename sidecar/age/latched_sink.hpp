// A stage that stays broken: what every stage of this room needs after its first error.
#pragma once

#include "stream/sink.hpp"

#include <optional>

namespace lifeboat::age {

// After an error write() and finish() return that same error again. After finish() both are an error.
class LatchedSink : public stream::Sink {
public:
    Status write(stream::Bytes chunk) final { return ended_ ? Status(*ended_) : latch(take(chunk)); }

    Status finish() final {
        if (ended_) {
            return *ended_;
        }
        Status finished = latch(take_end());
        if (finished) {
            ended_ = failed("age stream was used after its end");
        }
        return finished;
    }

protected:
    virtual Status take(stream::Bytes chunk) = 0;
    virtual Status take_end() = 0;

private:
    Status latch(Status status) {
        if (!status) {
            ended_ = status.error();
        }
        return status;
    }

    std::optional<Error> ended_;
};

}  // namespace lifeboat::age
