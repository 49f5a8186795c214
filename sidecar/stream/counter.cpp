#include "stream/counter.hpp"

namespace lifeboat::stream {

Status Counter::write(Bytes chunk) {
    auto passed = next_.write(chunk);
    if (passed) {
        bytes_.fetch_add(chunk.size(), std::memory_order_relaxed);
    }
    return passed;
}

}  // namespace lifeboat::stream
