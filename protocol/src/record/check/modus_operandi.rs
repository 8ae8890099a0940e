//! Checks of modus operandi (MET).

use super::Finding;
use crate::record::codes::{ActorRole, CrimeClass, Technique};
use crate::record::envelope::Fields;
use crate::record::kinds::ModusOperandi;

pub(super) fn check(fields: &Fields, content: &ModusOperandi, found: &mut Vec<Finding>) {
    match fields.class {
        None => found.push(Finding::new(
            "MET-01",
            "class",
            "is missing",
            "Set it to smuggling, trafficking, mixed or undetermined.",
        )),
        Some(CrimeClass::Trafficking) => trafficking(content, found),
        Some(CrimeClass::Smuggling) if !content.exploitation.is_empty() => {
            found.push(Finding::new(
                "MET-05",
                "body.exploitation",
                "is filled in, but the class is 'smuggling'",
                "Set class 'trafficking' or 'mixed', or drop the exploitation.",
            ));
        }
        Some(_) => {}
    }
    let abuse = content
        .techniques
        .contains(&Technique::AsylumProcedureAbuse);
    let facilitator = content
        .actor_roles
        .iter()
        .any(|role| !matches!(role, ActorRole::Other));
    if abuse && !facilitator {
        found.push(Finding::new(
            "MET-06",
            "body.actor_roles",
            "asylum-procedure-abuse must name a facilitator role; applicants are not the subject",
            "Add the role of who organises it, like 'facilitator'.",
        ));
    }
    let only_other = content.techniques.iter().all(|t| *t == Technique::Other);
    if only_other && fields.summary.is_none() {
        found.push(Finding::new(
            "MET-07",
            "body.techniques",
            "has only 'other', and there is no summary",
            "Describe the technique in 'summary'.",
        ));
    }
}

/// Palermo Protocol, Article 3: act, means (not for children) and purpose.
fn trafficking(content: &ModusOperandi, found: &mut Vec<Finding>) {
    if content.act.is_empty() {
        found.push(Finding::new(
            "MET-02",
            "body.act",
            "trafficking needs at least one act",
            "Add act (recruitment, transportation, …) or set class 'undetermined'.",
        ));
    }
    if content.exploitation.is_empty() {
        found.push(Finding::new(
            "MET-03",
            "body.exploitation",
            "trafficking needs at least one form of exploitation, also an intended one",
            "Add exploitation or set class 'undetermined'.",
        ));
    }
    let children =
        !content.victim_groups.is_empty() && content.victim_groups.iter().all(|g| g.age.is_child());
    if content.means.is_empty() && !children {
        found.push(Finding::new(
            "MET-04",
            "body.means",
            "trafficking needs at least one means, unless every victim group is under 18",
            "Add means or set class 'undetermined'.",
        ));
    }
}
