//! To which key of an agency records are sealed, and which agencies a record may never reach.

use std::collections::BTreeSet;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::personal::{excludes, excludes_way, is_unknown};
use liaison_protocol::record::codes::{Country2, Sector};
use liaison_protocol::seal::SealingKey;

use super::Registry;

impl Registry {
    /// The key to which records for an agency are sealed at `now`, by its newest keys statement.
    /// None: it has told of none.
    pub fn sealing_key(&self, agency: &AgencyId, now: Millis) -> Option<SealingKey> {
        self.read(|i| {
            // A statement under a key that was lost since may be a thief's, with the thief's keys.
            let known = i
                .agencies
                .get(agency)
                .filter(|known| known.is_reachable())?;
            known.statement_body()?.sealing_at(now).cloned()
        })
    }

    /// The country of which an agency is an authority, if that country may never get a record:
    /// by what a person confirmed of a peer, or by what its card says since.
    pub fn bars(&self, exclude: &BTreeSet<Country2>, agency: &AgencyId) -> Option<String> {
        self.barred(exclude, agency, |sector, country| {
            excludes(exclude, sector, country)
        })
    }

    /// The same for a hub on the way, or for who is told that somebody is late: where the
    /// citizenship is not known, every authority of another country than that of `originator` is
    /// barred. It is the same whoever looks: what was allowed to come may be answered.
    pub fn bars_way(
        &self,
        exclude: &BTreeSet<Country2>,
        hub: &AgencyId,
        originator: &AgencyId,
    ) -> Option<String> {
        let own = self.country(originator);
        self.barred(exclude, hub, |sector, country| {
            excludes_way(exclude, sector, country, &own)
        })
    }

    fn barred(
        &self,
        exclude: &BTreeSet<Country2>,
        agency: &AgencyId,
        bars: impl Fn(Sector, &Country2) -> bool,
    ) -> Option<String> {
        if exclude.is_empty() {
            return None;
        }
        // What was pinned, and what its card says since: either may tell that it is one of those.
        let told: Vec<(String, String)> = self.read(|i| {
            let pinned = i.peers.get(agency).map(|peer| &peer.pinned);
            let pinned = pinned.map(|p| (p.sector.clone(), p.country.clone()));
            let contact = i.agencies.get(agency).and_then(|known| known.contact());
            let contact =
                contact.map(|c| (c.sector.as_str().to_owned(), c.country.as_str().to_owned()));
            pinned.into_iter().chain(contact).collect()
        });
        let barred = |(sector, country): &(String, String)| match (sector.parse(), country.parse())
        {
            (Ok(sector), Ok(country)) => bars(sector, &country),
            // Who knows what a sector of a later version is.
            (_, Ok(country)) => bars(Sector::Hub, &country),
            _ => is_unknown(exclude) || exclude.iter().any(|c| c.as_str() == country),
        };
        told.into_iter().find(barred).map(|(_, country)| country)
    }
}
