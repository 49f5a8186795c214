// Makes the kernel itself refuse a system call to one thread, by a seccomp filter: the code under test meets a
// full disk, a quota or a lost device where no real one can be had.
#pragma once

#include <gtest/gtest.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace lifeboat::test {

enum class When { always, argument_equals, argument_has_bit, argument_is_at_least };

struct FailingCall {
    unsigned number = 0;  // __NR_fsync and the like
    int error = 0;        // the errno that it gives from now on
    When when = When::always;
    unsigned argument = 0;  // counted from 0; its lower 32 bits are looked at
    std::uint32_t value = 0;
};

inline std::vector<sock_filter> filter_of(const FailingCall& call) {
    constexpr std::uint16_t load = BPF_LD | BPF_W | BPF_ABS;
    const std::uint32_t refuse = SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(call.error) & SECCOMP_RET_DATA);
    std::uint16_t test = BPF_JMP | BPF_JGE | BPF_K;  // always: any argument is at least 0
    if (call.when == When::argument_equals) {
        test = BPF_JMP | BPF_JEQ | BPF_K;
    } else if (call.when == When::argument_has_bit) {
        test = BPF_JMP | BPF_JSET | BPF_K;
    }
    const std::uint32_t value = call.when == When::always ? 0 : call.value;
    const auto argument =
        static_cast<std::uint32_t>(offsetof(seccomp_data, args) + sizeof(std::uint64_t) * call.argument);
    return {
        {load, 0, 0, static_cast<std::uint32_t>(offsetof(seccomp_data, nr))},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, call.number},
        {load, 0, 0, argument},
        {test, 0, 1, value},
        {BPF_RET | BPF_K, 0, 0, refuse},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
}

// For the rest of the calling thread's life.
[[nodiscard]] inline bool refuse_from_now_on(const FailingCall& call) {
    std::vector<sock_filter> instructions = filter_of(call);
    sock_fprog program{static_cast<unsigned short>(instructions.size()), instructions.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Runs `act` where each of `calls` fails.
inline void where_failing(const std::vector<FailingCall>& calls, const std::function<void()>& act) {
    bool refused = true;
    std::thread([&] {
        for (const FailingCall& call : calls) {
            refused = refused && refuse_from_now_on(call);
        }
        if (refused) {
            act();
        }
    }).join();
    ASSERT_TRUE(refused) << "this kernel takes no seccomp filter, so the fault could not be made";
}

}  // namespace lifeboat::test
