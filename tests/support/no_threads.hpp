// A system that has no thread to give, as where a container is at its limit of processes.
#pragma once

#include <pthread.h>

#include <cstddef>

namespace lifeboat::test {

// As long as it lives, std::thread and std::jthread throw std::system_error (EAGAIN): the default stack is larger than
// any address space. Threads that are there go on.
class NoThreads {
public:
    NoThreads() {
        (void)::pthread_getattr_default_np(&before_);
        pthread_attr_t attributes{};
        (void)::pthread_attr_init(&attributes);
        constexpr std::size_t more_than_there_is = std::size_t{1} << 56U;
        (void)::pthread_attr_setstacksize(&attributes, more_than_there_is);
        (void)::pthread_setattr_default_np(&attributes);
        (void)::pthread_attr_destroy(&attributes);
    }
    NoThreads(const NoThreads&) = delete;
    NoThreads& operator=(const NoThreads&) = delete;
    ~NoThreads() {
        (void)::pthread_setattr_default_np(&before_);
        (void)::pthread_attr_destroy(&before_);
    }

private:
    pthread_attr_t before_{};
};

}  // namespace lifeboat::test
