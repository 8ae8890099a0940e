//! The head that all sessions share: the hellos, the farewell, the fault that ends a stream, and
//! the time.

use crate::clock::Millis;
use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::hello::Hello;
use crate::wire::message::{Message, Reason};

/// How far a session is. What a machine does beside this is its own.
#[derive(Debug)]
pub(super) struct Head {
    ours: Hello,
    /// In use; none before the peer's hello.
    version: Option<u16>,
    over: bool,
    now: Option<Millis>,
    opened_at: Option<Millis>,
}

/// What a peer's message was to the head.
pub(super) enum Came<M> {
    /// Its hello: the session is open.
    Hello,
    /// Its farewell: the session is over.
    Bye,
    /// Nothing: it is for the machine.
    Other(M),
}

/// What a head has its machine's caller do. Each machine has these among its effects ([`acts`]).
pub(super) enum Act<M> {
    Send(M),
    Opened { version: u16, peer: Hello },
    Closed(Reason),
    Fault(WireFault),
}

/// A message of one sort of stream, sorted by what all streams have.
pub(super) enum Sorted<M> {
    Hello(Hello),
    Bye(Reason),
    Other(M),
}

/// The messages of one sort of stream.
pub(super) trait Spoken: Sized {
    fn hello(hello: Hello) -> Self;
    fn bye(reason: Reason) -> Self;
    fn sorted(self) -> Sorted<Self>;
    /// For faults.
    fn name(&self) -> &'static str;
}

impl Head {
    /// The head of a stream that was just opened, and the hello to send.
    pub(super) fn new<M: Spoken>(ours: Hello) -> (Self, M) {
        let hello = M::hello(ours.clone());
        let head = Self {
            ours,
            version: None,
            over: false,
            now: None,
            opened_at: None,
        };
        (head, hello)
    }

    /// Whether the peer said hello and the session is not over.
    pub(super) fn is_open(&self) -> bool {
        self.version.is_some() && !self.over
    }

    /// Whether nothing is taken or sent any more.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The time, once it was told.
    pub(super) fn now(&self) -> Option<Millis> {
        self.now
    }

    /// Takes a message of the peer. Its hello has to be the first.
    pub(super) fn take<M: Spoken, E: From<Act<M>>>(
        &mut self,
        message: M,
        out: &mut Vec<E>,
    ) -> Result<Came<M>, WireFault> {
        match message.sorted() {
            Sorted::Bye(reason) => {
                self.over = true;
                out.push(Act::Closed(reason).into());
                Ok(Came::Bye)
            }
            Sorted::Hello(peer) if self.version.is_none() => {
                let version = self.agree(&peer)?;
                self.version = Some(version);
                out.push(Act::Opened { version, peer }.into());
                Ok(Came::Hello)
            }
            Sorted::Hello(again) => Ok(Came::Other(M::hello(again))),
            Sorted::Other(message) if self.version.is_some() => Ok(Came::Other(message)),
            Sorted::Other(message) => Err(WireFault::Unexpected {
                expected: "hello",
                found: message.name(),
            }),
        }
    }

    fn agree(&self, peer: &Hello) -> Result<u16, WireFault> {
        let common = self.ours.speaks.common(peer.speaks);
        common.ok_or_else(|| WireFault::Incompatible {
            ours: self.ours.speaks,
            theirs: peer.speaks,
            software: peer.software.clone(),
        })
    }

    /// Takes the time; the peer's hello may be overdue.
    pub(super) fn tick(&mut self, now: Millis) -> Result<(), WireFault> {
        self.now = Some(now);
        let opened_at = *self.opened_at.get_or_insert(now);
        match self.version {
            None => overdue(now, opened_at, limits::HELLO_MS, "its hello"),
            Some(_) => Ok(()),
        }
    }

    /// The caller ends the stream.
    pub(super) fn close<M: Spoken, E: From<Act<M>>>(&mut self, reason: Reason, out: &mut Vec<E>) {
        self.over = true;
        out.push(Act::Send(M::bye(reason)).into());
        out.push(Act::Closed(reason).into());
    }

    /// A fault ends the stream. Where no version is in common, a farewell would not be read.
    pub(super) fn fail<M: Spoken, E: From<Act<M>>>(&mut self, fault: WireFault, out: &mut Vec<E>) {
        self.over = true;
        if !matches!(fault, WireFault::Incompatible { .. }) {
            out.push(Act::Send(M::bye(Reason::Fault)).into());
        }
        out.push(Act::Fault(fault).into());
    }

    /// The caller has nothing left to do on the stream.
    pub(super) fn finish(&mut self) {
        self.over = true;
    }
}

/// Whether something due is overdue.
pub(super) fn overdue(
    now: Millis,
    since: Millis,
    allowed_ms: u64,
    waiting_for: &'static str,
) -> Result<(), WireFault> {
    let after_ms = now.0.saturating_sub(since.0);
    if after_ms > allowed_ms {
        return Err(WireFault::Silent {
            waiting_for,
            after_ms,
        });
    }
    Ok(())
}

/// Says which messages of a sort of stream are those that all streams have.
macro_rules! spoken {
    ($message:ty) => {
        impl $crate::wire::head::Spoken for $message {
            fn hello(hello: $crate::wire::hello::Hello) -> Self {
                Self::Hello(hello)
            }

            fn bye(reason: $crate::wire::message::Reason) -> Self {
                Self::Bye(reason)
            }

            fn sorted(self) -> $crate::wire::head::Sorted<Self> {
                use $crate::wire::head::Sorted;
                match self {
                    Self::Hello(hello) => Sorted::Hello(hello),
                    Self::Bye(reason) => Sorted::Bye(reason),
                    other => Sorted::Other(other),
                }
            }

            fn name(&self) -> &'static str {
                <$message>::name(self)
            }
        }
    };
}
pub(super) use spoken;

spoken!(Message);

/// Puts a head's acts among a machine's effects.
macro_rules! acts {
    ($effect:ty, $message:ty) => {
        impl From<$crate::wire::head::Act<$message>> for $effect {
            fn from(act: $crate::wire::head::Act<$message>) -> Self {
                use $crate::wire::head::Act;
                match act {
                    Act::Send(message) => Self::Send(message),
                    Act::Opened { version, peer } => Self::Opened { version, peer },
                    Act::Closed(reason) => Self::Closed(reason),
                    Act::Fault(fault) => Self::Fault(fault),
                }
            }
        }
    };
}
pub(super) use acts;
