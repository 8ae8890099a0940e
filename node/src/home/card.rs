//! The agency's card and keys statement: edited, renewed, signed.

use liaison_protocol::card::AgencyKeys;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::SecretKey;
use liaison_protocol::limits as wire_limits;
use liaison_protocol::record::codes::{Country2, Purpose, Regime, RouteRole, Sector, Tlp};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::kinds::contact::Function;
use liaison_protocol::record::kinds::keys::NodeKey;
use liaison_protocol::record::kinds::{Contact, Content, Keys};
use liaison_protocol::record::signed::{Record, SignedRecord, VerifiedRecord};
use liaison_protocol::seal::SealingKey;

use super::keys::{retire, trim};
use super::{Home, HomeError, NodeSecrets, RootKeyText, write};
use crate::cardfile::{CardFile, CardFileError};
use crate::limits;
use crate::registry::Agency;
use crate::swarm::PeerAddr;

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

impl Home {
    /// Signs a new card (and, for new addresses, a new keys statement) and writes it, where no
    /// node runs that could know of a newer one.
    ///
    /// # Errors
    /// [`HomeError::NoRoot`] where the root key is kept elsewhere; others as said there.
    pub fn edit_card(&self, edit: CardEdit, now: Millis) -> Result<CardFile, HomeError> {
        let file = self.edited_card(edit, None, now)?;
        self.keep_card(&file)?;
        Ok(file)
    }

    /// Writes a card that was signed, and tried where it has to hold.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn keep_card(&self, file: &CardFile) -> Result<(), HomeError> {
        write(&self.card_path(), file.to_text().as_bytes(), 0o644)
    }

    /// Signs a new card (and, for new addresses, a new keys statement): one that follows the
    /// newest of ours that is `known`, also where this home was set back behind it.
    ///
    /// # Errors
    /// As [`Self::edit_card`].
    pub fn edited_card(
        &self,
        edit: CardEdit,
        known: Option<&Agency>,
        now: Millis,
    ) -> Result<CardFile, HomeError> {
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
        if let (true, Some(mut contact)) = (
            changes_card || addresses.is_none(),
            newest_contact(&old, known),
        ) {
            let root = self.root_key(root.as_ref(), old.agency())?;
            contact.revision = contact.revision.saturating_add(1);
            contact.valid_until = in_days(now, wire_limits::CARD_DAYS - 1);
            contact.org = name.unwrap_or(contact.org);
            contact.country = country.unwrap_or(contact.country);
            contact.sector = sector.unwrap_or(contact.sector);
            contact.route_roles = route_roles.unwrap_or(contact.route_roles);
            contact.regime = regime.unwrap_or(contact.regime);
            contact.functions = functions.unwrap_or(contact.functions);
            let card = self.sign_card(&root, contact, now)?;
            let card = verified(card, &mut AgencyKeys::new(old.agency()))?;
            file = CardFile::new(card, None);
            // A newer card may have revoked its key: then the key in use changes first.
            if let Some(keys) = old.keys() {
                file = with_keys(&file, SignedRecord::parse(keys.bytes().clone())?)?;
            }
        }
        if let Some(addresses) = addresses {
            let number = next_number(&file);
            let claim = Claim {
                addresses,
                ..Claim::of(&file, now)
            };
            file = self.new_statement(&file, &secrets, claim, number, now)?;
        }
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

    pub(super) fn new_statement(
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

    pub(super) fn sign_card(
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
            plain_fields(Tlp::Green, &title),
            Content::Contact(contact),
        );
        Ok(record.sign(root)?)
    }

    pub(super) fn sign_keys(
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
            plain_fields(Tlp::Clear, "Keys statement"),
            Content::Keys(keys),
        );
        Ok(record.sign(signing)?)
    }
}

/// What a keys statement says that may change.
pub(super) struct Claim {
    pub(super) addresses: Vec<String>,
    pub(super) hubs: Vec<AgencyId>,
    pub(super) sealing: Vec<SealingKey>,
}

impl Claim {
    /// What the statement of a card file says, less what has ended.
    pub(super) fn of(file: &CardFile, now: Millis) -> Self {
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

/// What the next card is made of: the newest card of ours, be it in the home or only known from
/// peers that had it. The keys on both stand on it.
pub(super) fn newest_contact(file: &CardFile, known: Option<&Agency>) -> Option<Contact> {
    let ours = file.contact()?;
    let newest = known.and_then(Agency::contact).filter(|newest| {
        (ours.revision..limits::REVOKE_ALL_REVISION).contains(&newest.revision)
            && newest.revision > ours.revision
    });
    let Some(newest) = newest else {
        return Some(ours.clone());
    };
    let mut newest = newest.clone();
    for gone in &ours.keys.revoked {
        retire(&mut newest.keys, gone.key, gone.state, gone.at);
    }
    for entry in &ours.keys.signing {
        let listed = newest.keys.signing.iter().any(|e| e.key == entry.key);
        let revoked = newest.keys.revoked.iter().any(|e| e.key == entry.key);
        if !listed && !revoked {
            newest.keys.signing.push(*entry);
        }
    }
    trim(&mut newest.keys);
    Some(newest)
}

/// Statements are numbered from 1.
pub(super) fn next_number(file: &CardFile) -> u64 {
    file.statement().map_or(0, |s| s.number) + 1
}

pub(super) fn check_addresses(addresses: &[String]) -> Result<(), HomeError> {
    for address in addresses {
        let _dialled: PeerAddr = address.parse().map_err(HomeError::Address)?;
    }
    Ok(())
}

pub(super) fn in_days(now: Millis, days: u64) -> Date {
    Date::from_millis(Millis(now.0.saturating_add(days * limits::DAY_MS)))
}

pub(super) fn verified(
    card: SignedRecord,
    keys: &mut AgencyKeys,
) -> Result<VerifiedRecord, HomeError> {
    keys.learn(card).map(|(_, card)| card).map_err(own_card)
}

pub(super) fn with_keys(file: &CardFile, keys: SignedRecord) -> Result<CardFile, HomeError> {
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

fn plain_fields(tlp: Tlp, title: &str) -> Fields {
    Fields::new(tlp, Onward::Community, Purpose::Prevention, "en", title)
}

/// The envelope of an affirmation: it says nothing of the records but their ids.
pub(crate) fn affirmation_fields() -> Fields {
    plain_fields(Tlp::Clear, "Affirmation")
}
