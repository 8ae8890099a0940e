//! What officers do: they push, amend, retract, permit and call back.

use std::collections::BTreeSet;
use std::time::Instant;

use liaison_node::ingest::Sealing;
use liaison_node::store::Flags;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::RecallReason;
use serde_json::Value;

use super::judge;
use super::keepers::UNSIGNED;
use super::model::{Known, Recalled, Version, What};
use super::policy::Facts;
use super::record::{Onward, day_ahead};
use super::sabotage::Sabotage;
use super::world::{World, name, names};
use crate::tap::moment;
use crate::{Ran, sealed};

impl World<'_> {
    pub(super) async fn retract(&mut self, node: usize, id: RecordId) {
        if self.sabotage != Some(Sabotage::Retraction) {
            let args = ["retract", "--yes", &id.full(), "--reason", "error"];
            self.sign(node, &args, "").await;
        }
        self.model.withdrawn.insert(id, (moment(), Instant::now()));
    }

    pub(super) async fn permit(
        &mut self,
        node: usize,
        of: usize,
        to: &BTreeSet<usize>,
        permit: usize,
    ) {
        // With them it is not signed: another holder would pass it on.
        let withheld = self.withheld(node, of);
        let Some(of) = self.model.ids[of] else {
            return;
        };
        let to: BTreeSet<usize> = to.difference(&withheld).copied().collect();
        if to.is_empty() {
            return;
        }
        let agencies = &self.model.agencies;
        let named = agencies.iter().enumerate();
        let all = self.sabotage == Some(Sabotage::Permit);
        let named = named.filter(|(n, _)| (all && !withheld.contains(n)) || to.contains(n));
        let named: Vec<String> = named.map(|(_, a)| a.full()).collect();
        let (full, named, until) = (of.full(), named.join(","), day_ahead());
        let args = ["permit", &full, "--to", &named, "--until", &until, "--json"];
        let ran = self.sign(node, &args, "").await;
        let id = id_of(&ran);
        self.model.permits[permit] = Some(id);
        let what = What::Permit { of, to };
        self.model.records.insert(
            id,
            Known {
                author: node,
                what,
                supersedes: None,
            },
        );
    }

    /// Calls back what the gates do not let peers have. Not by 'policy apply --recall', which
    /// would hold the policy to the invariants.
    pub(super) async fn recall(&mut self, node: usize) {
        let peers: Vec<usize> = self.model.now(node)[0].peers.keys().copied().collect();
        for peer in peers {
            let out = self.to_recall(node, peer);
            let begin = moment();
            if self.sabotage != Some(Sabotage::Recall) {
                self.call_back(node, peer, &out).await;
            }
            let recalled = out.into_iter().map(|of| Recalled {
                moment: begin,
                by: node,
                from: peer,
                of,
            });
            self.model.recalled.extend(recalled);
        }
    }

    /// What a peer was given and may not have any more.
    fn to_recall(&self, node: usize, peer: usize) -> Vec<RecordId> {
        let held = judge::held(&self.federation[&name(node)]);
        let may_not = |id: &RecordId| {
            let known = self.model.records.get(id);
            let drawn = known.filter(|known| matches!(known.what, What::Drawn(..)));
            let permitted = self.model.permits_of(id, peer).next().is_some();
            let now = self.model.now(node);
            drawn.is_some_and(|known| {
                let verdict = self.model.release(node, peer, known, now, permitted);
                verdict.is_err()
            })
        };
        let there = held.iter().filter(|(id, header)| {
            let erased = header.flags.contains(Flags::ERASED);
            !erased && may_not(id) && self.is_out(node, peer, id)
        });
        there.map(|(id, _)| *id).collect()
    }

    async fn call_back(&mut self, node: usize, peer: usize, out: &[RecordId]) {
        let agency = self.model.agencies[peer];
        loop {
            self.may_sign(node).await;
            let at = self.federation[&name(node)].node();
            match at.recall(out, &agency, RecallReason::Policy).await {
                Ok(_) => break,
                Err(error) if error.to_string().contains(UNSIGNED) => {}
                Err(error) => panic!("n{node} does not call back: {error}"),
            }
        }
        for id in out {
            let what = id.short();
            assert!(
                !self.is_out(node, peer, id),
                "{what} was not called back from n{peer}"
            );
        }
    }

    fn is_out(&self, node: usize, peer: usize, id: &RecordId) -> bool {
        let at = self.federation[&name(node)].node();
        let Some(arrival) = at.store.arrival_of(id).expect("the store") else {
            return false;
        };
        let header = at.store.header(arrival).expect("the store");
        header.is_some_and(|header| {
            let out = at.is_out(arrival, &header, &self.model.agencies[peer]);
            out.expect("the store")
        })
    }

    /// Those whom a node's ceilings keep a record of its own from.
    fn withheld(&self, node: usize, record: usize) -> BTreeSet<usize> {
        let Version {
            policy,
            peers,
            named,
            ..
        } = &self.model.now(node)[0];
        let withheld = |peer: &usize| {
            policy.withholds(&Facts {
                traits: &self.model.plan.records[record].traits,
                author: node,
                us: node,
                peer: *peer,
                peers,
                named,
                addressed: true,
            })
        };
        peers.keys().copied().filter(withheld).collect()
    }

    /// A list without those whom a ceiling keeps the record from: with them it is not taken.
    /// None: its `onward` names one.
    fn under_ceilings(
        &self,
        node: usize,
        record: usize,
        to: Option<&BTreeSet<usize>>,
    ) -> Option<Option<BTreeSet<usize>>> {
        let withheld = self.withheld(node, record);
        let onward = &self.model.plan.records[record].traits.onward;
        if matches!(onward, Onward::To(names) if !names.is_disjoint(&withheld)) {
            return None;
        }
        Some(to.map(|to| to.difference(&withheld).copied().collect()))
    }

    pub(super) async fn push(&mut self, node: usize, record: usize, to: Option<&BTreeSet<usize>>) {
        let draft = self.draft(record);
        let Some(to) = self.under_ceilings(node, record, to) else {
            return;
        };
        let list = to.as_ref().map(names);
        let mut args = vec!["push", "-", "--json"];
        if let Some(list) = &list
            && self.sabotage != Some(Sabotage::Audience)
        {
            args.extend(["--to", list]);
        }
        let ran = self.sign(node, &args, &draft.to_string()).await;
        self.made(node, record, id_of(&ran), to, None);
    }

    pub(super) async fn seal(&mut self, node: usize, record: usize, to: &BTreeSet<usize>) {
        let mut names = to.clone();
        if self.sabotage == Some(Sabotage::Seal) {
            names = (0..self.model.plan.nodes).filter(|n| *n != node).collect();
        }
        let marker = self.model.plan.records[record].marker.clone();
        let id = loop {
            self.may_sign(node).await;
            let statement = Sealing {
                inside: sealed::marked(&marker),
                recipients: names.iter().map(|n| self.model.agencies[*n]).collect(),
                thread: None,
                respond_by: None,
            };
            let at = self.federation[&name(node)].node();
            match at.ingest.seal(vec![statement], Vec::new()).await {
                Ok(made) => break made[0].0,
                Err(error) if error.to_string().contains(UNSIGNED) => {}
                Err(error) => panic!("n{node} does not seal: {error}"),
            }
        };
        self.made(node, record, id, Some(to.clone()), None);
    }

    pub(super) async fn amend(
        &mut self,
        node: usize,
        of: usize,
        record: usize,
        to: Option<&BTreeSet<usize>>,
    ) {
        let Some(old) = self.model.ids[of] else {
            return;
        };
        let draft = self.draft(record);
        let Some(to) = self.under_ceilings(node, record, to) else {
            return;
        };
        let list = to.as_ref().map(names);
        let full = old.full();
        let mut args = vec!["amend", &full, "-", "--json"];
        if self.sabotage == Some(Sabotage::Amendment) {
            args = vec!["push", "-", "--json"];
        }
        if let Some(list) = &list
            && self.sabotage != Some(Sabotage::Audience)
        {
            args.extend(["--to", list]);
        }
        let ran = self.sign(node, &args, &draft.to_string()).await;
        let before = self.model.records.get(&old).map(|k| k.what.clone());
        let kept = match before {
            Some(What::Drawn(_, list)) => list,
            _ => None,
        };
        let list = to.or(kept);
        self.made(node, record, id_of(&ran), list, Some(old));
        self.model.withdrawn.insert(old, (moment(), Instant::now()));
    }

    fn made(
        &mut self,
        author: usize,
        record: usize,
        id: RecordId,
        list: Option<BTreeSet<usize>>,
        supersedes: Option<RecordId>,
    ) {
        self.model.ids[record] = Some(id);
        let what = What::Drawn(record, list);
        self.model.records.insert(
            id,
            Known {
                author,
                what,
                supersedes,
            },
        );
    }

    fn draft(&self, record: usize) -> Value {
        let agencies: Vec<String> = self.model.agencies.iter().map(|a| a.full()).collect();
        let drawn = &self.model.plan.records[record];
        if self.sabotage == Some(Sabotage::Handling) {
            drawn.wide_open().draft(&agencies)
        } else {
            drawn.draft(&agencies)
        }
    }
}

/// The id of what a command made.
fn id_of(ran: &Ran) -> RecordId {
    let json = ran.json();
    let id = json["id"].as_str().and_then(|id| id.parse().ok());
    id.expect("an id")
}
