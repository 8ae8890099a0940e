//! How the node does, and the home screen.

use std::net::{IpAddr, SocketAddr};

use liaison_node::control::api::Status;
use serde::Serialize;

use super::{Style, Tone, clean, comma, hub, leave, list, peers, plural, when};

/// Multiaddresses as `host:port`, each once; those that only this machine or its own wire knows are
/// left out where there are others.
fn shown(addresses: &[String]) -> Vec<String> {
    let mut all: Vec<(SocketAddr, bool)> = Vec::new();
    for address in addresses {
        let mut parts = address.split('/').skip(2);
        let (host, port) = (parts.next().unwrap_or_default(), parts.nth(1));
        let parsed = host.parse::<IpAddr>().ok();
        let Some((host, port)) = parsed.zip(port.and_then(|p| p.parse().ok())) else {
            return addresses.to_vec();
        };
        let near = match host {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
        };
        let one = (SocketAddr::new(host, port), near);
        if !all.contains(&one) {
            all.push(one);
        }
    }
    let is_reached = all.iter().any(|(_, near)| !near);
    all.retain(|(_, near)| !near || !is_reached);
    all.sort();
    all.iter().map(|(address, _)| address.to_string()).collect()
}

/// `status`.
pub fn status(style: &Style, status: &Status) -> String {
    let mut out = format!(
        "{}  {}\n",
        style.paint(Tone::Strong, &clean(&status.name)),
        style.paint(
            Tone::Dim,
            &format!(
                "liaison {}, up {}",
                clean(&status.version),
                span(status.uptime_s)
            )
        )
    );
    out.push_str(&format!("Fingerprint  {}\n", clean(&status.fingerprint)));
    if let Some(you) = &status.you {
        out.push_str(&format!("You          {}\n", super::officers::officer(you)));
    }
    let listening = match status.listening.as_slice() {
        [] => "nowhere: nobody can call this node, it has to call them".to_owned(),
        addresses => list(&shown(addresses)),
    };
    out.push_str(&format!(
        "Listening    {listening}
"
    ));
    out.push_str(&format!(
        "Records      {}, {} new",
        comma(status.records),
        comma(status.new)
    ));
    if status.unindexed > 0 {
        out.push_str(&format!(
            ", {} not yet in the index on disk",
            comma(status.unindexed)
        ));
    }
    if status.quarantined > 0 {
        out.push_str(&format!(
            ", {} set aside as malformed",
            comma(status.quarantined)
        ));
    }
    out.push('\n');
    out.push_str(&format!("Policy       {}\n", policy(status)));
    if let Some(hub) = &status.hub {
        out.push_str(&format!("Hub          {}\n", hub::parcels(hub)));
    }
    out.push_str(&leave::open_asks(&status.asks));
    out.push('\n');
    out.push_str(&peers::health(style, &status.peers));
    if !status.alerts.is_empty() {
        out.push('\n');
        for alert in &status.alerts {
            out.push_str(&format!(
                "{} {}\n",
                style.paint(Tone::Warn, "!"),
                clean(alert)
            ));
        }
    }
    out
}

fn policy(status: &Status) -> String {
    let policy = &status.policy;
    if !policy.applied {
        return "none applied: nothing is shared (write statements in policy/, then `liaison policy apply`)".into();
    }
    let hash: String = clean(&policy.hash).chars().take(12).collect();
    let at = policy
        .at
        .as_deref()
        .map(|at| format!(", applied {}", when(at)))
        .unwrap_or_default();
    let differs = if policy.differs {
        "; the files in policy/ differ from it (`liaison policy check`, then `liaison policy apply`)"
    } else {
        ""
    };
    format!(
        "{hash}, {}{at}{differs}",
        plural(policy.statements, "statement", "statements")
    )
}

/// What is wrong, as `status --check` says it: silent peers, records waiting as `later`, a
/// policy that differs from its files, peers that are behind by more than `behind`.
pub fn problems(status: &Status, behind: Option<u64>) -> Vec<String> {
    let mut out = Vec::new();
    if status.policy.differs {
        out.push(
            "the files in policy/ differ from the active policy: `liaison policy check`".to_owned(),
        );
    }
    for peer in &status.peers {
        let name = clean(&peer.peer);
        let changed = peers::changed(peer);
        if !changed.is_empty() {
            out.push(changed.trim_end().to_owned());
        }
        if peer.connected_since.is_none() {
            let seen = match &peer.last_seen {
                Some(seen) => format!("silent since {}", when(seen)),
                None => "was never connected".to_owned(),
            };
            out.push(format!("{name} {seen}: `liaison peer test {name}`"));
        }
        if !peer.later.is_empty() {
            out.push(format!(
                "{name}: waits as later: {}",
                peers::tallies(&peer.later)
            ));
        }
        if let Some(most) = behind
            && peer.behind > most
        {
            out.push(format!(
                "{name} is behind by {}, more than {}",
                plural(peer.behind, "record", "records"),
                comma(most)
            ));
        }
    }
    out
}

/// One thing that waits for a person, with the command to type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// `unsent`, `overdue`, `new`, `ask`, `due`, `silent`, `draft`, `alert`, `start`.
    pub what: &'static str,
    /// In words.
    pub says: String,
    /// What to type; empty if the words say it.
    pub command: String,
}

/// Days before the end of a peer's keys statement from which it counts as due.
const KEYS_DUE_DAYS: i64 = 7;

/// What the home screen lists.
pub fn items(status: &Status, drafts: &[String]) -> Vec<Item> {
    let mut out = Vec::new();
    let mut add = |what, says: String, command: String| {
        out.push(Item {
            what,
            says,
            command,
        })
    };
    if status.new > 0 {
        let says = format!(
            "{} since you last looked",
            plural(status.new, "new record", "new records")
        );
        add("new", says, "liaison query --new".into());
    }
    for ask in &status.asks.oldest {
        add("ask", leave::open(ask), clean(&ask.command));
    }
    for alert in &status.alerts {
        add("alert", clean(alert), String::new());
    }
    if !status.policy.applied {
        add(
            "due",
            "no policy is applied: nothing is shared or taken in".into(),
            "liaison policy apply DIR".into(),
        );
    } else if status.policy.differs {
        add(
            "due",
            "the policy files differ from the active policy".into(),
            "liaison policy check".into(),
        );
    }
    if status.peers.is_empty() {
        add(
            "due",
            "nobody is linked yet: send your card, add theirs".into(),
            "liaison card export FILE".into(),
        );
    }
    for peer in &status.peers {
        let name = clean(&peer.peer);
        if !peer.changed.is_empty() {
            let attributes: Vec<String> =
                peer.changed.iter().map(|c| clean(&c.attribute)).collect();
            add(
                "due",
                format!(
                    "{name}'s card states another {}; policies still use the old",
                    attributes.join(", ")
                ),
                format!("liaison peer confirm {name}"),
            );
        }
        if peer.connected_since.is_none() {
            let seen = peer
                .last_seen
                .as_deref()
                .map(|seen| format!(" since {}", when(seen)));
            let says = match seen {
                Some(seen) => format!("{name} is silent{seen}"),
                None => format!("{name} was never connected"),
            };
            add("silent", says, format!("liaison peer test {name}"));
        }
        if let Some(days) = peer.keys_days
            && (0..=KEYS_DUE_DAYS).contains(&days)
        {
            let says = match days {
                0 => format!("{name}'s keys statement ends today"),
                n => format!("{name}'s keys statement ends in {n} d"),
            };
            add("due", says, "liaison peer add FILE".into());
        }
    }
    if status.reviews_due > 0 {
        let records = plural(status.reviews_due, "record", "records");
        let says = format!("{records} of your own: the review date has come");
        add("due", says, "liaison expiry".into());
    }
    for draft in drafts {
        add(
            "draft",
            format!("draft {} is not sent", clean(draft)),
            format!("liaison new --edit {}", clean(draft)),
        );
    }
    out
}

/// The home screen.
pub fn home(style: &Style, status: &Status, items: &[Item]) -> String {
    let up = status
        .peers
        .iter()
        .filter(|peer| peer.connected_since.is_some())
        .count();
    let mut out = format!(
        "{}  {}\n\n",
        style.paint(Tone::Strong, &clean(&status.name)),
        style.paint(
            Tone::Dim,
            &format!(
                "{}, {up} of {} up",
                plural(status.records, "record", "records"),
                plural(status.peers.len() as u64, "peer", "peers")
            )
        )
    );
    if items.is_empty() {
        out.push_str("Nothing new, nothing due.\n");
    }
    out.push_str(&item_lines(style, items));
    out.push_str("\nWrite: liaison new trend   Search: liaison query WORDS   More: liaison help\n");
    out
}

/// One line an item, its command below it.
pub fn item_lines(style: &Style, items: &[Item]) -> String {
    let mut out = String::new();
    for item in items {
        let tone = match item.what {
            "silent" | "unsent" | "overdue" => Tone::Bad,
            "new" => Tone::Good,
            _ => Tone::Warn,
        };
        out.push_str(&format!(
            "{} {}\n",
            style.paint(tone, &format!("{:<7}", item.what)),
            item.says
        ));
        if !item.command.is_empty() {
            out.push_str(&format!(
                "        {}\n",
                style.paint(Tone::Strong, &item.command)
            ));
        }
    }
    out
}

fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use liaison_node::control::api::{OpenAsks, PolicyState, Tally};

    use super::super::peers::tests::peer;
    use super::*;

    pub(crate) fn sample() -> Status {
        let mut up = peer("qm-pol");
        up.connected_since = Some("2031-03-02T10:00:00Z".into());
        let mut silent = peer("qo-ngo");
        silent.behind = 12;
        silent.later = vec![Tally {
            reason: "schema".into(),
            count: 2,
        }];
        silent.keys_days = Some(3);
        Status {
            name: "Border Police of QN".into(),
            agency: "0".repeat(52),
            fingerprint: "01234 56789 01234 56789 01234 56789".into(),
            you: None,
            version: "0.1.0".into(),
            listening: vec!["/ip4/127.0.0.1/udp/4600/quic-v1".into()],
            records: 34_273,
            new: 3,
            policy: PolicyState {
                applied: true,
                hash: "ab".repeat(32),
                statements: 4,
                at: None,
                differs: true,
                names_nobody: Vec::new(),
            },
            peers: vec![up, silent],
            quarantined: 0,
            unindexed: 0,
            asks: OpenAsks::default(),
            alerts: vec![],
            reviews_due: 0,
            referrals: Default::default(),
            hub: None,
            uptime_s: 7_300,
        }
    }

    #[test]
    fn check_names_what_is_wrong() {
        insta::assert_debug_snapshot!(problems(&sample(), Some(10)), @r#"
        [
            "the files in policy/ differ from the active policy: `liaison policy check`",
            "qo-ngo was never connected: `liaison peer test qo-ngo`",
            "qo-ngo: waits as later: schema 2",
            "qo-ngo is behind by 12 records, more than 10",
        ]
        "#);
        let mut fine = sample();
        fine.policy.differs = false;
        fine.peers.truncate(1);
        assert!(problems(&fine, Some(0)).is_empty());
    }

    #[test]
    fn addresses_are_shown_once_and_those_of_this_machine_only_alone() {
        let all = |list: &[&str]| shown(&list.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        let own = ["/ip6/::1/udp/7402/quic-v1", "/ip4/127.0.0.1/tcp/7402"];
        assert_eq!(all(&own), ["127.0.0.1:7402", "[::1]:7402"]);
        let every = [
            "/ip6/::1/udp/7401/quic-v1",
            "/ip6/fe80::1/udp/7401/quic-v1",
            "/ip6/2001:db8::1/udp/7401/quic-v1",
            "/ip4/192.0.2.1/udp/7401/quic-v1",
            "/ip4/127.0.0.1/tcp/7401",
            "/ip4/192.0.2.1/tcp/7401",
        ];
        assert_eq!(all(&every), ["192.0.2.1:7401", "[2001:db8::1]:7401"]);
        assert_eq!(all(&["elsewhere"]), ["elsewhere"]);
        assert!(all(&[]).is_empty());
    }

    #[test]
    fn home_screen_has_a_command_for_each_thing() {
        let status = sample();
        let style = Style {
            width: Some(80),
            colour: false,
        };
        insta::assert_snapshot!(home(&style, &status, &items(&status, &["trend-1".into()])), @r"
        Border Police of QN  34,273 records, 1 of 2 peers up

        new     3 new records since you last looked
                liaison query --new
        due     the policy files differ from the active policy
                liaison policy check
        silent  qo-ngo was never connected
                liaison peer test qo-ngo
        due     qo-ngo's keys statement ends in 3 d
                liaison peer add FILE
        draft   draft trend-1 is not sent
                liaison new --edit trend-1

        Write: liaison new trend   Search: liaison query WORDS   More: liaison help
        ");
    }
}
