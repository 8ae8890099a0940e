//! The `liaison` program; everything is in the library, so that the tests can start it too.

fn main() -> std::process::ExitCode {
    liaison_cli::main()
}
