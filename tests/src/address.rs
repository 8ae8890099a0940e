//! Addresses on this machine that no other node has, for nodes that stop and start again, and for
//! those whose address is written down before they start.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range from which the system gives ports to whoever asks for any.
const PORT: u16 = 9_470;

/// An address that nobody else on this machine has, in all likelihood: a port on it is free until
/// whoever it is for binds it.
pub fn own_ip() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // All of 127.0.0.0/8 is this machine; 127.0.0.x is left to others.
    const ADDRESSES: u32 = 1 << 23;
    let n = std::process::id()
        .wrapping_mul(4099)
        .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
        % ADDRESSES;
    let [_, a, b, c] = (n + (1 << 16)).to_be_bytes();
    Ipv4Addr::new(127, a, b, c)
}

/// The same with a port.
pub fn own_address() -> SocketAddr {
    (own_ip(), PORT).into()
}
