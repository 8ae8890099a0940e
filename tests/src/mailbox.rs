//! Mailbox streams, frame by frame: an agency that leaves parcels at a hub and collects there.
//! What is in the parcels is noise: a hub can't tell.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use liaison_node::cardfile::CardFile;
use liaison_node::clock::{Clock, SystemClock};
use liaison_node::swarm::{Channel, FrameReader, FrameWriter, LinkedPeer};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits::{PARCEL_CLASSES, PIECE_BYTES};
use liaison_protocol::parcel::Parcel;
use liaison_protocol::wire::mailbox::{Deposit, Held, Message, Refusal, Waiting};
use liaison_protocol::wire::{Hello, Speaks};

use crate::federation::{OPEN, PATIENCE, apply_anyway};
use crate::process::{Program, Site};
use crate::raw::RawPeer;

/// A policy by which a hub carries for everybody.
pub const CARRY: &str = r#"
@id("carry-all") @says("Parcels of everybody are kept for everybody.")
permit (principal, action == Action::"carry", resource);
"#;

/// A parcel of noise.
pub fn parcel(class: usize) -> Parcel {
    let size = PARCEL_CLASSES.get(class).copied().expect("a class");
    let mut bytes = vec![0; size];
    rand::fill(&mut bytes[..]);
    Parcel::from_bytes(bytes.into()).expect("a size of parcels")
}

/// So many milliseconds from now.
pub fn in_ms(ms: u64) -> Millis {
    Millis(SystemClock.now().0 + ms)
}

/// A process's own memory, in KB.
pub fn rss_anon_kb(pid: u32) -> u64 {
    crate::footprint::status_kb(pid, "RssAnon").expect("it runs")
}

/// A hub as a process of its own.
pub struct HubSite {
    /// Its home.
    pub site: Site,
    /// Its agency.
    pub agency: AgencyId,
}

impl HubSite {
    /// Makes a hub in a folder, with these lines under `[hub]`.
    pub fn init(binary: &str, dir: &Path, config: &str) -> Self {
        let site = Site::of_sector(binary, &dir.join("hub"), "Hub", "hub");
        let file = site.home.config_path();
        let text = std::fs::read_to_string(&file).expect("its configuration");
        std::fs::write(&file, format!("{text}\n[hub]\n{config}\n")).expect("its configuration");
        let agency = site.home.card_file().expect("its card").agency();
        Self { site, agency }
    }

    /// Starts it.
    pub fn start(&self) -> Program {
        self.site.start()
    }

    /// Has it carry for everybody.
    pub fn carry_all(&self, hub: &Program) {
        self.apply(hub, &format!("{OPEN}{CARRY}"));
    }

    /// Has it apply a policy.
    pub fn apply(&self, hub: &Program, policy: &str) {
        let dir = self.site.home.policy_dir();
        std::fs::write(dir.join("policy.cedar"), policy).expect("policy");
        let args = apply_anyway(&dir);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        hub.ok(&args);
    }

    /// Puts parcels of noise into the mailbox of a hub that does not run, as it keeps them: of
    /// these agencies for each other, 4 KiB each.
    pub fn fill(&self, agencies: &[AgencyId], count: usize) {
        let (kept, expires) = (SystemClock.now().0, in_ms(7 * 24 * 3_600_000).0);
        for to in agencies {
            std::fs::create_dir_all(self.mailbox().join(to.full())).expect("a folder");
        }
        let at = |n: usize| agencies.get(n % agencies.len()).expect("agencies");
        for n in 0..count {
            let from = at(n);
            let to = Some(at(n + n / agencies.len() + 1)).filter(|to| *to != from);
            let to = to.unwrap_or_else(|| at(n + 1));
            let one = parcel(0);
            let name = format!("{}-{from}-{kept}-{expires}-other", one.id());
            let file = self.mailbox().join(to.full()).join(name);
            std::fs::write(file, one.bytes()).expect("a parcel");
        }
    }

    /// Where its parcels are.
    pub fn mailbox(&self) -> PathBuf {
        self.site.home.mailbox_dir()
    }

    /// The files of its mailbox, by name.
    pub fn files(&self) -> Vec<String> {
        let mut all = Vec::new();
        let folders = std::fs::read_dir(self.mailbox()).into_iter().flatten();
        for folder in folders.flatten() {
            let files = std::fs::read_dir(folder.path()).into_iter().flatten();
            all.extend(
                files
                    .flatten()
                    .map(|f| f.file_name().to_string_lossy().into_owned()),
            );
        }
        all.sort();
        all
    }
}

impl HubSite {
    /// Waits until its mailbox has so many files: it forgets a parcel first and deletes it then.
    /// How long that took.
    pub fn has_files(&self, count: usize) -> Duration {
        let since = Instant::now();
        loop {
            let files = self.files();
            if files.len() == count {
                return since.elapsed();
            }
            assert!(since.elapsed() < PATIENCE, "{files:?}, not {count}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl RawPeer {
    /// Links it with a hub that runs as a process, and waits until they are connected.
    pub async fn link_hub(&mut self, site: &HubSite, hub: &Program) {
        self.is_added(hub);
        self.dial_hub(site).await;
    }

    /// Links it with a node that runs as a process, and waits until they are connected.
    pub async fn link_site(&mut self, site: &Site, node: &Program) {
        self.is_added(node);
        self.dial_site(site, false).await;
    }

    fn is_added(&self, node: &Program) {
        let card = self.card_path();
        node.ok(&["peer", "add", &card, "--as", &self.name, "--yes"]);
    }

    /// Dials a hub that knows it already, and waits until they are connected.
    pub async fn dial_hub(&mut self, site: &HubSite) {
        self.dial_site(&site.site, true).await;
    }

    async fn dial_site(&mut self, site: &Site, is_our_hub: bool) {
        let text = std::fs::read_to_string(site.card()).expect("its card");
        let card = CardFile::parse(&text).expect("its card");
        let agency = card.agency();
        let statement = card.statement().expect("a keys statement");
        let nodes = statement.nodes.iter();
        let keys = nodes.clone().map(|n| *n.key.as_bytes()).collect();
        let addresses = nodes.flat_map(|n| n.addresses.clone()).collect();
        let peer = LinkedPeer {
            is_our_hub,
            ..LinkedPeer::new(agency, keys, addresses)
        };
        let problems = self.swarm().set_peers(vec![peer]).await.expect("peers");
        assert!(problems.is_empty(), "{problems:?}");
        let mut links = self.swarm().links();
        let up = links.wait_for(|all| all.iter().any(|l| l.agency == agency && l.is_up()));
        let up = tokio::time::timeout(PATIENCE, up).await;
        assert!(
            up.is_ok_and(|u| u.is_ok()),
            "{} does not connect",
            self.name
        );
    }

    /// Opens a mailbox stream, as soon as the hub is connected.
    pub async fn mailbox(&self, hub: AgencyId) -> MailStream {
        let open = async {
            loop {
                if let Ok(stream) = self.swarm().open(hub, Channel::Mailbox).await {
                    let (reader, writer) = stream.split();
                    let mut stream = MailStream {
                        reader,
                        writer,
                        waiting: VecDeque::new(),
                    };
                    let hello = Hello::new(Speaks::CURRENT, "raw", self.agency);
                    if stream.try_send(&Message::Hello(hello)).await
                        && matches!(stream.next().await, Some(Message::Hello(_)))
                    {
                        return stream;
                    }
                }
                // The hub was started anew, and is not connected again.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let open = tokio::time::timeout(PATIENCE, open).await;
        open.expect("a mailbox stream")
    }
}

/// One mailbox stream of an agency.
pub struct MailStream {
    reader: FrameReader,
    writer: FrameWriter,
    /// Announced, and not looked at yet.
    waiting: VecDeque<Waiting>,
}

impl MailStream {
    /// Sends a message, whatever it is; whether that was possible.
    pub async fn try_send(&mut self, message: &Message) -> bool {
        self.writer.send(&message.encode()).await.is_ok() && self.writer.flush().await.is_ok()
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &Message) {
        assert!(
            self.try_send(message).await,
            "{} was not sent",
            message.name()
        );
    }

    /// The next message that announces nothing; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            match self.frame().await? {
                Message::Waiting(waiting) => self.waiting.push_back(waiting),
                message => return Some(message),
            }
        }
    }

    async fn frame(&mut self) -> Option<Message> {
        let frame = tokio::time::timeout(PATIENCE, self.reader.next()).await;
        let body = frame.expect("a frame").ok().flatten()?;
        Some(Message::decode(&body).expect("a message"))
    }

    /// Leaves a parcel; the moment after that it is at the hub, or is not kept.
    pub async fn deposit(&mut self, to: AgencyId, parcel: &Parcel) -> Result<(), Refusal> {
        self.leave(to, parcel, in_ms(3_600_000), false)
            .await
            .expect("the stream lasts")
    }

    /// The same in full; none: the stream ended meanwhile.
    pub async fn leave(
        &mut self,
        to: AgencyId,
        parcel: &Parcel,
        expires: Millis,
        owed: bool,
    ) -> Option<Result<(), Refusal>> {
        let id = parcel.id();
        let deposit = Deposit {
            id,
            to,
            size: u32::try_from(parcel.bytes().len()).expect("a size of parcels"),
            expires,
            owed,
        };
        if !self.try_send(&Message::Deposit(deposit)).await {
            return None;
        }
        loop {
            match self.next().await? {
                Message::Keep(keep) if keep == id => {
                    for piece in parcel.bytes().chunks(PIECE_BYTES) {
                        let bytes = piece.to_vec();
                        if !self.try_send(&Message::Piece { id, bytes }).await {
                            return None;
                        }
                    }
                }
                Message::Kept(kept) if kept == id => return Some(Ok(())),
                Message::Refuse { id: of, why } if of == id => return Some(Err(why)),
                Message::Bye(_) => return None,
                other => panic!("an answer to a deposit was due, not {other:?}"),
            }
        }
    }

    /// Collects, so many at a time.
    pub async fn collect(&mut self, window: u32) {
        self.send(&Message::Collect(window)).await;
    }

    /// The next parcel that is announced.
    pub async fn waiting(&mut self) -> Waiting {
        if let Some(waiting) = self.waiting.pop_front() {
            return waiting;
        }
        match self.frame().await {
            Some(Message::Waiting(waiting)) => waiting,
            other => panic!("a parcel was due, not {other:?}"),
        }
    }

    /// Whether something was announced so far.
    pub fn was_told(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Fetches an announced parcel; none: it is gone.
    pub async fn fetch(&mut self, waiting: &Waiting) -> Option<Parcel> {
        self.send(&Message::Fetch(waiting.id)).await;
        let mut bytes = Vec::new();
        while bytes.len() < waiting.size as usize {
            match self.next().await {
                Some(Message::Piece { id, bytes: piece }) if id == waiting.id => {
                    bytes.extend_from_slice(&piece);
                }
                Some(Message::Gone(id)) if id == waiting.id => return None,
                other => panic!("a piece was due, not {other:?}"),
            }
        }
        let parcel = Parcel::from_bytes(bytes.into()).expect("a size of parcels");
        assert_eq!(parcel.id(), waiting.id, "other bytes than announced");
        Some(parcel)
    }

    /// Says that an announced parcel is dealt with, and waits until it is gone.
    pub async fn done(&mut self, id: ParcelId) {
        self.send(&Message::Done(id)).await;
        match self.next().await {
            Some(Message::Gone(gone)) if gone == id => {}
            other => panic!("'gone' was due, not {other:?}"),
        }
    }

    /// Takes parcels back: which of them the hub had.
    pub async fn discard(&mut self, ids: &[ParcelId]) -> Vec<bool> {
        self.send(&Message::Discard(ids.to_vec())).await;
        match self.next().await {
            Some(Message::Discarded(had)) => had,
            other => panic!("'discarded' was due, not {other:?}"),
        }
    }

    /// All that the hub holds of this agency, by id.
    pub async fn holding(&mut self) -> Vec<Held> {
        let mut all: Vec<Held> = Vec::new();
        loop {
            let after = all.last().map(|held| held.id);
            self.send(&Message::Holding(after)).await;
            match self.next().await {
                Some(Message::Held { parcels, more }) => {
                    all.extend(parcels);
                    if !more {
                        return all;
                    }
                }
                other => panic!("'held' was due, not {other:?}"),
            }
        }
    }
}
