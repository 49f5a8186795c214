#include "health/board.hpp"

#include <utility>

namespace lifeboat::health {

Board::Board(Facts first) : facts_(std::make_shared<const Facts>(std::move(first))) {}

void Board::publish(Facts facts) {
    auto fresh = std::make_shared<const Facts>(std::move(facts));
    const std::lock_guard lock(mutex_);
    facts_.swap(fresh);
    // The old one is in `fresh` now, which outlives the lock: freeing it costs nobody's time but ours.
}

std::shared_ptr<const Facts> Board::read() const {
    const std::lock_guard lock(mutex_);
    return facts_;
}

}  // namespace lifeboat::health
