//! What a hub gets to know by carrying, and nothing else: docs/hubs.md and SPEC.md list the same,
//! which a test compares, and `tests/all/hub_blind.rs` looks for anything beyond it.

/// One thing that a hub learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learnt {
    /// What.
    pub what: &'static str,
    /// From what.
    pub by: &'static str,
    /// Where it is, and for how long.
    pub stays: &'static str,
}

/// All that a hub learns of the agencies for which it carries, beside what each of them
/// releases to it as a peer.
pub const LEARNS: [Learnt; 7] = [
    Learnt {
        what: "Who deposits parcels for whom, how many, when, and until when they wait",
        by: "deposits",
        stays: "names of folders and files in `mailbox/` until a parcel leaves; counts a minute in the audit log",
    },
    Learnt {
        what: "The size class of each parcel: 4, 16, 64 or 256 KiB, or 1 MiB",
        by: "deposits",
        stays: "size of the file",
    },
    Learnt {
        what: "To which sealing key of the addressee a parcel is sealed",
        by: "deposits",
        stays: "the first bytes of the file",
    },
    Learnt {
        what: "Whether what is in a parcel is owed to its addressee, such as a retraction, so that it goes first",
        by: "deposits",
        stays: "name of the file",
    },
    Learnt {
        what: "When an agency collects, and which parcels its depositor takes back",
        by: "collecting, discarding",
        stays: "counts a minute in the audit log",
    },
    Learnt {
        what: "The addresses from which an agency connects, and when it is connected",
        by: "connections and reservations",
        stays: "memory; when an agency was last connected in the store",
    },
    Learnt {
        what: "Who has a circuit to whom, when, and how many bytes go each way",
        by: "circuits",
        stays: "memory, as long as the circuit",
    },
];
