//! A new home: its folders, keys and first files.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

use liaison_protocol::card::AgencyKeys;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::SecretKey;
use liaison_protocol::limits as wire_limits;
use liaison_protocol::record::codes::{Country2, Regime, RouteRole, Sector};
use liaison_protocol::record::kinds::Contact;
use liaison_protocol::record::kinds::contact::CardKeys;

use super::card::{Claim, check_addresses, in_days, verified, with_keys};
use super::{Home, HomeError, io, keys, write};
use crate::audit::seal;
use crate::cardfile::CardFile;
use crate::limits;

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

impl Home {
    /// Makes a node: keys, a card, a keys statement, an empty policy, and a revoke-all card
    /// to be kept apart.
    ///
    /// # Errors
    /// [`HomeError`]; a folder that holds a node is left as it is.
    pub fn init(&self, request: InitRequest, now: Millis) -> Result<InitReport, HomeError> {
        check_addresses(&request.addresses)?;
        if !self.exists() && self.has_keys() {
            return Err(HomeError::KeysAlone {
                dir: self.dir.display().to_string(),
            });
        }
        self.prepare()?;
        let (root, signing, node) = (keys::fresh(), keys::fresh(), keys::fresh());
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

    /// Whether there are keys that no other copy may exist of: the root key, or those of a node
    /// that has run.
    fn has_keys(&self) -> bool {
        let key = |name: &str| self.keys_dir().join(name).exists();
        key("root.key") || (key("signing.key") && self.store_dir().exists())
    }

    /// Makes the folders of a new home.
    pub(super) fn prepare(&self) -> Result<(), HomeError> {
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
    pub(super) fn furnish(
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
    pub(super) fn revoke_all(
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
}

const EMPTY_POLICY: &str = r#"// Who gets what. Nothing is shared or taken in until a statement permits it.
// 'liaison policy check' reads this folder, 'liaison policy apply' makes it hold.
// Examples to start from: examples/policies/.
"#;

const EMPTY_ENTITIES: &str = "{\n  \"circles\": {}\n}\n";

pub(crate) const CONFIG_TEMPLATE: &str = r#"# Configuration of this node. What is commented out is the default, or an example.

# listen = ["0.0.0.0", "[::]"]   # UDP (QUIC) and TCP
# exercise = "SARAJEVO-1"        # makes this store an exercise store
# smallest_count = 1             # smallest shareable count where no fixed threshold holds
# records_per_minute = 1000000   # per peer
# repair_every_s = 3600
# cache_mb = 32

# [hubs]                         # for peers that are away, or that nobody can call
# use = ["hub-sar"]              # linked peers that are hubs, the preferred one first
# after_s = 300                  # without a connection, before a peer is sent parcels
# parcel_days = 14

# [hub]                          # carries for linked peers: this line alone makes it a hub
# reservations = 512
# circuits_per_agency = 128
# parcels_per_agency = 10000
# mailbox_mb = 10240
# mailbox_mb_per_agency = 1024

# [policy]
# solver = "/usr/bin/cvc5"       # proves policies; else cvc5 on the PATH

# [audit]
# keep_mb = 1024                 # the audit log: the oldest lines leave beyond it

# [keyring]                      # what makes sealed records readable
# file = "keys/keyring.key"

# [referral]
# identity_kept_days = 30        # who a person is, after the referral is over
# profile_kept_months = 12       # the referral itself

# [notify]                       # run with "new 2", "overdue 1" and the like; nothing else
# command = ["/usr/local/bin/page-the-desk"]
# every_s = 60

# [metrics]                      # figures and health, for this machine alone; absent: none
# listen = "127.0.0.1:9464"

# [log]
# format = "human"               # or "json"
# filter = "info"
"#;
