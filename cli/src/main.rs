//! The `liaison` program; everything is in the library, so that the tests can start it too.

/// glibc keeps what an import freed (272 MB of anonymous memory after 100,000 records, 193 with
/// this), and takes longer over many small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    liaison_cli::main()
}
