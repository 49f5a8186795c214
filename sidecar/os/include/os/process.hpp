// What a long-lived process sets for itself and for the children it will have.
#pragma once

#include <sys/types.h>
#include <vector>

namespace lifeboat::os {

// Short of memory, the kernel ends this process and its later children before anything else in the container's
// neighbourhood. Needs no right; false where it is not possible.
bool offer_to_die_first() noexcept;

// Whatever our children leave behind when they die becomes our child, also where we are not process 1: so that
// nothing goes on unseen, and nothing stays as a zombie.
void adopt_orphans() noexcept;

// Reaps every ended child but `ours`, whose ends others wait for. Never waits.
void reap_orphans(const std::vector<pid_t>& ours) noexcept;

}  // namespace lifeboat::os
