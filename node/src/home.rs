//! The one folder of a node: keys, card, policy, store, index, drafts, socket.

mod keyring;
mod keys;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use liaison_protocol::card::AgencyKeys;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::{PublicKey, SecretKey};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::record::codes::{Country2, Purpose, Regime, RouteRole, Sector, Tlp};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::kinds::contact::{CardKeys, Function};
use liaison_protocol::record::kinds::keys::NodeKey;
use liaison_protocol::record::kinds::{Contact, Content, Keys};
use liaison_protocol::record::signed::{FormFault, Record, SignedRecord, VerifiedRecord};
use liaison_protocol::seal::SealingKey;
use zeroize::Zeroizing;

pub use self::keys::{KeyChange, RootKeyText};
use crate::audit::seal;
use crate::cardfile::{CardFile, CardFileError};
use crate::keyring::KeyringError;
use crate::limits;
use crate::swarm::{PeerAddr, SwarmError};

/// A node's folder.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
}

/// What `init` has to know.
#[derive(Clone, Debug)]
pub struct InitRequest {
    /// The agency's name, as its card states it.
    pub name: String,
    /// Its country.
    pub country: Country2,
    /// Its sector.
    pub sector: Sector,
    /// What its country is on the routes that it works on.
    pub route_roles: Vec<RouteRole>,
    /// Its data-protection law.
    pub regime: Regime,
    /// Addresses at which others reach this node: `HOST` or `HOST:PORT`.
    pub addresses: Vec<String>,
}

/// What `init` made.
#[derive(Clone, Debug)]
pub struct InitReport {
    /// The agency.
    pub agency: AgencyId,
    /// Its 30 digits.
    pub fingerprint: String,
    /// The folder.
    pub path: PathBuf,
}

/// What may be changed on a card; what is absent stays.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CardEdit {
    /// Name.
    pub name: Option<String>,
    /// Country.
    #[schema(value_type = Option<String>)]
    pub country: Option<Country2>,
    /// Sector.
    #[schema(value_type = Option<String>)]
    pub sector: Option<Sector>,
    /// Route roles.
    #[schema(value_type = Option<Vec<String>>)]
    pub route_roles: Option<Vec<RouteRole>>,
    /// Regime.
    #[schema(value_type = Option<String>)]
    pub regime: Option<Regime>,
    /// Contact points.
    #[schema(value_type = Option<Vec<Object>>)]
    pub functions: Option<Vec<Function>>,
    /// Addresses of this node.
    pub addresses: Option<Vec<String>>,
    /// The text of the root key's file, where the home does not hold it.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<RootKeyText>,
}

/// The secrets that a running node holds; the root key is not among them.
#[derive(Debug)]
pub struct NodeSecrets {
    /// Signs records.
    pub signing: SecretKey,
    /// The node's libp2p identity.
    pub node: Zeroizing<[u8; 32]>,
}

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is a node in it already.
    #[error(
        "{dir} already holds a node of {name}. Choose another folder with --home, or use this one"
    )]
    Exists {
        /// The folder.
        dir: String,
        /// Who lives there.
        name: String,
    },
    /// There is no node in it.
    #[error(
        "there is no node in {dir}. Make one with 'liaison init', or name another folder with --home"
    )]
    Missing {
        /// The folder.
        dir: String,
    },
    /// The socket's path would be too long for the kernel.
    #[error(
        "the path {path} has {found} bytes; a socket's path may have {}. Choose a shorter folder with --home",
        limits::SOCKET_PATH_BYTES
    )]
    PathTooLong {
        /// The socket's path.
        path: String,
        /// Its bytes.
        found: usize,
    },
    /// A file can't be read or written.
    #[error(
        "{path}: {source}. Check that you may read and write this folder and that the disk has room"
    )]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A key file is damaged.
    #[error(
        "{path} is no key file: it should hold 64 hexadecimal digits. Restore it from your backup"
    )]
    KeyFile {
        /// The file.
        path: String,
    },
    /// The root key is not here, as it should be when it is kept in a safe.
    #[error(
        "{path} is missing: the root key is kept elsewhere, and this step needs it. Bring the medium with its file and type the command again with --root FILE"
    )]
    NoRoot {
        /// Where it would be.
        path: String,
    },
    /// The root key is another agency's.
    #[error(
        "this is the root key of another agency. Look for the file that 'liaison keys root remove' wrote for this one"
    )]
    WrongRoot,
    /// A key that is on no card of ours.
    #[error("key {} is on no card of ours. 'liaison keys show' lists them", key.to_string().chars().take(8).collect::<String>())]
    UnknownKey {
        /// The key.
        key: PublicKey,
    },
    /// The card file is damaged.
    #[error("{path}: {source}")]
    Card {
        /// The file.
        path: String,
        /// Why.
        source: CardFileError,
    },
    /// The audit log's key is damaged.
    #[error("audit-key.public: {0}")]
    AuditKey(seal::SealError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// An address that can't be dialled.
    #[error(transparent)]
    Address(SwarmError),
    /// The card states something that no card may.
    #[error("the card can't be signed: {0}")]
    Unsignable(#[from] FormFault),
}

impl Home {
    /// The node in this folder, whether or not there is one yet.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether a node was made here.
    pub fn exists(&self) -> bool {
        self.card_path().exists()
    }

    /// The local API's socket.
    pub fn socket_path(&self) -> PathBuf {
        self.dir.join("liaison.sock")
    }

    /// `config.toml`.
    pub fn config_path(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    /// `officers.toml`: who may use the node, and as what.
    pub fn officers_path(&self) -> PathBuf {
        self.dir.join("officers.toml")
    }

    /// The audit log's folder.
    pub fn audit_dir(&self) -> PathBuf {
        self.dir.join("audit")
    }

    /// Public half of the key that what officers type is sealed to, in the audit log.
    pub fn audit_key_path(&self) -> PathBuf {
        self.dir.join("audit-key.public")
    }

    /// Where `init` leaves the private half, until the data-protection officer takes it away.
    pub fn audit_secret_path(&self) -> PathBuf {
        self.dir.join("audit-key.private")
    }

    /// The key that what officers type is sealed to; `None`: there is none.
    ///
    /// # Errors
    /// [`HomeError`] where the file is there and can't be used.
    pub fn audit_key(&self) -> Result<Option<seal::PublicKey>, HomeError> {
        let path = self.audit_key_path();
        match fs::read_to_string(&path) {
            Ok(text) => seal::PublicKey::parse(&text)
                .map(Some)
                .map_err(HomeError::AuditKey),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io(&path, e)),
        }
    }

    /// Puts another key in its place; the private half stays with whoever made it.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn put_audit_key(&self, key: &seal::PublicKey) -> Result<(), HomeError> {
        write(&self.audit_key_path(), key.to_text().as_bytes(), 0o644)
    }

    /// The folder of the agency's policy files.
    pub fn policy_dir(&self) -> PathBuf {
        self.dir.join("policy")
    }

    /// The store's folder.
    pub fn store_dir(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// The folder of the parcels that this node keeps as a hub.
    pub fn mailbox_dir(&self) -> PathBuf {
        self.dir.join("mailbox")
    }

    /// The search index's folder.
    pub fn index_dir(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// Drafts that were not sent yet.
    pub fn drafts_dir(&self) -> PathBuf {
        self.dir.join("drafts")
    }

    fn keys_dir(&self) -> PathBuf {
        self.dir.join("keys")
    }

    fn card_path(&self) -> PathBuf {
        self.dir.join("card.liaison")
    }

    /// Makes a node: keys, a card, a keys statement, an empty policy, and a revoke-all card
    /// to be kept apart.
    ///
    /// # Errors
    /// [`HomeError`]; a folder that holds a node is left as it is.
    pub fn init(&self, request: InitRequest, now: Millis) -> Result<InitReport, HomeError> {
        check_addresses(&request.addresses)?;
        self.prepare()?;
        let (root, signing, node) = (fresh(), fresh(), fresh());
        let agency = AgencyId::from_bytes(*root.public().as_bytes());
        let contact = Contact {
            org: request.name,
            sector: request.sector,
            country: request.country,
            route_roles: request.route_roles,
            regime: request.regime,
            memberships: Vec::new(),
            functions: Vec::new(),
            keys: CardKeys {
                signing: vec![keys::entry(signing.public(), now)],
                revoked: Vec::new(),
                revoke_all: false,
            },
            revision: 1,
            valid_until: in_days(now, wire_limits::CARD_DAYS - 1),
        };
        let revoke_all = self.revoke_all(&root, &contact, now)?;
        let card = self.sign_card(&root, contact, now)?;
        let claim = Claim {
            addresses: request.addresses,
            hubs: Vec::new(),
            sealing: self.first_keyring(now)?,
        };
        let keys = self.sign_keys(&signing, agency, &node, claim, 1, now)?;
        let file = CardFile::new(verified(card, &mut AgencyKeys::new(agency))?, None);
        let file = with_keys(&file, keys)?;

        self.write_secret("root.key", &root.to_bytes())?;
        self.furnish(&signing, &node, &revoke_all, &file)?;
        Ok(InitReport {
            agency,
            fingerprint: agency.fingerprint(),
            path: self.dir.clone(),
        })
    }

    /// Makes the folders of a new home.
    fn prepare(&self) -> Result<(), HomeError> {
        self.check_socket_path()?;
        if self.exists() {
            let name = self
                .card_file()
                .ok()
                .and_then(|c| c.contact().map(|c| c.org.clone()))
                .unwrap_or_else(|| "another agency".into());
            return Err(HomeError::Exists {
                dir: self.dir.display().to_string(),
                name,
            });
        }
        for dir in [
            self.dir.clone(),
            self.keys_dir(),
            self.policy_dir(),
            self.drafts_dir(),
        ] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&dir)
                .map_err(|e| io(&dir, e))?;
        }
        Ok(())
    }

    /// Writes everything of a new home but the root key.
    fn furnish(
        &self,
        signing: &SecretKey,
        node: &SecretKey,
        revoke_all: &CardFile,
        file: &CardFile,
    ) -> Result<(), HomeError> {
        self.write_secret("signing.key", &signing.to_bytes())?;
        self.write_secret("node.key", &node.to_bytes())?;
        write(
            &self.keys_dir().join("revoke-all.liaison"),
            revoke_all.to_text().as_bytes(),
            0o600,
        )?;
        write(
            &self.policy_dir().join("policy.cedar"),
            EMPTY_POLICY.as_bytes(),
            0o640,
        )?;
        write(
            &self.policy_dir().join("entities.json"),
            EMPTY_ENTITIES.as_bytes(),
            0o640,
        )?;
        write(&self.config_path(), CONFIG_TEMPLATE.as_bytes(), 0o640)?;
        // Whoever made the files is the first officer.
        let made_by = fs::metadata(self.config_path())
            .map_err(|e| io(&self.config_path(), e))?
            .uid();
        let (secret, public) = seal::pair();
        self.put_audit_key(&public)?;
        write(
            &self.audit_secret_path(),
            secret.to_text().as_bytes(),
            0o600,
        )?;
        let officers = crate::officers::first_file(made_by);
        write(&self.officers_path(), officers.as_bytes(), 0o640)?;
        // The card comes last: its presence is what makes the folder a node.
        write(&self.card_path(), file.to_text().as_bytes(), 0o644)?;
        Ok(())
    }

    /// The card that revokes all keys, to be kept apart.
    fn revoke_all(
        &self,
        root: &SecretKey,
        contact: &Contact,
        now: Millis,
    ) -> Result<CardFile, HomeError> {
        let mut contact = contact.clone();
        contact.revision = limits::REVOKE_ALL_REVISION;
        contact.keys.revoke_all = true;
        let card = self.sign_card(root, contact, now)?;
        let agency = AgencyId::from_bytes(*root.public().as_bytes());
        Ok(CardFile::new(
            verified(card, &mut AgencyKeys::new(agency))?,
            None,
        ))
    }

    /// The agency's own card file.
    ///
    /// # Errors
    /// [`HomeError::Missing`] where there is no node, [`HomeError::Card`] where it is damaged.
    pub fn card_file(&self) -> Result<CardFile, HomeError> {
        let path = self.card_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(HomeError::Missing {
                    dir: self.dir.display().to_string(),
                });
            }
            Err(e) => return Err(io(&path, e)),
        };
        CardFile::parse(&text).map_err(|source| HomeError::Card {
            path: path.display().to_string(),
            source,
        })
    }

    /// The secrets of a running node.
    ///
    /// # Errors
    /// [`HomeError`] where a key file is missing or damaged.
    pub fn secrets(&self) -> Result<NodeSecrets, HomeError> {
        if !self.exists() {
            return Err(HomeError::Missing {
                dir: self.dir.display().to_string(),
            });
        }
        self.settle_next()?;
        self.secrets_as_they_are()
    }

    /// The same, for whoever only looks: a change of the signing key may be under way.
    pub(crate) fn secrets_as_they_are(&self) -> Result<NodeSecrets, HomeError> {
        Ok(NodeSecrets {
            signing: SecretKey::from_bytes(&*self.read_secret("signing.key")?),
            node: self.read_secret("node.key")?,
        })
    }

    /// Signs a new card (and, for new addresses, a new keys statement) and writes it.
    ///
    /// # Errors
    /// [`HomeError::NoRoot`] where the root key is kept elsewhere; others as said there.
    pub fn edit_card(&self, edit: CardEdit, now: Millis) -> Result<CardFile, HomeError> {
        check_addresses(edit.addresses.as_deref().unwrap_or_default())?;
        let old = self.card_file()?;
        let secrets = self.secrets()?;
        let mut file = old.clone();
        let CardEdit {
            name,
            country,
            sector,
            route_roles,
            regime,
            functions,
            addresses,
            root,
        } = edit;
        let changes_card = name.is_some()
            || country.is_some()
            || sector.is_some()
            || route_roles.is_some()
            || regime.is_some()
            || functions.is_some();
        if let (true, Some(contact)) = (changes_card || addresses.is_none(), old.contact()) {
            let root = self.root_key(root.as_ref(), old.agency())?;
            let mut contact = contact.clone();
            contact.revision += 1;
            contact.valid_until = in_days(now, wire_limits::CARD_DAYS - 1);
            contact.org = name.unwrap_or(contact.org);
            contact.country = country.unwrap_or(contact.country);
            contact.sector = sector.unwrap_or(contact.sector);
            contact.route_roles = route_roles.unwrap_or(contact.route_roles);
            contact.regime = regime.unwrap_or(contact.regime);
            contact.functions = functions.unwrap_or(contact.functions);
            let card = self.sign_card(&root, contact, now)?;
            let card = verified(card, &mut AgencyKeys::new(old.agency()))?;
            file = CardFile::new(card, old.keys().cloned());
        }
        if let Some(addresses) = addresses {
            let number = next_number(&file);
            let claim = Claim {
                addresses,
                ..Claim::of(&file, now)
            };
            file = self.new_statement(&file, &secrets, claim, number, now)?;
        }
        write(&self.card_path(), file.to_text().as_bytes(), 0o644)?;
        Ok(file)
    }

    /// Renews the keys statement when less than two thirds of its time is left, or when it does
    /// not list these sealing keys and hubs; gives the card file as it then is, and whether the
    /// statement is new. Without hubs it keeps those that it lists.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn renew_keys(
        &self,
        sealing: Vec<SealingKey>,
        hubs: Option<Vec<AgencyId>>,
        now: Millis,
    ) -> Result<(CardFile, bool), HomeError> {
        let file = self.card_file()?;
        let left = file
            .statement()
            .map_or(0, |s| s.until.0.saturating_sub(now.0));
        let mut claim = Claim::of(&file, now);
        let hubs = hubs.unwrap_or_else(|| claim.hubs.clone());
        let as_it_should = claim.sealing == sealing && claim.hubs == hubs;
        if as_it_should && left > wire_limits::KEYS_STATEMENT_DAYS * limits::DAY_MS / 3 * 2 {
            return Ok((file, false));
        }
        claim.sealing = sealing;
        claim.hubs = hubs;
        let number = next_number(&file);
        let file = self.new_statement(&file, &self.secrets()?, claim, number, now)?;
        write(&self.card_path(), file.to_text().as_bytes(), 0o644)?;
        Ok((file, true))
    }

    /// Signs a keys statement whose number is above all that were signed since the backup that
    /// this home was made of: two statements of one number would be a fork.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn keys_after_restore(
        &self,
        sealing: Vec<SealingKey>,
        now: Millis,
    ) -> Result<CardFile, HomeError> {
        let file = self.card_file()?;
        let claim = Claim {
            sealing,
            ..Claim::of(&file, now)
        };
        let before = file.statement().map_or(0, |s| s.number);
        let number = before.saturating_add(limits::STATEMENTS_LEFT_OUT);
        let file = self.new_statement(&file, &self.secrets()?, claim, number, now)?;
        write(&self.card_path(), file.to_text().as_bytes(), 0o644)?;
        Ok(file)
    }

    fn new_statement(
        &self,
        file: &CardFile,
        secrets: &NodeSecrets,
        claim: Claim,
        number: u64,
        now: Millis,
    ) -> Result<CardFile, HomeError> {
        let node = SecretKey::from_bytes(&secrets.node);
        let keys = self.sign_keys(&secrets.signing, file.agency(), &node, claim, number, now)?;
        with_keys(file, keys)
    }

    fn sign_card(
        &self,
        root: &SecretKey,
        contact: Contact,
        now: Millis,
    ) -> Result<SignedRecord, HomeError> {
        let agency = AgencyId::from_bytes(*root.public().as_bytes());
        let title = contact.org.clone();
        let record = Record::new(
            agency,
            Hlc::new(now, 0),
            plain_fields(Tlp::Green, title),
            Content::Contact(contact),
        );
        Ok(record.sign(root)?)
    }

    fn sign_keys(
        &self,
        signing: &SecretKey,
        agency: AgencyId,
        node: &SecretKey,
        claim: Claim,
        number: u64,
        now: Millis,
    ) -> Result<SignedRecord, HomeError> {
        let keys = Keys {
            number,
            nodes: vec![NodeKey::claim(node, agency, number, claim.addresses)],
            hubs: claim.hubs,
            sealing: claim.sealing,
            from: now,
            until: Millis(
                now.0
                    .saturating_add(wire_limits::KEYS_STATEMENT_DAYS * limits::DAY_MS),
            ),
        };
        let record = Record::new(
            agency,
            Hlc::new(now, 0),
            plain_fields(Tlp::Clear, "Keys statement".into()),
            Content::Keys(keys),
        );
        Ok(record.sign(signing)?)
    }

    /// Whether a socket can be made in it: a home may have been moved since `init`.
    ///
    /// # Errors
    /// [`HomeError::PathTooLong`].
    pub fn check_socket_path(&self) -> Result<(), HomeError> {
        let path = self.socket_path();
        let found = path.as_os_str().len();
        if found > limits::SOCKET_PATH_BYTES {
            return Err(HomeError::PathTooLong {
                path: path.display().to_string(),
                found,
            });
        }
        Ok(())
    }

    fn read_secret(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, HomeError> {
        let path = self.keys_dir().join(name);
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(|e| io(&path, e))?);
        keys::secret(&path.display().to_string(), &text)
    }

    fn write_secret(&self, name: &str, bytes: &[u8; 32]) -> Result<(), HomeError> {
        let text = Zeroizing::new(data_encoding::HEXLOWER.encode(bytes) + "\n");
        write(&self.keys_dir().join(name), text.as_bytes(), 0o600)
    }
}

/// Writes a file whole or not at all: beside it, synced, then renamed over it.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), HomeError> {
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)
        .map_err(|e| io(&beside, e))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|e| io(&beside, e))?;
    fs::rename(&beside, path).map_err(|e| io(path, e))
}

/// What a keys statement says that may change.
struct Claim {
    addresses: Vec<String>,
    hubs: Vec<AgencyId>,
    sealing: Vec<SealingKey>,
}

impl Claim {
    /// What the statement of a card file says, less what has ended.
    fn of(file: &CardFile, now: Millis) -> Self {
        let statement = file.statement();
        let nodes = statement.iter().flat_map(|s| s.nodes.iter());
        let sealing = statement.iter().flat_map(|s| s.sealing.iter());
        Self {
            addresses: nodes.flat_map(|n| n.addresses.clone()).collect(),
            hubs: statement.map(|s| s.hubs.clone()).unwrap_or_default(),
            sealing: sealing.filter(|key| now < key.until).cloned().collect(),
        }
    }
}

/// Statements are numbered from 1.
fn next_number(file: &CardFile) -> u64 {
    file.statement().map_or(0, |s| s.number) + 1
}

fn io(path: &Path, source: std::io::Error) -> HomeError {
    HomeError::Io {
        path: path.display().to_string(),
        source,
    }
}

fn check_addresses(addresses: &[String]) -> Result<(), HomeError> {
    for address in addresses {
        let _dialled: PeerAddr = address.parse().map_err(HomeError::Address)?;
    }
    Ok(())
}

fn fresh() -> SecretKey {
    SecretKey::from_bytes(&Zeroizing::new(rand::random::<[u8; 32]>()))
}

fn in_days(now: Millis, days: u64) -> Date {
    Date::from_millis(Millis(now.0.saturating_add(days * limits::DAY_MS)))
}

fn verified(card: SignedRecord, keys: &mut AgencyKeys) -> Result<VerifiedRecord, HomeError> {
    keys.learn(card).map(|(_, card)| card).map_err(own_card)
}

fn with_keys(file: &CardFile, keys: SignedRecord) -> Result<CardFile, HomeError> {
    let mut agency = AgencyKeys::new(file.agency());
    let card = SignedRecord::parse(file.card().bytes().clone())?;
    let (_, card) = agency.learn(card).map_err(own_card)?;
    let keys = keys.verify(&agency).map_err(|e| own_card(e.into()))?;
    Ok(CardFile::new(card, Some(keys)))
}

fn own_card(fault: liaison_protocol::card::CardFault) -> HomeError {
    HomeError::Card {
        path: "card.liaison".into(),
        source: CardFileError::Card(fault),
    }
}

fn plain_fields(tlp: Tlp, title: String) -> Fields {
    Fields {
        thread: None,
        supersedes: None,
        tlp,
        pap: None,
        handling: Vec::new(),
        handling_note: None,
        onward: Onward::Community,
        purpose: Purpose::Prevention,
        legal_basis: None,
        class: None,
        crime: Vec::new(),
        basis: None,
        grade: None,
        lang: "en".into(),
        title,
        summary: None,
        review_by: None,
        expires: None,
        refs: Vec::new(),
        exercise: None,
    }
}

/// The envelope of an affirmation: it says nothing of the records but their ids.
pub(crate) fn affirmation_fields() -> Fields {
    plain_fields(Tlp::Clear, "Affirmation".into())
}

const EMPTY_POLICY: &str = r#"// Who gets what. Nothing is shared or taken in until a statement permits it.
// 'liaison policy check' reads this folder, 'liaison policy apply' makes it hold.
// Examples to start from: examples/policies/.
"#;

const EMPTY_ENTITIES: &str = "{\n  \"circles\": {}\n}\n";

const CONFIG_TEMPLATE: &str = r#"# Configuration of this node. What is commented out is the default.

# listen = ["0.0.0.0", "[::]"]   # UDP (QUIC) and TCP
# exercise = "SARAJEVO-1"        # makes this store an exercise store
# smallest_count = 1             # smallest shareable count where no fixed threshold holds
# records_per_minute = 1000000   # per peer
# repair_every_s = 3600
# cache_mb = 32

# [audit]
# keep_mb = 1024                 # the audit log: the oldest lines leave beyond it

# [keyring]                      # what makes sealed records readable
# file = "keys/keyring.key"

# [referral]
# identity_kept_days = 30        # who a person is, after the referral is over
# profile_kept_months = 12       # the referral itself

# [hubs]                         # by whom we are reached, and sent what we missed; none
# use = ["hub-sar"]              # linked peers that are hubs, the preferred one first
# after_s = 300
# parcel_days = 14

# [hub]                          # this node carries for others; absent: it does not

# [notify]                       # run with "new 2", "overdue 1" and the like; nothing else
# command = ["/usr/local/bin/page-the-desk"]
# every_s = 60

# [metrics]                      # figures and health, for this machine alone; absent: none
# listen = "127.0.0.1:9464"

# [log]
# format = "human"               # or "json"
# filter = "info"
"#;
