//! The `liaison` program; everything is in the library, so that the tests can start it too.

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// glibc keeps what an import freed (272 MB of anonymous memory after 100,000 records, 193 with
/// this), and takes longer over many small pieces.
///
/// What is freed is wiped: what a daemon shows of a sealed record passes through parsers, buffers
/// and answers, and none of them must leave a copy behind for a core dump or a swap file.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> std::process::ExitCode {
    liaison_cli::main()
}
