//! The `liaison` program, for tests that need it as a process of its own.

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> std::process::ExitCode {
    liaison_cli::main()
}
