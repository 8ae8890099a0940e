//! What follows from where the referrals stand. Each rule looks at what is, not at what just
//! happened, and does nothing where it has been done: it may run as often as it likes, and a
//! node that was killed goes on.

use std::collections::BTreeSet;

use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::{DeadlineKind, Party, State};
use liaison_protocol::personal::{Action, Inside, Overdue, Personal};
use liaison_protocol::record::codes::{ReferralPart, RetractReason};

use super::look::blocking;
use super::timers::Fired;
use super::{ReferralError, Thread};
use crate::ingest::Sealing;
use crate::node::Node;
use crate::officers::Officer;

impl Node {
    /// Does what follows from the threads that changed; gives whether anything did.
    pub(super) async fn settle_referrals(&self) -> Result<bool, ReferralError> {
        let dirty = std::mem::take(&mut self.referrals.book().dirty);
        let mut moved = false;
        let mut failed = None;
        for id in dirty {
            match self.settle(&id).await {
                Ok(did) => moved |= did,
                Err(error) => {
                    self.referrals.book().dirty.insert(id);
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(moved),
        }
    }

    async fn settle(&self, id: &RecordId) -> Result<bool, ReferralError> {
        let Some(thread) = self.referrals.thread(id) else {
            return self.take_back_the_rest(id).await;
        };
        if thread.role == Party::Provider {
            return Ok(false);
        }
        self.claim_left(&thread).await?;
        self.assign_as_before(&thread).await?;
        match thread.state() {
            State::Withdrawn => return self.withdraw_case(&thread).await,
            State::Declined | State::Expired => return self.ask_next(&thread).await,
            _ => {}
        }
        if self.take_identity_back(&thread).await? {
            return Ok(true);
        }
        if self.time_out(&thread).await? {
            return Ok(true);
        }
        self.send_assessment(&thread).await
    }

    /// Whoever worked on the thread before this one of the same referral works on this one; on
    /// the first, who made it.
    async fn assign_as_before(&self, thread: &Thread) -> Result<(), ReferralError> {
        if !self.looks.assigned(&thread.id).is_empty() {
            return Ok(());
        }
        let Some((id, at)) = self.cases.of_thread(&thread.id) else {
            return Ok(());
        };
        let (node, thread) = (self.clone(), thread.id);
        blocking(move || {
            let Some(case) = node.cases.read(&id)? else {
                return Ok(());
            };
            let before: Vec<RecordId> = case.threads().take(at).collect();
            let mut uids: BTreeSet<u32> = BTreeSet::new();
            for earlier in before.iter().rev() {
                uids.extend(node.looks.assigned(earlier).uids());
            }
            uids.insert(case.uid);
            let put: Vec<Officer> = uids
                .into_iter()
                .filter_map(|uid| node.officers.of(uid).ok())
                .filter(|officer| !officer.shared)
                .collect();
            let now = node.time.latest();
            // Who may not work on it any more is left out; nobody's is anybody's.
            for officer in put {
                if let Err(denied) = node.looks.assign(&thread, &[officer], &[], case.uid, now) {
                    tracing::debug!(%denied, "an officer is not put on a referral");
                }
            }
            Ok(())
        })
        .await
    }

    /// The person does not agree any more that the provider, or its country, knows who it is.
    async fn take_identity_back(&self, thread: &Thread) -> Result<bool, ReferralError> {
        let released: Vec<RecordId> = thread.parts(ReferralPart::Identity).collect();
        if released.is_empty() || (thread.may_share_identity() && !self.is_barred(thread)?) {
            return Ok(false);
        }
        self.take_back(&released, RetractReason::ConsentWithdrawn)
            .await
    }

    /// A candidate let its time pass: hubs are told, and it is closed to it, if somebody else
    /// can be asked or nothing more is to be waited for.
    async fn time_out(&self, thread: &Thread) -> Result<bool, ReferralError> {
        let fired = |what| {
            let fired = Fired { what, number: 1 };
            self.referrals.has_fired(&thread.id, fired)
        };
        let undecided = matches!(
            thread.state(),
            State::Sent | State::Acknowledged | State::InfoAsked | State::InfoGiven
        );
        let unread = fired(DeadlineKind::Acknowledge) && thread.state() == State::Sent;
        let late = fired(DeadlineKind::Decide) && undecided;
        if !unread && !late {
            return Ok(false);
        }
        let told = self.tell_hubs(thread).await?;
        if late || self.is_next(&thread.id) {
            self.sign_step(thread, Action::Expired, None, Vec::new())
                .await?;
            return Ok(true);
        }
        Ok(told)
    }

    /// Tells the hubs that a candidate is silent, once; gives whether any was told now.
    async fn tell_hubs(&self, thread: &Thread) -> Result<bool, ReferralError> {
        let own = self.registry.own();
        let told: BTreeSet<AgencyId> = {
            let book = self.referrals.book();
            let ours = book
                .overdue
                .iter()
                .filter(|(_, n)| n.by == own && n.thread == thread.id);
            ours.flat_map(|(id, _)| self.vault.gist(id))
                .flat_map(|gist| gist.recipients.clone())
                .collect()
        };
        let inside = self.profile_inside(&thread.id)?;
        let exclude = self.exclude_now(thread, &inside, None);
        let mut notices = Vec::new();
        for hub in self.hubs() {
            let barred = self.registry.bars_way(&exclude, &hub, &own).is_some();
            if told.contains(&hub) || hub == thread.peer || barred {
                continue;
            }
            let overdue = Overdue {
                thread: thread.id,
                silent: thread.peer,
            };
            notices.push(Sealing {
                inside: Inside {
                    subjects: Vec::new(),
                    exclude: exclude.clone(),
                    ..self.about(thread, &inside, "Overdue", Personal::Overdue(overdue))
                },
                recipients: BTreeSet::from([hub]),
                thread: None,
                respond_by: None,
            });
        }
        if notices.is_empty() {
            return Ok(false);
        }
        self.ingest.seal(notices, Vec::new()).await?;
        self.take_up().await?;
        Ok(true)
    }

    /// The linked hubs.
    fn hubs(&self) -> Vec<AgencyId> {
        let peers = self.registry.peers().into_iter();
        peers
            .filter(|(_, peer)| peer.leaving.is_none() && peer.pinned.sector == "hub")
            .map(|(agency, _)| agency)
            .collect()
    }
}
