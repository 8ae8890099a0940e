//! Whom a referral is offered to, in which order, and from when each one's time counts.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::personal::checks::{
    Candidate, Circumstances, check_assessment, check_profile,
};
use liaison_protocol::personal::limits_of;
use liaison_protocol::personal::{Profile, ReferralDraft};
use liaison_protocol::record::check::Finding;
use liaison_protocol::record::codes::{Country2, Sector, Urgency};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::hours::Opening;

use super::new::NewFault;
use crate::node::Node;
use crate::services::hours::{self, Desk};

/// A candidate, as an officer is shown it before anything is sent.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The agency.
    pub agency: AgencyId,
    /// Its name here.
    pub name: String,
    /// Whether somebody answers there now. `None`: its card does not tell.
    pub opening: Option<Opening>,
    /// From when its deadlines count, if it is asked now.
    pub clock_from: Millis,
    /// Whom to telephone there.
    pub desk: Option<Desk>,
    sector: Sector,
    country: Country2,
    can_open: bool,
}

impl Planned {
    /// Whether it is known to be open now.
    pub fn is_open(&self) -> bool {
        self.opening.is_some_and(Opening::is_open)
    }

    fn candidate(&self, own: &AgencyId) -> Candidate<'_> {
        Candidate {
            name: &self.name,
            sector: self.sector,
            country: &self.country,
            is_author: self.agency == *own,
            can_open: self.can_open,
        }
    }
}

impl Node {
    /// The candidates of a draft in the order in which they would be asked now. What is
    /// critical goes to those first that are open now, unless the officer insists on the order.
    ///
    /// # Errors
    /// [`NewFault::Peer`]: nobody is called so here.
    pub(crate) fn plan(
        &self,
        draft: &ReferralDraft,
        now: Millis,
    ) -> Result<Vec<Planned>, NewFault> {
        let mut plan = Vec::with_capacity(draft.candidates.len());
        for name in &draft.candidates {
            let (agency, _) = self.registry.find(name)?;
            plan.push(self.planned(&agency, draft.keep_order, now)?);
        }
        if draft.profile.effective_urgency() == Urgency::Critical && !draft.keep_order {
            plan.sort_by_key(|candidate| !candidate.is_open());
        }
        Ok(plan)
    }

    /// One candidate. `insists`: its time counts from now, open or not.
    pub(super) fn planned(
        &self,
        agency: &AgencyId,
        insists: bool,
        now: Millis,
    ) -> Result<Planned, NewFault> {
        let name = self.registry.alias(agency);
        let peer = self.registry.peer(agency).ok_or_else(|| {
            NewFault::NoPeer(crate::registry::RegistryError::NoPeer { name: name.clone() })
        })?;
        let unreadable = |what: &'static str| NewFault::Pinned {
            peer: name.clone(),
            what,
        };
        let card = self.registry.contact(agency);
        let opening = card.as_ref().and_then(|card| hours::opening(card, now));
        let clock_from = match opening {
            Some(opening) if !insists => opening.opens_at(now),
            _ => now,
        };
        Ok(Planned {
            agency: *agency,
            opening,
            clock_from,
            desk: card.as_ref().and_then(|card| hours::telephone(card, now)),
            sector: peer
                .pinned
                .sector
                .parse()
                .map_err(|_| unreadable("sector"))?,
            country: peer
                .pinned
                .country
                .parse()
                .map_err(|_| unreadable("country"))?,
            can_open: self.registry.sealing_key(agency, now).is_some(),
            name,
        })
    }

    /// What the checks say of a draft that would be offered to these. Empty: it may be sent.
    ///
    /// # Errors
    /// [`NewFault::Pinned`]: our own card names no country.
    pub(crate) fn check_referral(
        &self,
        draft: &ReferralDraft,
        plan: &[Planned],
        approved: bool,
        now: Millis,
    ) -> Result<Vec<Finding>, NewFault> {
        let own = self.registry.own();
        let author = self.registry.own_alias();
        let country = self.registry.contact(&own).map(|card| card.country);
        let country = country.ok_or_else(|| NewFault::Pinned {
            peer: author.clone(),
            what: "country",
        })?;
        let today = Date::from_millis(now);
        let candidates: Vec<Candidate<'_>> =
            plan.iter().map(|planned| planned.candidate(&own)).collect();
        let with = Circumstances {
            author: &author,
            author_country: &country,
            today,
            citizenship: &draft.citizenship,
            candidates: &candidates,
            approved,
        };
        let mut found = Vec::new();
        for inside in [
            Some(draft.profile_inside(today, approved)),
            draft.assessment_inside(today),
            draft.identity_inside(today),
        ]
        .into_iter()
        .flatten()
        {
            found.extend(limits_of(&inside).err());
        }
        found.extend(check_profile(&draft.profile, &with));
        if let Some(assessment) = &draft.assessment {
            found.extend(check_assessment(&draft.profile, assessment, &with));
        }
        Ok(found)
    }

    /// What the checks say of a profile as it would be sealed to this candidate now.
    pub(super) fn check_candidate(
        &self,
        draft: &ReferralDraft,
        profile: &Profile,
        agency: &AgencyId,
        approved: bool,
        now: Millis,
    ) -> Vec<Finding> {
        let own = self.registry.own();
        let planned = match self.planned(agency, draft.keep_order, now) {
            Ok(planned) => planned,
            Err(error) => {
                let remedy = "'liaison peer list' shows who can be asked.";
                return vec![finding("REF-06", error.to_string(), remedy)];
            }
        };
        let Some(card) = self.registry.contact(&own) else {
            let says = "can't be checked: the card of this agency names no country".to_owned();
            return vec![finding(
                "REF-04",
                says,
                "'liaison status' says what is missing.",
            )];
        };
        let author = self.registry.own_alias();
        let with = Circumstances {
            author: &author,
            author_country: &card.country,
            today: Date::from_millis(now),
            citizenship: &draft.citizenship,
            candidates: &[planned.candidate(&own)],
            approved,
        };
        check_profile(profile, &with)
    }
}

fn finding(code: &'static str, says: String, remedy: &str) -> Finding {
    Finding {
        code,
        place: "candidates".into(),
        says,
        remedy: remedy.into(),
        waivable: false,
    }
}
