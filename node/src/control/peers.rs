//! Linking agencies, looking at the links, testing them, and our own card.

use axum::Json;
use axum::extract::{Extension, Path, State};
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::check;
use liaison_protocol::record::kinds::Contact;
use liaison_protocol::record::signed::Record;

use super::api::{
    ApiError, AttributeChange, CardView, FindingView, PeerAddReport, PeerAddRequest, PeerCardView,
    PeerChangeReport, PeerChangeRequest, PeerEdit, PeerStatus, PeerTestReport, TestStep,
};
use super::approval::{Irrevocable, OfPeer, second_person};
use super::caller::Caller;
use super::status::peer_status;
use crate::audit::note;
use crate::cardfile::CardFile;
use crate::home::CardEdit;
use crate::node::{Node, NodeError};

type Answer<T> = Result<Json<T>, ApiError>;

/// `GET /v1/peers`.
pub(super) async fn list(State(node): State<Node>) -> Answer<Vec<PeerStatus>> {
    peer_status(&node).await.map(Json)
}

/// `POST /v1/peers`.
pub(super) async fn add(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<PeerAddRequest>,
) -> Answer<PeerAddReport> {
    link(&node, &caller, request).await
}

/// Links an agency, at once or when a second person approved it.
pub(super) async fn link(
    node: &Node,
    caller: &Caller,
    request: PeerAddRequest,
) -> Answer<PeerAddReport> {
    let asked = Irrevocable::Link(Box::new(request.clone()));
    let file =
        CardFile::parse(&request.card).map_err(|e| ApiError::new("invalid", e.to_string()))?;
    let name = file.contact().map(|c| c.org.clone()).unwrap_or_default();
    let agency = file.agency();
    let known = node.registry.peer(&agency);
    let confirmed = match &request.fingerprint {
        Some(typed) => {
            let digits = |text: &str| {
                text.chars()
                    .filter(char::is_ascii_digit)
                    .collect::<String>()
            };
            if digits(typed) != digits(&agency.fingerprint()) {
                return Err(ApiError::new(
                    "refused",
                    "the digits are not those of this card: it may be forged, or a digit was misheard",
                )
                .with_remedy("telephone them again, on a number that you already had, and compare all 30 digits"));
            }
            true
        }
        None if request.unconfirmed || known.is_some() => false,
        None => {
            return Err(ApiError::new("refused", "a new peer needs its 30 digits")
                .with_remedy("'liaison card show FILE' shows them; telephone the agency and compare, then --fingerprint DIGITS"));
        }
    };
    let now = node.clock.now();
    let _one_at_a_time = node.changing.lock().await;
    let alias = node.registry.alias_for(&file, request.alias);
    note(|note| {
        note.peer(agency);
        note.typed("alias", &alias);
        if !request.circles.is_empty() {
            note.typed("circles", &request.circles.join(", "));
        }
        if let Some(reason) = &request.reason {
            note.typed("reason", reason);
        }
        note.outcome = Some(match (&known, confirmed) {
            (Some(_), _) => "its card was renewed".into(),
            (None, true) => "linked, its digits compared".into(),
            (None, false) => "linked, its digits not compared".into(),
        });
    });
    node.keeps_its_name(&agency, &alias)?;
    let was_revoked = node.registry.revoked().remove(&agency);
    // A faulty alias or card is `link`'s to tell.
    let circles = request.circles.clone();
    if let Ok(peer) = node
        .registry
        .as_peer(&file, alias.clone(), circles, confirmed, now)
        && let Ok(agencies) = node.registry.directory_with(agency, peer)
    {
        let (accepted, reason) = (&request.accept_broken, request.reason.as_deref());
        let broken = super::policy::admit_peer(node, agency, agencies, accepted, reason).await?;
        if !broken.is_empty() {
            let says = format!(
                "link '{alias}' ({}), for which the policy breaks {}",
                agency.fingerprint(),
                broken.join(", ")
            );
            second_person(node, caller, asked, says, request.reason.clone()).await?;
        }
    }
    if node.registry.revoked().remove(&agency) != was_revoked {
        return Err(ApiError::new(
            "conflict",
            format!("'{alias}' was revoked meanwhile, so it is not linked"),
        )
        .with_remedy("'liaison status' says why; to link it all the same, do this again"));
    }
    let updated = node
        .registry
        .link(
            &node.store,
            &file,
            alias.clone(),
            request.circles,
            confirmed,
            now,
        )
        .await?;
    node.reengage(None).await?;
    let may_have = {
        let node = node.clone();
        let alias = alias.clone();
        tokio::task::spawn_blocking(move || may_have(&node, &alias))
            .await
            .unwrap_or_default()
    };
    Ok(Json(PeerAddReport {
        peer: alias,
        agency: agency.full(),
        name,
        fingerprint: agency.fingerprint(),
        updated,
        may_have,
        was_revoked: was_revoked.map(|r| r.reason),
    }))
}

impl Node {
    /// Refuses an alias by which a rule of the policy would cease to hold for the agency that it
    /// is about, or begin to hold for another: a known peer's other name, the other name of one
    /// that was removed and comes back, the name of one that was removed for somebody else.
    ///
    /// # Errors
    /// `conflict`, with the rule and what to type.
    pub(super) fn keeps_its_name(&self, agency: &AgencyId, alias: &str) -> Result<(), ApiError> {
        let engine = self.policies.current();
        let rule = |name: &str| engine.set().rule_naming(name);
        // Where another has the old name by now, the rules mean that one.
        let old = self.registry.last_alias(agency).filter(|old| old != alias);
        let old = old.filter(|old| {
            let holder = self.registry.find_quietly(old);
            holder.is_none_or(|holder| holder == *agency)
        });
        if let Some(old) = old
            && let Some(rule) = rule(&old)
        {
            return Err(ApiError::new(
                "conflict",
                format!(
                    "this agency is called '{old}' here, and the policy speaks of it by that name ({rule}): under another it would no longer be meant"
                ),
            )
            .with_remedy(format!(
                "add it without --as, or with --as {old}. To rename it, take '{old}' out of the policy first: 'liaison policy apply', 'liaison peer add FILE --as {alias}', and write the rules anew with '{alias}'"
            )));
        }
        let another = self.registry.formerly(alias);
        if another.is_some_and(|another| another != *agency)
            && let Some(rule) = rule(alias)
        {
            return Err(ApiError::new(
                "conflict",
                format!(
                    "another agency was called '{alias}' here until it was removed, and the policy still speaks of it by that name ({rule})"
                ),
            )
            .with_remedy(format!(
                "choose another name with --as, or take '{alias}' out of the policy first with 'liaison policy apply'"
            )));
        }
        Ok(())
    }
}

fn may_have(node: &Node, alias: &str) -> Vec<String> {
    super::policy::plain_of(&node.policies.current(), alias)
        .into_iter()
        .filter(|(_, cell)| cell != "-")
        .map(|(kind, cell)| format!("{kind}: {cell}"))
        .collect()
}

/// `POST /v1/peers/{name}`.
pub(super) async fn change(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(request): Json<PeerChangeRequest>,
) -> Answer<PeerChangeReport> {
    carry_out(&node, &caller, &name, request).await
}

/// Changes a peer, at once or when a second person approved it.
pub(super) async fn carry_out(
    node: &Node,
    caller: &Caller,
    name: &str,
    request: PeerChangeRequest,
) -> Answer<PeerChangeReport> {
    let _one_at_a_time = node.changing.lock().await;
    node.is_over(request.over.as_deref())?;
    let (agency, peer) = node.registry.find(name)?;
    let confirmed = match request.edit.confirm {
        true => changes(node, &agency),
        false => Vec::new(),
    };
    let peer = node.registry.edited(&agency, peer, &request.edit)?;
    note(|note| {
        note.typed("change", &edits(&request.edit, &confirmed));
        if let Some(reason) = &request.reason {
            note.typed("reason", reason);
        }
    });
    // Tried first: what policy can't take must leave everything as it was.
    let agencies = node
        .registry
        .directory_with(agency, peer.clone())
        .map_err(|e| ApiError::new("invalid", e.to_string()))?;
    let (accepted, reason) = (&request.accept_broken, request.reason.as_deref());
    let broken = super::policy::admit_peer(node, agency, agencies, accepted, reason).await?;
    let mut acts = Vec::new();
    if !broken.is_empty() {
        acts.push(format!("breaks {}", broken.join(", ")));
    }
    if request.recall {
        acts.push("calls back what it may have no more".to_owned());
    }
    if !acts.is_empty() {
        let says = format!(
            "change peer '{}' ({}), which {}",
            peer.alias,
            edits(&request.edit, &confirmed),
            acts.join(" and ")
        );
        let asked = Irrevocable::Peer(OfPeer {
            agency: agency.full(),
            request: request.clone(),
        });
        second_person(node, caller, asked, says, request.reason.clone()).await?;
    }
    let before = node.policies.current();
    node.registry.put(&node.store, agency, peer).await?;
    node.reengage(None).await?;
    let recalled = node.settle_change(before, request.recall).await?;
    Ok(Json(PeerChangeReport {
        peer: node.registry.alias(&agency),
        confirmed,
        circles: node.policies.current().circles_of(&agency),
        recalled,
    }))
}

/// An edit in words.
fn edits(edit: &PeerEdit, confirmed: &[AttributeChange]) -> String {
    let attributes = confirmed
        .iter()
        .map(|c| format!("{} becomes {}", c.attribute, c.card));
    let joins = edit.add.iter().map(|c| format!("joins {c}"));
    let leaves = edit.remove.iter().map(|c| format!("leaves {c}"));
    let all: Vec<String> = attributes.chain(joins).chain(leaves).collect();
    all.join(", ")
}

/// What a peer's newest card states otherwise than policies use.
pub(super) fn changes(node: &Node, agency: &AgencyId) -> Vec<AttributeChange> {
    let changes = node.registry.unconfirmed(agency).into_iter();
    changes
        .map(|c| AttributeChange {
            attribute: c.attribute.to_owned(),
            pinned: c.pinned,
            card: c.card,
        })
        .collect()
}

/// `POST /v1/peers/{name}/test`.
pub(super) async fn test(
    State(node): State<Node>,
    Path(name): Path<String>,
) -> Answer<PeerTestReport> {
    let (agency, peer) = node.registry.find(&name)?;
    let result = node.swarm.test(agency).await?;
    let mut steps: Vec<TestStep> = result
        .steps
        .into_iter()
        .map(|s| TestStep {
            step: s.name.as_str().to_owned(),
            ok: s.ok,
            says: s.says,
            remedy: s.remedy,
        })
        .collect();
    if steps.iter().all(|s| s.ok)
        && let Some((_, says)) = node.sync.peers().of(&agency).last_error()
    {
        steps.push(TestStep {
            step: "sync".into(),
            ok: false,
            says,
            remedy: None,
        });
    }
    Ok(Json(PeerTestReport {
        peer: peer.alias,
        steps,
    }))
}

/// `GET /v1/peers/{name}/card`.
pub(super) async fn card_of(
    State(node): State<Node>,
    Path(name): Path<String>,
) -> Answer<PeerCardView> {
    let (agency, peer) = node.registry.find(&name)?;
    let known = node.registry.agency(&agency);
    let known = known.ok_or_else(|| ApiError::new("not-found", "its card is not here"))?;
    let statement = known.statement.clone().filter(|_| known.is_reachable());
    Ok(Json(PeerCardView {
        peer: peer.alias,
        card: CardFile::new(known.card, statement).to_text(),
    }))
}

/// `GET /v1/card`.
pub(super) async fn card(State(node): State<Node>) -> Answer<CardView> {
    let file = node
        .home
        .card_file()
        .map_err(|e| ApiError::new("internal", e.to_string()))?;
    view(&node, &file).map(Json)
}

/// `POST /v1/card`.
pub(super) async fn edit(
    State(node): State<Node>,
    Json(mut edit): Json<CardEdit>,
) -> Answer<CardView> {
    // The root key, which may come with it, is in no log.
    let root = edit.root.take();
    note(|note| note.typed("card", &serde_json::to_string(&edit).unwrap_or_default()));
    edit.root = root;
    // Two changes at once would sign two cards of one revision, an alarm at every peer.
    let _one_at_a_time = node.changing.lock().await;
    // Which cards it signed since the backup, it does not know yet.
    node.ingest.may_sign()?;
    let known = node.registry.agency(&node.registry.own());
    let file = node
        .home
        .edited_card(edit, known.as_ref(), node.clock.now());
    let file = file.map_err(NodeError::from)?;
    node.registry.try_own(&file)?;
    node.home.keep_card(&file).map_err(NodeError::from)?;
    node.take_card(&file).await?;
    view(&node, &file).map(Json)
}

fn view(node: &Node, file: &CardFile) -> Result<CardView, ApiError> {
    let record: &Record = file.card().record();
    let contact: Contact = file
        .contact()
        .cloned()
        .ok_or_else(|| ApiError::new("internal", "our card is no contact record"))?;
    let mut missing = file.missing(node.clock.now());
    missing.extend(
        check::missing(&contact)
            .iter()
            .map(|f| FindingView::from(f).says),
    );
    let contact = record.content.to_json()?;
    Ok(CardView {
        card: file.to_text(),
        fingerprint: file.fingerprint(),
        contact,
        missing,
    })
}
