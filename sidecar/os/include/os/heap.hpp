// How the process's heap behaves.
#pragma once

namespace lifeboat::os {

// Once, before any thread: large blocks, such as parts of an upload, go back to the system when they are freed, for
// good. glibc on its own keeps blocks of up to 32 MiB for later as soon as it has freed one, and in a heap for each
// thread: what a program holds then has little to do with what it uses.
void return_large_blocks() noexcept;

// Gives free pages back to the system now, of whatever size the blocks were: after a crowd of small ones, of which the
// last to stay keeps all others. Takes a millisecond or so for each few MiB.
void return_free_pages() noexcept;

}  // namespace lifeboat::os
