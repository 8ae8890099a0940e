//! The `liaison` program, for tests that need it as a process of its own.

fn main() -> std::process::ExitCode {
    liaison_cli::main()
}
