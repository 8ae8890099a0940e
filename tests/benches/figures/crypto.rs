//! Signatures alone: what everything else is compared with.

use liaison_protocol::key::SecretKey;

use crate::Fallible;
use crate::table::{Table, Work, grouped};

/// Messages as long as the signed part of a record of 600 bytes.
const MESSAGE_BYTES: usize = 600;

/// Checked in one go; a batch check gains little beyond.
const BATCH: usize = 128;

/// Measures strict and batch checks.
pub fn measure(table: &mut Table) -> Fallible<SecretKey> {
    let key = SecretKey::from_bytes(&[7; 32]);
    let signed: Vec<(Vec<u8>, [u8; 64])> = (0..4_096u32)
        .map(|n| {
            let message = n.to_be_bytes().repeat(MESSAGE_BYTES / 4);
            let signature = key.sign(&message);
            (message, signature)
        })
        .collect();
    let verifier = key.public().verifier().ok_or("no point")?;
    let mut cpu_us = f64::INFINITY;
    // The best of several rounds: others may be using the machine.
    let strict = (0..5)
        .map(|_| {
            let work = Work::begin();
            assert!(signed.iter().all(|(m, s)| verifier.verify(m, s)));
            let (wall, cpu) = work.end();
            cpu_us = f64::min(cpu_us, cpu * 1e6 / signed.len() as f64);
            signed.len() as f64 / wall
        })
        .fold(0.0, f64::max);
    table.strict(strict, cpu_us);
    let rate = batch(&key, &signed)?;
    table.row(
        "Ed25519 batch, one core",
        format!("{} records/s", grouped(rate)),
        &format!("{:.2}", rate / strict),
        "reference only",
    );
    Ok(key)
}

#[allow(
    clippy::disallowed_methods,
    reason = "measured for reference: what strictness costs"
)]
fn batch(key: &SecretKey, signed: &[(Vec<u8>, [u8; 64])]) -> Fallible<f64> {
    let public = ed25519_dalek::VerifyingKey::from_bytes(key.public().as_bytes())?;
    let keys = vec![public; BATCH];
    let signatures: Vec<_> = signed
        .iter()
        .map(|(_, s)| ed25519_dalek::Signature::from_bytes(s))
        .collect();
    let messages: Vec<&[u8]> = signed.iter().map(|(m, _)| m.as_slice()).collect();
    let work = Work::begin();
    for (messages, signatures) in messages.chunks(BATCH).zip(signatures.chunks(BATCH)) {
        ed25519_dalek::verify_batch(messages, signatures, &keys[..messages.len()])?;
    }
    Ok(signed.len() as f64 / work.end().0)
}
