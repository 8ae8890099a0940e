//! Looking at everything once more when all is over: what did not leak at once may have leaked
//! since, and what no step speaks of must be nowhere.

use std::collections::BTreeSet;

use liaison_node::kind;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::{Kind, PersonalKind, Plane};

use super::super::report::Check;
use super::Player;
use super::given::Has;
use crate::stage::{Done, Member};

impl Player<'_> {
    /// Looks back at all that was given, and at what every node has beside it.
    pub(super) fn look_back(&mut self, checks: &mut Vec<Check>) -> Done {
        self.stage.settle()?;
        self.look_at_threads()?;
        for given in &self.given {
            let what = given.what.clone().unwrap_or_else(|| given.id.short());
            let mut faults = Vec::new();
            let sealed = given.thread.is_some();
            for id in &given.parts {
                let all = self.who_has(id, sealed)?;
                for (name, has) in all {
                    let may_not = match sealed {
                        // A record of a thread is known to its two agencies, and to nobody else.
                        true => given.must_not.contains(&name) && has != Has::Nothing,
                        false => given.must_not.contains(&name) && has == Has::Content,
                    };
                    if may_not {
                        faults.push(format!("{name} has something of '{what}', and must not"));
                    }
                    let lost = given.must.contains(&name) && has != Has::Content;
                    if lost && !given.gone && *id == given.id {
                        faults.push(format!("{name} no longer has '{what}'"));
                    }
                }
            }
            let says = format!("'{what}' is where it must be, and nowhere else");
            faults.sort();
            faults.dedup();
            checks.push(Check::of(faults.is_empty(), says, faults.join("; ")));
        }
        for member in self.stage.iter().filter(|m| m.runs()) {
            let says = format!("{} has nothing that no step gave it", member.name);
            let found = self.beside(member)?;
            checks.push(Check::of(found.is_empty(), says, found.join("; ")));
        }
        checks.extend(self.disk.search(&self.dir));
        Ok(())
    }

    /// What a node has that no step speaks of.
    fn beside(&self, member: &Member) -> Done<Vec<String>> {
        let mut found = Vec::new();
        let given: BTreeSet<RecordId> = self.given.iter().map(|given| given.id).collect();
        for (_, header) in member.headers()? {
            let is = |kind: &Kind| kind::number(*kind) == header.kind;
            let kind = Kind::ALL.iter().find(|kind| is(kind));
            let content = kind.is_some_and(|kind| {
                kind.plane() == Plane::Strategic && !matches!(kind, Kind::Contact | Kind::Keys)
            });
            if content && !given.contains(&header.id) && !self.unjudged.contains(&header.id) {
                let author = self.stage.name_of(&header.author).unwrap_or("a stranger");
                found.push(format!(
                    "{} holds {} of {author}",
                    member.name,
                    header.id.short()
                ));
            }
        }
        let vault = &member.node()?.vault;
        let changes = vault.after(0, usize::MAX);
        for gist in changes
            .iter()
            .filter_map(|(_, change)| vault.gist(change.id()))
        {
            let known = self.given.iter().any(|given| {
                given.thread == Some(gist.thread) && given.must.contains(&member.name)
            });
            let told = gist.kind == PersonalKind::Overdue
                && (gist.author == member.id
                    || self.told.values().any(|names| names.contains(&member.name)));
            let unjudged = self.unjudged.contains(&gist.thread);
            if !(known || told || unjudged) {
                let author = self.stage.name_of(&gist.author).unwrap_or("a stranger");
                found.push(format!(
                    "{} can read a {} of {author}",
                    member.name, gist.kind
                ));
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}
