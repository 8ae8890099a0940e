//! Which numbers of a sender's parcels came before, so that none is opened twice.

use std::collections::BTreeSet;

use crate::limits;
use crate::wire::WireFault;
use crate::wire::cbor::{self, Reader, Writer};

/// The numbers of one sender that were seen, or are void. Parcels come in any order: a second hub
/// may be faster, and a bundle slower. At most [`limits::PARCEL_WINDOW`] are kept one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// All up to this one count as seen.
    floor: u64,
    /// Seen above it, the next one not among them.
    above: BTreeSet<u64>,
}

impl Window {
    /// Whether a parcel of this number is refused.
    pub fn has(&self, number: u64) -> bool {
        number <= self.floor || self.above.contains(&number)
    }

    /// This number came, or is void.
    pub fn note(&mut self, number: u64) {
        if self.has(number) {
            return;
        }
        self.above.insert(number);
        if self.above.len() > limits::PARCEL_WINDOW
            && let Some(lowest) = self.above.pop_first()
        {
            self.floor = lowest;
        }
        while let Some(next) = self.floor.checked_add(1)
            && self.above.remove(&next)
        {
            self.floor = next;
        }
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(24 + self.above.len() * 8);
        w.array(2);
        w.uint(self.floor);
        let above: Vec<[u8; 8]> = self.above.iter().map(|n| n.to_be_bytes()).collect();
        w.joined(above.len() * 8, above.iter().map(<[u8; 8]>::as_slice));
        w.finish()
    }

    /// Reads what [`Window::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`WireFault`]: anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireFault> {
        let mut r = Reader::new(bytes);
        r.array("items in a window", 2, 2)?;
        let floor = r.uint()?;
        let pieces = r.joined::<8>()?;
        let max = limits::PARCEL_WINDOW as u64;
        cbor::bounds("numbers in a window", pieces.len() as u64, 0, max)?;
        let mut window = Self {
            floor,
            above: BTreeSet::new(),
        };
        for piece in pieces {
            window.note(u64::from_be_bytes(*piece));
        }
        let one_form = window.to_bytes() == bytes;
        let fault = r.fault("a window is not in its one form");
        r.end()?;
        one_form.then_some(window).ok_or(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who sends every second number, or lets so many go astray, gets none opened twice, however
    /// many come after it.
    #[test]
    fn what_came_stays_seen_when_more_came_than_are_kept_one_by_one() {
        let mut window = Window::default();
        let most = limits::PARCEL_WINDOW as u64;
        for at in 1..=2 * most {
            window.note(2 * at);
            assert!(window.above.len() <= limits::PARCEL_WINDOW);
        }
        for at in 1..=2 * most {
            assert!(window.has(2 * at), "{} is opened again", 2 * at);
        }
        // What is kept one by one is the newest; between these there is room for what is late.
        assert!(!window.has(4 * most - 1));
        assert!(!window.has(2 * most + 3));
        assert!(window.has(2 * most - 1), "older than the window");
        let bytes = window.to_bytes();
        assert_eq!(Window::from_bytes(&bytes), Ok(window));
    }
}
