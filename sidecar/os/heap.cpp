#include "os/heap.hpp"

#include <malloc.h>

namespace lifeboat::os {

void return_large_blocks() noexcept {
    constexpr int large = 512 * 1024;
    constexpr int heaps = 2;
    (void)::mallopt(M_MMAP_THRESHOLD, large);  // setting it also keeps glibc from raising it
    (void)::mallopt(M_TRIM_THRESHOLD, large);
    (void)::mallopt(M_ARENA_MAX, heaps);
}

void return_free_pages() noexcept {
    (void)malloc_trim(0);
}

}  // namespace lifeboat::os
