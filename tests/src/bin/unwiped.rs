//! Plants a word in memory and frees it without wiping, as the system's allocator does: what a
//! search of memory has to find. The word is read backwards, so that only what was freed has it.

use std::io::{BufRead, Write};

/// Copies: the allocator writes over some of what is freed.
const COPIES: usize = 1_000;

/// Bytes before the word: the first of what is freed belong to the allocator.
const BEFORE: usize = 64;

fn main() -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut backwards = String::new();
    input.read_line(&mut backwards)?;
    let word = || backwards.trim().bytes().rev();
    let planted: Vec<Vec<u8>> = (0..COPIES)
        .map(|_| std::iter::repeat_n(b'.', BEFORE).chain(word()).collect())
        .collect();
    // Used, so that it is there at all.
    let bytes: usize = planted.iter().map(Vec::len).sum();
    drop(planted);
    let mut out = std::io::stdout();
    writeln!(out, "freed {bytes} bytes")?;
    out.flush()?;
    // Until the test has looked.
    input.read_line(&mut backwards)?;
    Ok(())
}
