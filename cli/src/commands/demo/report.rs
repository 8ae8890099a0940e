//! What the nodes hold at the end, and by which rule they do not hold the rest: read from
//! their stores and asked of their gates.

use std::collections::BTreeMap;

use liaison_node::control::api::FindingView;
use liaison_node::policy::{Action, attributes};
use liaison_node::share::Gate;
use liaison_node::store::{Arrival, Direction, Flags, Header};
use liaison_protocol::fault::Answer;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::signed::SignedRecord;
use serde::Serialize;

use super::plan::{AGENCIES, Fate, GROUPS, Group, LINKS, peers_of};
use crate::stage::{Member, Stage, Trouble};

/// What was written of one group of the plan.
#[derive(Debug, Default)]
pub struct Written {
    /// Its records.
    pub ids: Vec<RecordId>,
    /// The amendment of its record.
    pub amendment: Option<RecordId>,
    /// Why its author's node did not sign it.
    pub findings: Vec<FindingView>,
}

/// The demo's outcome.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every node holds exactly what it should.
    pub ok: bool,
    /// Who takes part.
    pub agencies: Vec<AgencyLine>,
    /// Who is linked.
    pub links: Vec<[&'static str; 2]>,
    /// Who holds what.
    pub groups: Vec<GroupLine>,
    /// The rules that withheld.
    pub rules: Vec<Rule>,
    /// What was checked.
    pub checked: Checked,
    /// What is not as it should be.
    pub faults: Vec<String>,
}

/// One agency, in numbers of records.
#[derive(Debug, Serialize)]
pub struct AgencyLine {
    /// What the others call it.
    pub name: String,
    /// What its card says.
    pub title: &'static str,
    /// It wrote.
    pub wrote: usize,
    /// Its peers took from it.
    pub sent: usize,
    /// It took from its peers.
    pub received: usize,
    /// Others wrote and it was not offered.
    pub not_given: usize,
    /// It was offered and did not take.
    pub not_taken: usize,
}

/// One group of records.
#[derive(Debug, Serialize)]
pub struct GroupLine {
    /// Its author.
    pub author: &'static str,
    /// How many.
    pub count: usize,
    /// In words.
    pub records: &'static str,
    /// Each agency's part, in the order of the agencies.
    pub cells: Vec<Cell>,
}

/// What one agency has of one group.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// The agency.
    pub agency: String,
    /// How many of the records it holds.
    pub held: usize,
    /// From whom; none: it wrote them, or holds none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `held`, `amended`, `erased`, `withheld`.
    pub state: State,
    /// Which rules withheld them, as indexes into `rules`.
    pub rules: Vec<usize>,
}

/// How an agency has a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It holds them.
    Held,
    /// It holds the amendment, and the old text marked as replaced.
    Amended,
    /// Retracted: only a tombstone is left.
    Erased,
    /// It never had them.
    Withheld,
}

/// A rule that withheld something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Whose nodes applied it.
    pub by: Vec<String>,
    /// `handling`, `audience`, `policy`; `accept` at the receiver; `check` at signing; `link`
    /// where nobody could have sent it.
    pub gate: String,
    /// Its name.
    pub rule: String,
    /// In its author's words.
    pub says: String,
    /// File and line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// What was checked at the end.
#[derive(Debug, Default, Serialize)]
pub struct Checked {
    /// Nodes.
    pub nodes: usize,
    /// Different records.
    pub records: usize,
    /// Copies of them that have to be there.
    pub copies: usize,
}

/// For each group and each agency that does not hold it: why.
pub type Why = BTreeMap<(usize, String), Vec<Rule>>;

/// Asks every holder why those who do not hold a group do not. Before anything is amended
/// or retracted, because then that would be the reason.
pub fn why(members: &Stage, written: &[Written]) -> Result<Why, Trouble> {
    let mut why = Why::new();
    for (at, (group, written)) in GROUPS.iter().zip(written).enumerate() {
        for member in members.iter() {
            let mut rules = Vec::new();
            match written.ids.first() {
                Some(id) if held(member, id)?.is_none() => {
                    for holder in members.iter() {
                        rules.extend(why_not(holder, member, id)?);
                    }
                    if rules.is_empty() {
                        rules.push(Rule {
                            by: vec![member.name.clone()],
                            gate: "link".into(),
                            rule: "no-link".into(),
                            says: "Linked with nobody who holds them.".into(),
                            place: None,
                        });
                    }
                }
                Some(_) => continue,
                None => rules.extend(written.findings.iter().map(|f| Rule {
                    by: vec![group.by.into()],
                    gate: "check".into(),
                    rule: f.code.clone(),
                    says: f.says.clone(),
                    place: Some(f.place.clone()),
                })),
            }
            why.insert((at, member.name.clone()), rules);
        }
    }
    Ok(why)
}

/// Why this holder's copy did not come to that agency; none if the two are not linked or the
/// first does not hold it.
fn why_not(holder: &Member, to: &Member, id: &RecordId) -> Result<Option<Rule>, Trouble> {
    if !peers_of(&holder.name).contains(&to.name.as_str()) {
        return Ok(None);
    }
    let Some((arrival, header)) = held(holder, id)? else {
        return Ok(None);
    };
    let (decided, words) = holder.store(|n| n.share.explain(&to.id, arrival, &header))?;
    if decided.allow {
        let line = holder.store(|n| n.store.ledger_entry(&to.id, arrival))?;
        let refused = line.is_some_and(|l| matches!(l.answer, Some(Answer::Refused(_))));
        return if refused {
            not_accepted(holder, to, arrival)
        } else {
            Ok(None)
        };
    }
    let word = words.into_iter().find(|w| w.gate == decided.gate);
    let rule = decided.rule.to_string();
    let says = match decided.gate {
        Gate::Policy => said(holder, &rule),
        _ => word.as_ref().map(|w| w.says.clone()).unwrap_or_default(),
    };
    Ok(Some(Rule {
        by: vec![holder.name.clone()],
        gate: decided.gate.as_str().into(),
        says,
        place: word.and_then(|w| w.place),
        rule,
    }))
}

/// The receiver's own rule.
fn not_accepted(from: &Member, to: &Member, arrival: Arrival) -> Result<Option<Rule>, Trouble> {
    let Some(signed) = from
        .store(|n| n.store.record(arrival))?
        .and_then(|bytes| SignedRecord::parse(bytes).ok())
    else {
        return Ok(None);
    };
    let record = signed.unverified();
    let country = to.node()?.registry.country(&record.envelope.author);
    let class = attributes(record, &country, false);
    let engine = to.node()?.policies.current();
    let decision = engine.decide(Action::Accept, &from.id, &class, false);
    let statement = decision.statements.first();
    let rule = statement.map_or("default-deny", |s| s.id.as_str());
    Ok(Some(Rule {
        by: vec![to.name.clone()],
        gate: "accept".into(),
        rule: rule.into(),
        says: said(to, rule),
        place: statement.map(|s| format!("{}:{}", s.file, s.line)),
    }))
}

/// A statement in its author's words.
fn said(member: &Member, rule: &str) -> String {
    let engine = member.node().map(|node| node.policies.current()).ok();
    let set = engine.as_ref().map(|engine| engine.set());
    let statement = set.and_then(|set| set.statements().find(|s| s.id == rule));
    statement.map_or_else(
        || "No statement permits it, and what nothing permits is not done.".into(),
        |s| s.says.clone(),
    )
}

fn held(member: &Member, id: &RecordId) -> Result<Option<(Arrival, Header)>, Trouble> {
    member.store(|n| {
        let Some(arrival) = n.store.arrival_of(id)? else {
            return Ok(None);
        };
        Ok(n.store.header(arrival)?.map(|header| (arrival, header)))
    })
}

impl Report {
    /// Reads the stores.
    pub fn gather(members: &Stage, written: &[Written], why: &Why) -> Result<Self, Trouble> {
        let mut rules: Vec<Rule> = Vec::new();
        let mut groups = Vec::new();
        for (at, (group, written)) in GROUPS.iter().zip(written).enumerate() {
            let mut cells = Vec::new();
            for member in members.iter() {
                let mut cell = cell(members, member, group, written)?;
                for rule in why.get(&(at, member.name.clone())).into_iter().flatten() {
                    let index = enter(&mut rules, rule);
                    if !cell.rules.contains(&index) {
                        cell.rules.push(index);
                    }
                }
                cells.push(cell);
            }
            groups.push(GroupLine {
                author: group.by,
                count: group.count,
                records: group.words,
                cells,
            });
        }
        let mut agencies = Vec::new();
        for (member, agency) in members.iter().zip(&AGENCIES) {
            let mut line = numbers(members, member, written)?;
            line.title = agency.title;
            agencies.push(line);
        }
        Ok(Self {
            ok: false,
            agencies,
            links: LINKS.iter().map(|(a, b)| [*a, *b]).collect(),
            groups,
            rules,
            checked: Checked::default(),
            faults: Vec::new(),
        })
    }
}

/// Where a rule stands in the list; the same rule of several nodes stands there once.
fn enter(rules: &mut Vec<Rule>, rule: &Rule) -> usize {
    let same = |r: &Rule| {
        (&r.gate, &r.rule, &r.says, &r.place) == (&rule.gate, &rule.rule, &rule.says, &rule.place)
    };
    let Some(at) = rules.iter().position(same) else {
        rules.push(rule.clone());
        return rules.len() - 1;
    };
    if let Some(known) = rules.get_mut(at) {
        let new = rule.by.iter().filter(|by| !known.by.contains(by));
        let new: Vec<_> = new.cloned().collect();
        known.by.extend(new);
    }
    at
}

fn cell(
    members: &Stage,
    member: &Member,
    group: &Group,
    written: &Written,
) -> Result<Cell, Trouble> {
    let mut cell = Cell {
        agency: member.name.clone(),
        held: 0,
        from: None,
        state: State::Withheld,
        rules: Vec::new(),
    };
    for id in &written.ids {
        let Some((_, header)) = held(member, id)? else {
            continue;
        };
        cell.from = header
            .courier
            .and_then(|c| members.name_of(&c).map(str::to_owned));
        if header.flags.contains(Flags::ERASED) {
            cell.state = State::Erased;
            continue;
        }
        cell.held += 1;
        cell.state = match group.fate {
            Fate::Amended if header.flags.contains(Flags::SUPERSEDED) => State::Amended,
            _ => State::Held,
        };
    }
    Ok(cell)
}

/// Counts of one agency: of the records in the plan, without cards and retractions.
fn numbers(members: &Stage, member: &Member, written: &[Written]) -> Result<AgencyLine, Trouble> {
    let mut line = AgencyLine {
        name: member.name.clone(),
        title: "",
        wrote: 0,
        sent: 0,
        received: 0,
        not_given: 0,
        not_taken: 0,
    };
    for id in written
        .iter()
        .flat_map(|w| w.ids.iter().chain(&w.amendment))
    {
        let mut offered = false;
        for peer in members.iter().filter(|m| m.name != member.name) {
            // What passed from the peer to this agency, by the peer's ledger; and back.
            if let Some((arrival, _)) = held(peer, id)? {
                let entry = peer.store(|n| n.store.ledger_entry(&member.id, arrival))?;
                offered |= entry.is_some_and(|e| matches!(e.answer, Some(Answer::Refused(_))));
            }
            if let Some((arrival, _)) = held(member, id)? {
                let entry = member.store(|n| n.store.ledger_entry(&peer.id, arrival))?;
                line.sent += usize::from(entry.is_some_and(|e| {
                    e.direction == Direction::Sent && e.answer == Some(Answer::Stored)
                }));
            }
        }
        match held(member, id)? {
            Some((_, header)) if header.courier.is_none() => line.wrote += 1,
            Some(_) => line.received += 1,
            None if offered => line.not_taken += 1,
            None => line.not_given += 1,
        }
    }
    Ok(line)
}
