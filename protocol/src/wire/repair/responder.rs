//! The side that is asked for a repair.

use crate::wire::fault::WireFault;
use crate::wire::hello::Hello;
use crate::wire::message::Message;
use crate::wire::repair::set::{Entry, Set};
use crate::wire::repair::{Effect, Event, Nonce, Session, unexpected};

/// Answers: compares ranges and learns what is missing on the other side.
#[derive(Debug)]
pub struct Responder {
    session: Session,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Waits for the other nonce.
    Opening(Vec<Entry>),
    /// Answers ranges, notes what is missing, until `done`; with the initiator's nonce.
    Comparing(Set, Nonce),
}

impl Responder {
    /// A responder on a stream that a peer opened, and the hello to send.
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
                let set = Set::new(std::mem::take(entries), &theirs, &self.session.ours);
                self.state = State::Comparing(set, theirs);
                Ok(())
            }
            (State::Comparing(set, _), Message::Ranges(ranges)) => {
                self.session.round()?;
                let reply = set.reply(&ranges)?;
                self.session.send(Message::Ranges(reply), out);
                Ok(())
            }
            (State::Comparing(set, _), Message::Missing(hashes)) => {
                hashes.iter().try_for_each(|hash| set.lacks(hash))
            }
            (State::Comparing(set, nonce), Message::Done) => {
                let offer = set.take_lacking();
                self.session.send(Message::Done, out);
                let nonce = *nonce;
                self.session.finish(offer, nonce, out);
                Ok(())
            }
            (State::Opening(_), other) => Err(unexpected("nonce", &other)),
            (State::Comparing(..), other) => Err(unexpected("ranges, missing or done", &other)),
        }
    }
}
