//! The side that asks for a repair.

use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::hello::Hello;
use crate::wire::message::Message;
use crate::wire::repair::set::{Entry, Set};
use crate::wire::repair::{Effect, Event, Nonce, Session, unexpected};

/// Asks: compares ranges, tells the other side what is missing here, and learns what is
/// missing there.
#[derive(Debug)]
pub struct Initiator {
    session: Session,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Waits for the other nonce.
    Opening(Vec<Entry>),
    /// Waits for ranges.
    Comparing(Set),
    /// Said `done`, waits for the other's.
    Ending(Set),
}

impl Initiator {
    /// An initiator on a stream that was just opened, and the hello to send.
    pub fn new(ours: Hello, nonce: Nonce, entries: Vec<Entry>) -> (Self, Message) {
        let (session, hello) = Session::new(ours, nonce);
        (
            Self {
                session,
                state: State::Opening(entries),
            },
            hello,
        )
    }

    /// Takes an event and gives what is to be done, in order.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        if self.session.head.is_over() {
            return out;
        }
        if let Err(fault) = self.take(event, &mut out) {
            self.session.head.fail(fault, &mut out);
        }
        if self.session.head.is_over() {
            self.state = State::Opening(Vec::new());
        }
        out
    }

    fn take(&mut self, event: Event, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let Some(message) = self.session.take(event, out)? else {
            return Ok(());
        };
        match (&mut self.state, message) {
            (State::Opening(entries), Message::Nonce(theirs)) => {
                if theirs == self.session.ours {
                    return Err(WireFault::EchoedNonce);
                }
                let set = Set::new(std::mem::take(entries), &self.session.ours, &theirs);
                let ranges = set.initiate()?;
                self.session.send(Message::Ranges(ranges), out);
                self.state = State::Comparing(set);
                Ok(())
            }
            (State::Comparing(set), Message::Ranges(ranges)) => {
                self.session.round()?;
                let mut need = Vec::new();
                let next = set.next(&ranges, &mut need)?;
                for hashes in need.chunks(limits::REPAIR_MISSING) {
                    self.session.send(Message::Missing(hashes.to_vec()), out);
                }
                match next {
                    Some(ranges) => self.session.send(Message::Ranges(ranges), out),
                    None => {
                        self.session.send(Message::Done, out);
                        self.state = State::Ending(std::mem::take(set));
                    }
                }
                Ok(())
            }
            (State::Ending(set), Message::Done) => {
                let offer = set.take_lacking();
                let nonce = self.session.ours;
                self.session.finish(offer, nonce, out);
                Ok(())
            }
            (State::Opening(_), other) => Err(unexpected("nonce", &other)),
            (State::Comparing(_), other) => Err(unexpected("ranges", &other)),
            (State::Ending(_), other) => Err(unexpected("done", &other)),
        }
    }
}
