//! What administrators do: policies, peers, backups.

use std::collections::BTreeSet;
use std::sync::Arc;

use liaison_node::node::POLICY_ACTIVE;
use liaison_node::policy::{PolicySet, PolicyText};
use liaison_node::store::Op;
use liaison_protocol::id::RecordId;

use super::judge;
use super::model::{Restored, Version};
use super::policy::{Cond, Policy, Statement};
use super::sabotage::Sabotage;
use super::world::{Backup, World, name};
use crate::Ran;
use crate::tap::moment;

/// What a node says that signs nothing yet.
pub(super) const UNSIGNED: &str = "nothing is signed until";

/// What a node says that is asked to wait for nobody and does so already.
const UNAWAITED: &str = "this node waits for nobody";

impl World<'_> {
    fn file(&self, name: &str) -> String {
        self.federation
            .dir()
            .join(name)
            .to_string_lossy()
            .into_owned()
    }

    /// The backup's file and its key's.
    fn backup_files(&self, node: usize) -> (String, String) {
        (
            self.file(&format!("n{node}.backup")),
            self.file("backup.key"),
        )
    }

    pub(super) async fn backup(&mut self, node: usize) {
        let (file, key) = self.backup_files(node);
        std::fs::write(&key, "correct horse battery staple\n").expect("a key file");
        let _earlier = std::fs::remove_file(&file);
        let args = ["backup", &file, "--key-file", &key, "--with-keys"];
        self.run(node, &args).await;
        let backup = Backup {
            moment: moment(),
            gates: self.model.now(node)[0].clone(),
            held: judge::held(&self.federation[&name(node)])
                .into_keys()
                .collect(),
        };
        self.backups.insert(node, backup);
    }

    /// The node's home is lost, and comes back from its backup.
    pub(super) async fn restore(&mut self, node: usize) {
        let Some(Backup {
            moment: made,
            gates,
            ..
        }) = self.backups.get(&node)
        else {
            return;
        };
        let (made, gates) = (*made, gates.clone());
        let store = self.federation[&name(node)].node().store.clone();
        self.federation.node(&name(node)).stop().await;
        judge::learn(&mut self.model, &store);
        drop(store);
        let begin = moment();
        let home = self.federation[&name(node)].home.dir().to_owned();
        std::fs::remove_dir_all(&home).expect("a home to lose");
        let (file, key) = self.backup_files(node);
        let args = ["restore", &file, "--key-file", &key];
        self.run(node, &args).await;
        self.model.restored.push(Restored {
            node,
            moment: begin,
            backup: made,
            released: None,
        });
        // Its own records of since then come back from others, and with them no list.
        let held = &self.backups[&node].held;
        let own = self.model.records.iter().filter(|(_, k)| k.author == node);
        let lost: Vec<RecordId> = own
            .map(|(id, _)| *id)
            .filter(|id| !held.contains(id))
            .collect();
        self.model.undecided.extend(lost);
        // The keyring is in no backup.
        let sealed = self.model.records.iter();
        let sealed = sealed.filter(|(_, k)| k.author == node && self.model.is_sealed(k));
        let closed: Vec<RecordId> = sealed.map(|(id, _)| *id).collect();
        self.model.closed.extend(closed);
        self.federation.node(&name(node)).start().await;
        self.changed(node, begin, |v| {
            *v = Version {
                restored: true,
                ..gates
            };
        });
        if self.sabotage == Some(Sabotage::Restore) {
            self.wait_for_nobody(node).await;
        }
    }

    /// Runs a command that signs. A node that came back from a backup signs nothing before it
    /// heard all its peers: where one is not there, somebody decides not to wait.
    pub(super) async fn sign(&mut self, node: usize, args: &[&str], input: &str) -> Ran {
        loop {
            self.may_sign(node).await;
            let ran = self.federation[&name(node)].cli_in(args, input).await;
            // A peer may have told meanwhile that it holds what this node does not know of.
            if !ran.err.contains(UNSIGNED) {
                return ran.expect_code(0);
            }
        }
    }

    /// Lets a node sign, if it does not because it came back from a backup.
    pub(super) async fn may_sign(&mut self, node: usize) {
        let waits = self.federation[&name(node)].node().catch_up.waiting();
        if waits.is_none() {
            return;
        }
        let mut all = self.model.restored.iter_mut().rev();
        if let Some(restored) = all.find(|r| r.node == node) {
            restored.released.get_or_insert_with(moment);
        }
        self.wait_for_nobody(node).await;
    }

    async fn wait_for_nobody(&self, node: usize) {
        let args = ["restore", "release", "--all", "--reason", "drawn", "--yes"];
        let ran = self.federation[&name(node)].cli(&args).await;
        // Between the look and the command it may have heard the last one that it waited for.
        if !ran.err.contains(UNAWAITED) {
            ran.expect_code(0);
        }
    }

    pub(super) async fn remove(&mut self, node: usize, peer: usize, recall: bool) {
        let begin = moment();
        let alias = name(peer);
        let mut args = vec!["peer", "remove", &alias, "--yes"];
        if recall {
            args.push("--recall");
            self.model.recalled_all.insert((node, peer));
        }
        if self.sabotage != Some(Sabotage::Link) {
            self.sign(node, &args, "").await;
        }
        self.changed(node, begin, |v| {
            v.peers.remove(&peer);
        });
    }

    pub(super) async fn apply(&mut self, node: usize, policy: &Policy) {
        let begin = moment();
        let first = self.model.versions[node]
            .iter()
            .all(|v| v.policy == Policy::default());
        let given = self.policy_of(policy);
        if first || self.sabotage != Some(Sabotage::Epoch) {
            // Not by 'policy apply', which would hold each drawn policy to the invariants: that
            // takes longer than all the rest.
            let node = self.federation[&name(node)].node();
            let text = PolicyText::from_names(given.files()).expect("a policy");
            let name = POLICY_ACTIVE.to_owned();
            let bytes = text.to_bytes().into();
            let set = PolicySet::from_text(text).expect("a policy");
            let kept = node.store.write(vec![Op::PutMeta { name, bytes }]).await;
            kept.expect("the store");
            node.reengage(Some(Arc::new(set))).await.expect("in force");
        }
        self.changed(node, begin, |v| v.policy = policy.clone());
    }

    /// The policy that the node really gets.
    fn policy_of(&self, policy: &Policy) -> Policy {
        let mut given = policy.clone();
        let open = match self.sabotage {
            Some(Sabotage::Policy) => true,
            Some(Sabotage::Accept) => false,
            Some(Sabotage::Ceiling) => {
                given.ceilings.clear();
                return given;
            }
            Some(Sabotage::Starve) => {
                given.statements.retain(|s| !s.share);
                return given;
            }
            _ => return given,
        };
        given.statements.retain(|s| s.share != open);
        given.statements.push(Statement {
            permit: true,
            share: open,
            when: Cond::Any,
        });
        given
    }

    pub(super) async fn add(&mut self, node: usize, peer: usize, circles: &BTreeSet<usize>) {
        let begin = moment();
        // Not by 'peer add', which would hold the policy to the invariants.
        let card = self.federation[&name(peer)].card();
        let given = circles.iter().map(|c| format!("c{c}")).collect();
        let at = self.federation[&name(node)].node();
        let linked = at
            .registry
            .link(&at.store, &card, name(peer), given, true, at.clock.now())
            .await;
        linked.expect("a peer");
        at.reengage(None).await.expect("in force");
        self.changed(node, begin, |v| {
            v.peers.insert(peer, circles.clone());
            v.named.insert(peer);
            v.revoked.remove(&peer);
        });
    }

    pub(super) async fn forget_tombstones(&self) {
        let gone = || self.model.withdrawn.keys();
        let lift: Vec<Op> = gone().map(|id| Op::LiftTombstone { id: *id }).collect();
        for node in self.running() {
            let store = &self.federation[&name(node)].node().store;
            store.write(lift.clone()).await.expect("the store");
        }
    }
}
