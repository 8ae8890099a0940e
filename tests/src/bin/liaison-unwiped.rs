//! The `liaison` program with an allocator that wipes nothing: what the search of memory has to
//! find. No agency runs it.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    liaison_cli::main()
}
