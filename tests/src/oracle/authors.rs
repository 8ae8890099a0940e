//! What officers do: they push, amend, retract, permit and call back.

use std::collections::BTreeSet;
use std::time::Instant;

use liaison_node::store::Flags;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::RecallReason;
use serde_json::Value;

use super::judge;
use super::model::{Known, Recalled, Version, What};
use super::policy::Facts;
use super::record::{Onward, day_ahead};
use super::sabotage::Sabotage;
use super::world::{World, name, names};
use crate::tap::moment;

impl World<'_> {
    pub(super) async fn retract(&mut self, node: usize, id: RecordId) {
        self.may_sign(node).await;
        if self.sabotage != Some(Sabotage::Retraction) {
            let args = ["retract", &id.full(), "--reason", "error"];
            self.run(node, &args).await;
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
        self.may_sign(node).await;
        let Some(of) = self.model.ids[of] else {
            return;
        };
        let agencies = &self.model.agencies;
        let named: Vec<String> = match self.sabotage {
            Some(Sabotage::Permit) => agencies.iter().map(|a| a.full()).collect(),
            _ => to.iter().map(|n| agencies[*n].full()).collect(),
        };
        let (full, named, until) = (of.full(), named.join(","), day_ahead());
        let args = ["permit", &full, "--to", &named, "--until", &until, "--json"];
        let ran = self.run(node, &args).await;
        let id: RecordId = ran.json()["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("an id");
        self.model.permits[permit] = Some(id);
        let what = What::Permit { of, to: to.clone() };
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
        self.may_sign(node).await;
        let at = self.federation[&name(node)].node();
        let held = judge::held(&self.federation[&name(node)]);
        let peers: Vec<usize> = self.model.now(node)[0].peers.keys().copied().collect();
        for peer in peers {
            let agency = self.model.agencies[peer];
            let mut out = Vec::new();
            for (id, header) in &held {
                let Some(known) = self.model.records.get(id) else {
                    continue;
                };
                let drawn = matches!(known.what, What::Drawn(..));
                let permitted = self.model.permits_of(id, peer).next().is_some();
                let now = self.model.now(node);
                let closed = self.model.release(node, peer, known, now, permitted);
                let arrival = at.store.arrival_of(id).expect("the store");
                let is_out = arrival.is_some_and(|arrival| {
                    let out = at.is_out(arrival, header, &agency);
                    out.expect("the store")
                });
                if drawn && closed.is_err() && is_out && !header.flags.contains(Flags::ERASED) {
                    out.push(*id);
                }
            }
            let moment = moment();
            if self.sabotage != Some(Sabotage::Recall) {
                let made = at.recall(&out, &agency, RecallReason::Policy).await;
                assert_eq!(
                    made.expect("recalls").len(),
                    out.len(),
                    "recalls of {out:?}"
                );
            }
            let recalled = out.into_iter().map(|of| Recalled {
                moment,
                by: node,
                from: peer,
                of,
            });
            self.model.recalled.extend(recalled);
        }
    }

    /// Those whom a node's ceilings keep a record of its own from.
    fn withheld(&self, node: usize, record: usize) -> BTreeSet<usize> {
        let Version { policy, peers, .. } = &self.model.now(node)[0];
        let withheld = |peer: &usize| {
            policy.withholds(&Facts {
                traits: &self.model.plan.records[record].traits,
                author: node,
                us: node,
                peer: *peer,
                peers,
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
        self.may_sign(node).await;
        let draft = self.draft(record);
        let Some(to) = self.under_ceilings(node, record, to) else {
            return;
        };
        let list = to.as_ref().map(names);
        let options: Vec<&str> = match &list {
            Some(list) if self.sabotage != Some(Sabotage::Audience) => vec!["--to", list],
            _ => Vec::new(),
        };
        let id = self.federation[&name(node)].push(&draft, &options).await;
        self.made(node, record, id, to, None);
    }

    pub(super) async fn amend(
        &mut self,
        node: usize,
        of: usize,
        record: usize,
        to: Option<&BTreeSet<usize>>,
    ) {
        self.may_sign(node).await;
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
        let ran = self.federation[&name(node)]
            .cli_in(&args, &draft.to_string())
            .await
            .expect_code(0);
        let id = ran.json()["id"].as_str().expect("an id").parse();
        let before = self.model.records.get(&old).map(|k| k.what.clone());
        let kept = match before {
            Some(What::Drawn(_, list)) => list,
            _ => None,
        };
        let list = to.or(kept);
        self.made(node, record, id.expect("an id"), list, Some(old));
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
