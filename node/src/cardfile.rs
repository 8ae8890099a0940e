//! The card file: what an agency hands to another, by e-mail or on a stick. A card and the
//! newest keys statement in ASCII armour. Nothing in it is trusted but what verifies, and the
//! fingerprint is always computed, never read.

use bytes::Bytes;
use liaison_protocol::card::{AgencyKeys, CardFault};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::kinds::{Contact, Content, Keys};
use liaison_protocol::record::signed::{FormFault, SignatureFault, SignedRecord, VerifiedRecord};

use crate::limits;

const BEGIN: &str = "-----BEGIN LIAISON CARD-----";
const END: &str = "-----END LIAISON CARD-----";

/// A card that verifies under the root key that it names, with its keys statement.
#[derive(Clone, Debug)]
pub struct CardFile {
    card: VerifiedRecord,
    keys: Option<VerifiedRecord>,
}

/// Why a text is not a card file.
#[derive(Debug, thiserror::Error)]
pub enum CardFileError {
    /// Larger than [`limits::CARD_FILE_BYTES`].
    #[error(
        "the file has {found} bytes; a card file has at most {}",
        limits::CARD_FILE_BYTES
    )]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// No armour in it.
    #[error(
        "no card in it: a card begins with the line '{BEGIN}' and ends with '{END}'. Ask the agency for the output of 'liaison card export'"
    )]
    NoArmour,
    /// The armour is damaged.
    #[error("the card is damaged ({says}). Ask the agency to send it again, as an attachment")]
    Damaged {
        /// What was found.
        says: &'static str,
    },
    /// One of its records is malformed.
    #[error("the card is not a valid record: {0}")]
    Form(#[from] FormFault),
    /// The card does not verify.
    #[error(transparent)]
    Card(#[from] CardFault),
    /// The keys statement does not verify.
    #[error("the card's keys statement does not verify: {0}")]
    Keys(SignatureFault),
    /// The second record is no keys statement of the same agency.
    #[error("the record beside the card is no keys statement of the same agency")]
    NotKeys,
}

impl CardFile {
    /// Puts a card and a keys statement together.
    pub fn new(card: VerifiedRecord, keys: Option<VerifiedRecord>) -> Self {
        Self { card, keys }
    }

    /// Reads the armour out of a text (an e-mail, say) and verifies what is in it.
    ///
    /// # Errors
    /// [`CardFileError`].
    pub fn parse(text: &str) -> Result<Self, CardFileError> {
        if text.len() > limits::CARD_FILE_BYTES {
            return Err(CardFileError::TooLarge { found: text.len() });
        }
        let body = text
            .split_once(BEGIN)
            .and_then(|(_, rest)| rest.split_once(END));
        let Some((body, _)) = body else {
            return Err(CardFileError::NoArmour);
        };
        // Mail programs quote and indent; none of that is base64.
        let body: String = body
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '>')
            .collect();
        let bytes = data_encoding::BASE64
            .decode(body.as_bytes())
            .map_err(|_| CardFileError::Damaged { says: "not base64" })?;
        let parts: Vec<serde_bytes::ByteBuf> = liaison_protocol::cbor::decode(&bytes)
            .map_err(|_| CardFileError::Damaged { says: "not CBOR" })?;
        let mut parts = parts.into_iter().map(|p| Bytes::from(p.into_vec()));
        let card = parts
            .next()
            .ok_or(CardFileError::Damaged { says: "empty" })?;
        let card = SignedRecord::parse(card)?;
        let mut agency = AgencyKeys::new(card.unverified().envelope.author);
        let (_, card) = agency.learn(card)?;
        let keys = match parts.next() {
            None => None,
            Some(bytes) => {
                let keys = SignedRecord::parse(bytes)?;
                let ours = keys.unverified().envelope.author == agency.agency()
                    && matches!(keys.unverified().content, Content::Keys(_));
                if !ours {
                    return Err(CardFileError::NotKeys);
                }
                Some(keys.verify(&agency).map_err(CardFileError::Keys)?)
            }
        };
        if parts.next().is_some() {
            return Err(CardFileError::Damaged {
                says: "more than two records",
            });
        }
        Ok(Self { card, keys })
    }

    /// The keys that the card states.
    ///
    /// # Errors
    /// [`CardFileError`]; none for a card that was read from a file.
    pub fn agency_keys(&self) -> Result<AgencyKeys, CardFileError> {
        let mut agency = AgencyKeys::new(self.agency());
        agency.learn(SignedRecord::parse(self.card.bytes().clone())?)?;
        Ok(agency)
    }

    /// The armour, with a heading for people.
    pub fn to_text(&self) -> String {
        let parts: Vec<serde_bytes::ByteBuf> = std::iter::once(&self.card)
            .chain(&self.keys)
            .map(|r| serde_bytes::ByteBuf::from(r.bytes().to_vec()))
            .collect();
        let bytes = liaison_protocol::cbor::encode(&parts).unwrap_or_default();
        let base64 = data_encoding::BASE64.encode(&bytes);
        let mut out = format!(
            "liaison card of {}\nFingerprint: to be read out by telephone, never taken from a message.\n\n{BEGIN}\n",
            self.contact().map_or("?", |c| c.org.as_str()),
        );
        for line in base64.as_bytes().chunks(64) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push('\n');
        }
        out.push_str(END);
        out.push('\n');
        out
    }

    /// The card.
    pub fn card(&self) -> &VerifiedRecord {
        &self.card
    }

    /// The keys statement, if there is one.
    pub fn keys(&self) -> Option<&VerifiedRecord> {
        self.keys.as_ref()
    }

    /// The agency.
    pub fn agency(&self) -> AgencyId {
        self.card.author()
    }

    /// Its 30 digits.
    pub fn fingerprint(&self) -> String {
        self.agency().fingerprint()
    }

    /// What the card says.
    pub fn contact(&self) -> Option<&Contact> {
        match &self.card.record().content {
            Content::Contact(contact) => Some(contact),
            _ => None,
        }
    }

    /// What the keys statement says.
    pub fn statement(&self) -> Option<&Keys> {
        match &self.keys.as_ref()?.record().content {
            Content::Keys(keys) => Some(keys),
            _ => None,
        }
    }

    /// What is missing for others to reach this agency, as sentences with what to type.
    pub fn missing(&self, now: Millis) -> Vec<String> {
        let mut out = Vec::new();
        match self.statement() {
            None => out.push(
                "no keys statement: start the node once ('liaison run'), then export again".into(),
            ),
            Some(keys) => {
                if keys.until <= now {
                    out.push(
                        "the keys statement has run out: start the node, then export again".into(),
                    );
                }
                if keys.nodes.iter().all(|n| n.addresses.is_empty()) {
                    out.push(
                        "no address: others can't call this node, it has to call them. 'liaison card edit --address HOST'".into(),
                    );
                }
            }
        }
        if let Some(contact) = self.contact() {
            if contact.functions.is_empty() {
                out.push("no contact point: nobody can telephone. 'liaison card edit'".into());
            }
            if contact.valid_until.end_ms() <= now {
                out.push("the card has run out: 'liaison card edit' renews it".into());
            }
        }
        out
    }
}
