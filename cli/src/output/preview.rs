//! What a change would do, per peer.

use liaison_node::control::api::{Preview, PreviewCount, Recalled};

use super::{Style, Tone, cell, clean, comma, grid, list, number, plural, short_id};

/// One line a peer, then examples. `recall`: what peers hold would be asked back.
pub fn preview(style: &Style, preview: &Preview, recall: bool) -> String {
    let looked = plural(preview.end.records, "record", "records");
    let unchanged = plural(preview.end.unchanged, "peer", "peers");
    let mut out = String::new();
    if preview.peers.is_empty() {
        out.push_str(&format!(
            "Nothing would newly flow and nothing would stop: {looked} looked at, for {unchanged}.\n"
        ));
        out.push_str(&ceilings(preview));
        return out;
    }
    let rows = preview
        .peers
        .iter()
        .map(|peer| {
            vec![
                cell(&peer.peer, Tone::Strong),
                cell(count(&peer.flows), Tone::Good),
                cell(count(&peer.stops), Tone::Warn),
                number(peer.held),
            ]
        })
        .collect();
    let heads = ["PEER", "WOULD NEWLY GET", "WOULD GET NO MORE", "IT HOLDS"];
    out.push_str(&grid(style, &heads, &[0, 3], rows));
    out.push('\n');
    for peer in &preview.peers {
        for (word, count) in [("newly", &peer.flows), ("no more", &peer.stops)] {
            for row in &count.samples {
                out.push_str(&format!(
                    "{} {word}: {} {} \"{}\", TLP:{}\n",
                    clean(&peer.peer),
                    short_id(&row.id),
                    clean(&row.kind),
                    clean(&row.title),
                    clean(&row.tlp).to_uppercase()
                ));
            }
        }
    }
    out.push_str(&format!(
        "{looked} looked at. Nothing changes for {unchanged}.\n"
    ));
    let held: u64 = preview.peers.iter().map(|p| p.held).sum();
    if held > 0 {
        out.push_str(&match recall {
            true => format!(
                "With --recall {} will be asked back from those who hold them.\n",
                plural(held, "copy", "copies")
            ),
            false => format!(
                "{} would stay with those who hold them; apply with --recall to ask them back.\n",
                plural(held, "copy", "copies")
            ),
        });
    }
    out.push_str(&ceilings(preview));
    out
}

/// What was asked back; empty where nothing was.
pub fn recalled(recalled: &[Recalled]) -> String {
    recalled
        .iter()
        .map(|peer| {
            format!(
                "{} was told to erase {}.\n",
                clean(&peer.peer),
                plural(peer.records, "record", "records")
            )
        })
        .collect()
}

fn ceilings(preview: &Preview) -> String {
    match preview.end.ceilings_gone.is_empty() {
        true => String::new(),
        false => format!(
            "These ceilings would be no more: {}.\n",
            list(&preview.end.ceilings_gone)
        ),
    }
}

/// `1,200: route 300, trend 900`.
fn count(count: &PreviewCount) -> String {
    if count.records == 0 {
        return "-".into();
    }
    let kinds: Vec<String> = count
        .kinds
        .iter()
        .map(|(kind, n)| format!("{} {}", clean(kind), comma(*n)))
        .collect();
    format!("{}: {}", comma(count.records), kinds.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use liaison_node::control::api::{PeerPreview, PreviewEnd, RecordRow};

    use super::*;

    fn counted(kinds: &[(&str, u64)], title: &str) -> PreviewCount {
        PreviewCount {
            records: kinds.iter().map(|(_, n)| n).sum(),
            kinds: kinds
                .iter()
                .map(|(k, n)| ((*k).into(), *n))
                .collect::<BTreeMap<_, _>>(),
            samples: vec![RecordRow {
                id: "3F7K9Q2M".repeat(6),
                kind: "trend".into(),
                title: title.into(),
                author: "self".into(),
                tlp: "green".into(),
                created: "2031-03-02T10:00:00Z".into(),
                received: "2031-03-02T10:00:00Z".into(),
                superseded: false,
                retracted: false,
                key_state: None,
            }],
        }
    }

    #[test]
    fn who_would_newly_get_what_at_eighty_columns() {
        let style = Style {
            width: Some(80),
            colour: false,
        };
        let view = Preview {
            end: PreviewEnd {
                over: String::new(),
                records: 100_000,
                unchanged: 4,
                ceilings_gone: vec!["companies".into()],
            },
            peers: vec![
                PeerPreview {
                    peer: "qm-pol".into(),
                    flows: counted(&[("route", 300), ("trend", 6_883)], "Detections, 2015-10"),
                    ..PeerPreview::default()
                },
                PeerPreview {
                    peer: "qo-ngo".into(),
                    stops: counted(&[("trend", 80)], "Detections, 2015-11"),
                    held: 12,
                    ..PeerPreview::default()
                },
            ],
        };
        insta::assert_snapshot!(preview(&style, &view, false), @r#"
        PEER    WOULD NEWLY GET                WOULD GET NO MORE  IT HOLDS
        qm-pol  7,183: route 300, trend 6,883  -                         0
        qo-ngo  -                              80: trend 80             12
        qm-pol newly: 3F7K-9Q2M trend "Detections, 2015-10", TLP:GREEN
        qo-ngo no more: 3F7K-9Q2M trend "Detections, 2015-11", TLP:GREEN
        100,000 records looked at. Nothing changes for 4 peers.
        12 copies would stay with those who hold them; apply with --recall to ask them back.
        These ceilings would be no more: companies.
        "#);
        insta::assert_snapshot!(
            preview(&style, &Preview::default(), false),
            @"Nothing would newly flow and nothing would stop: 0 records looked at, for 0 peers."
        );
    }
}
