// How the process's heap behaves.
#pragma once

namespace lifeboat::os {

// Once, before any thread: large blocks, such as parts of an upload, go back to the system when they are freed, for
// good. glibc on its own keeps blocks of up to 32 MiB for later as soon as it has freed one, and in a heap for each
// thread: what a program holds then has little to do with what it uses.
void return_large_blocks() noexcept;

}  // namespace lifeboat::os
