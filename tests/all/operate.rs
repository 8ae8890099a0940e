//! Operating a node: its figures, its health.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::limits::METRICS_FRESH_MS;
use liaison_node::metrics::{Figure, Figures};
use liaison_protocol::clock::Millis;
use liaison_tests::address::own_address;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::http::{self, fetch};
use liaison_tests::process::{Site, run};
use liaison_tests::{Federation, TestNode};

use crate::crash::BINARY;
use crate::first::trend;

/// Makes a node that was not started yet a hub, which serves its figures on a free port.
fn with_figures(node: &TestNode) {
    let config = "[hub]\n[metrics]\nlisten = \"127.0.0.1:0\"\n";
    std::fs::write(node.home.config_path(), config).expect("config");
}

async fn served(node: &TestNode) -> SocketAddr {
    let served = liaison_node::metrics::serve(node.node()).await;
    served.expect("it serves").expect("it is configured")
}

/// A page of figures: `name{labels}` to the number.
pub struct Page(BTreeMap<String, f64>);

impl Page {
    /// What a node serves now.
    pub async fn of(address: SocketAddr) -> Self {
        let answer = tokio::task::spawn_blocking(move || fetch(address, "/metrics"))
            .await
            .expect("fetched");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.head.contains("application/openmetrics-text"));
        Self::read(&answer)
    }

    fn read(answer: &http::Answer) -> Self {
        let text = String::from_utf8(answer.body.clone()).expect("text");
        assert!(text.ends_with("# EOF\n"), "it is whole: {text}");
        let mut page = BTreeMap::new();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a figure");
            let value: f64 = value.parse().expect("a number");
            assert_eq!(page.insert(name.to_owned(), value), None, "twice: {line}");
        }
        Self(page)
    }

    /// The names of its figures.
    pub fn names(&self) -> BTreeSet<&str> {
        let name = |line: &'_ String| line.find('{').unwrap_or(line.len());
        self.0.keys().map(|line| &line[..name(line)]).collect()
    }

    /// One of them.
    #[track_caller]
    pub fn at(&self, figure: &str) -> f64 {
        let found = self.0.get(figure);
        *found.unwrap_or_else(|| panic!("no {figure} in {:#?}", self.0))
    }

    fn labels(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in self.0.keys() {
            let Some((_, rest)) = line.split_once('{') else {
                continue;
            };
            for label in rest.trim_end_matches('}').split(',') {
                let (key, value) = label.split_once('=').expect("a label");
                labels
                    .entry(key)
                    .or_default()
                    .insert(value.trim_matches('"'));
            }
        }
        labels
    }
}

/// Fetches until the page says so.
async fn until(address: SocketAddr, so: impl Fn(&Page) -> bool) -> Page {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let page = Page::of(address).await;
        if so(&page) {
            return page;
        }
        assert!(tokio::time::Instant::now() < end, "it stays {:#?}", page.0);
        // Figures that take a look through the store are good for that long.
        tokio::time::sleep(std::time::Duration::from_millis(METRICS_FRESH_MS)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e18_figures_say_what_each_peer_is_behind_and_nothing_of_what_records_say() {
    let mut federation = Federation::new();
    federation.prepare("a", "border", "QN");
    with_figures(&federation["a"]);
    federation.node("a").start().await;
    federation.add("b", "border", "QN").await;
    federation.link_all().await;
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    let first = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    federation["b"].holds_all(&[first]).await;
    federation.settled().await;
    let address = served(&federation["a"]).await;
    let page = until(address, |p| {
        p.at("liaison_peer_behind_records{peer=\"b\"}") == 0.0
    })
    .await;
    assert_eq!(page.at("liaison_link_up{peer=\"b\"}"), 1.0);
    let stored = "{peer=\"b\",way=\"got\",answer=\"stored\",reason=\"none\"}";
    assert!(page.at(&format!("liaison_answers_total{stored}")) >= 1.0);
    assert!(page.at("liaison_releases_total{path=\"direct\"}") >= 1.0);
    assert!(page.at("liaison_records_came{plane=\"strategic\"}") >= 1.0);
    assert_eq!(page.at("liaison_peer_owed_withdrawals{peer=\"b\"}"), 0.0);

    // The peer goes; what it may have and what it is owed waits.
    federation.node("b").stop().await;
    let second = federation["a"].push(&trend("Zwetschgenmarke"), &[]).await;
    let retract = ["retract", "--yes", &first.full(), "--reason", "error"];
    federation["a"].cli(&retract).await.expect_code(0);
    let page = until(address, |p| {
        p.at("liaison_peer_behind_records{peer=\"b\"}") >= 2.0
            && p.at("liaison_link_up{peer=\"b\"}") == 0.0
    })
    .await;
    assert_eq!(page.at("liaison_peer_owed_withdrawals{peer=\"b\"}"), 1.0);
    assert!(page.at("liaison_peer_behind_seconds{peer=\"b\"}") > 0.0);
    assert!(page.at("liaison_peer_owed_withdrawals_seconds{peer=\"b\"}") > 0.0);
    assert!(page.at("liaison_disk_free_bytes") > 0.0);
    assert!(page.at("liaison_store_bytes") > 0.0);
    assert!(page.at("liaison_memory_bytes") > 1e6);

    // A policy that withholds is told by gate.
    federation["a"]
        .policy(liaison_tests::federation::ACCEPT)
        .await;
    let page = until(address, |p| {
        p.0.contains_key("liaison_peer_withheld_records{peer=\"b\",gate=\"policy\"}")
    })
    .await;

    // Alert rules and the dashboard name only what there is; a peer that was away is known.
    let mut exported: BTreeSet<String> = page.names().iter().map(|n| (*n).to_owned()).collect();
    exported.insert("liaison_peer_away_seconds".into());
    // So is a hub that carries for us.
    exported.insert("liaison_hub_reserved".into());
    look_at_deployed(&exported);

    // The words beside figures are the program's, but for the aliases of peers.
    let labels = page.labels();
    assert_eq!(labels["peer"], BTreeSet::from(["b"]));
    let known = [
        "answer", "blame", "gate", "path", "peer", "plane", "reason", "state", "version", "way",
    ];
    assert_eq!(
        labels.keys().copied().collect::<BTreeSet<_>>(),
        known.into(),
        "a new label: can it say something of a record?"
    );
    let answer = tokio::task::spawn_blocking(move || fetch(address, "/metrics"))
        .await
        .expect("fetched");
    let text = String::from_utf8_lossy(&answer.body).to_lowercase();
    let id = second.full().to_lowercase();
    for word in [
        "quittenmarke",
        "zwetschgenmarke",
        &id[..8],
        "root",
        "share-all",
    ] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
    federation.stop().await;
}

/// A part that hubs and the agency's outbox stand for.
struct Parcels;

impl Figures for Parcels {
    fn figures(&self, page: &mut Vec<Figure>) {
        page.push(Figure::now("liaison_test_parcels", "Parcels.", 3).is("state", "held"));
        page.push(Figure::since("liaison_test_refused", "Refused.", 4));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_what_is_wrong_and_parts_add_their_figures() {
    let mut federation = Federation::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    federation
        .prepare("a", "border", "QN")
        .with_clock(clock.clone());
    with_figures(&federation["a"]);
    federation.node("a").start().await;
    let a = &federation["a"];
    let address = served(a).await;
    let ask = async |path: &'static str| {
        tokio::task::spawn_blocking(move || fetch(address, path))
            .await
            .expect("fetched")
    };
    let reasons = |answer: &http::Answer| -> BTreeSet<String> {
        let json = answer.json();
        let all = json["reasons"].as_array().expect("reasons").clone();
        assert_eq!(json["ok"], all.is_empty());
        assert_eq!(answer.status == 200, all.is_empty(), "{answer:?}");
        all.iter()
            .map(|r| r["what"].as_str().expect("what").to_owned())
            .collect()
    };
    let known = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();

    assert_eq!(reasons(&ask("/healthz").await), known(&[]));
    let none = ask("/readyz").await;
    assert_eq!(reasons(&none), known(&["policy"]));
    let says = none.json()["reasons"][0]["says"].to_string();
    assert!(says.contains("no policy was applied"), "{says}");
    // Nothing is shared or taken in by this one, so that there is nothing to break.
    std::fs::write(
        a.home.policy_dir().join("policy.cedar"),
        liaison_tests::federation::ACCEPT,
    )
    .expect("policy");
    let dir = a.home.policy_dir().to_string_lossy().into_owned();
    let unproven = ["policy", "apply", &dir, "--reason", "test"];
    a.cli(&unproven).await.expect_code(0);
    assert_eq!(reasons(&ask("/readyz").await), known(&[]));
    let page = Page::of(address).await;
    assert_eq!(page.at("liaison_ready"), 1.0);
    assert_eq!(page.at("liaison_policy_proven"), 1.0);

    // A clock that jumps is not believed.
    clock.set(Millis(SystemClock.now().0 + 3 * 24 * 3_600_000));
    assert_eq!(reasons(&ask("/readyz").await), known(&["clock"]));
    let page = Page::of(address).await;
    assert_eq!(page.at("liaison_clock_trusted"), 0.0);
    assert_eq!(page.at("liaison_ready"), 0.0);
    assert_eq!(reasons(&ask("/healthz").await), known(&[]));

    a.node().metrics.add(Arc::new(Parcels));
    let page = Page::of(address).await;
    assert_eq!(page.at("liaison_test_parcels{state=\"held\"}"), 3.0);
    assert_eq!(page.at("liaison_test_refused_total"), 4.0);
    assert_eq!(ask("/").await.status, 404);

    // A store that can't be written.
    a.node().store.close();
    tokio::time::sleep(std::time::Duration::from_millis(METRICS_FRESH_MS)).await;
    let sick = ask("/healthz").await;
    assert_eq!(reasons(&sick), known(&["store"]), "{:?}", sick.json());
    federation.stop().await;
}

#[test]
fn figures_are_for_this_machine_alone() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police");
    let config = site.home.config_path();
    std::fs::write(&config, "[metrics]\nlisten = \"0.0.0.0:9464\"\n").expect("config");
    let refused = run(BINARY.as_ref(), site.home.dir(), &["run"], "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let says = String::from_utf8_lossy(&refused.stderr);
    assert!(
        says.contains("reached from other machines") && says.contains("127.0.0.1:9464"),
        "{says}"
    );
    // Without the setting nobody listens there; with it, the program serves.
    let address = own_address();
    std::fs::write(&config, format!("[metrics]\nlisten = \"{address}\"\n")).expect("config");
    let node = site.start();
    assert_eq!(fetch(address, "/healthz").status, 200);
    let page = Page::read(&fetch(address, "/metrics"));
    assert!(page.names().len() > 25, "{:?}", page.names());
    assert_eq!(node.terminate(), Some(0));
}

/// Its home may let officers through to the socket: that is all they get.
#[test]
fn what_a_node_writes_is_closed_to_others() {
    fn look(place: &std::path::Path, seen: &mut usize) {
        let about = std::fs::symlink_metadata(place).expect("metadata");
        let mode = about.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} is {mode:o}", place.display());
        *seen += 1;
        if about.is_dir() {
            for entry in std::fs::read_dir(place).expect("a folder") {
                look(&entry.expect("an entry").path(), seen);
            }
        }
    }
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police");
    let node = site.start();
    let mut seen = 0;
    for part in ["store", "index", "audit", "keys", "keyring"] {
        look(&site.home.dir().join(part), &mut seen);
    }
    assert!(seen > 10, "{seen}");
    let socket = site.home.dir().join("liaison.sock");
    let socket = std::fs::metadata(socket).expect("the socket");
    assert_eq!(socket.permissions().mode() & 0o777, 0o660);
    assert_eq!(node.terminate(), Some(0));
}

/// A file of `deploy/`.
fn deployed(name: &str) -> String {
    let file = liaison_tests::sheet::workspace().join("deploy").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The figures that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split(|c: char| !word(c))
        .filter(|w| w.starts_with("liaison_"))
        .map(str::to_owned)
        .collect()
}

/// What the alert rules and the dashboard name, a node exports; and the runbook has each alert.
fn look_at_deployed(exported: &BTreeSet<String>) {
    let rules = deployed("prometheus/liaison.rules.yml");
    let dashboard: serde_json::Value =
        serde_json::from_str(&deployed("grafana/liaison.json")).expect("JSON");
    let mut expressions = String::new();
    let mut panels = 0;
    for panel in dashboard["panels"].as_array().expect("panels") {
        // Grafana paints these from green, the least, to red, unless it is told.
        if panel["type"] == "state-timeline" {
            let colour = &panel["fieldConfig"]["defaults"]["color"]["mode"];
            assert_eq!(colour, "thresholds", "{panel}");
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions += target["expr"].as_str().expect("an expression");
            expressions.push(' ');
            panels += 1;
        }
    }
    assert!(panels > 20, "{panels}");
    let mut unknown = named(&rules);
    unknown.extend(named(&expressions));
    assert!(unknown.len() > 20, "{unknown:?}");
    unknown.retain(|name| !exported.contains(name));
    assert_eq!(unknown, BTreeSet::new(), "no node exports these");
    let runbook = deployed("RUNBOOK.md");
    let slugs: BTreeSet<String> = runbook
        .lines()
        .filter_map(|l| l.strip_prefix("## "))
        .map(|title| {
            title
                .to_lowercase()
                .replace(' ', "-")
                .replace(['\'', ','], "")
        })
        .collect();
    let mut alerts = 0;
    for line in rules.lines().map(str::trim) {
        if let Some(alert) = line.strip_prefix("- alert: ") {
            assert!(runbook.contains(&format!("`{alert}`")), "{alert}");
            alerts += 1;
        }
        if let Some(place) = line.strip_prefix("runbook: \"RUNBOOK.md#") {
            let place = place.trim_end_matches('"');
            assert!(slugs.contains(place), "no chapter {place}: {slugs:?}");
        }
    }
    assert!(alerts > 15, "{alerts}");
}

/// Runs a tool that a machine may have; whether it does.
fn tool(program: &str, args: &[&str], says: impl FnOnce(&str)) {
    match std::process::Command::new(program).args(args).output() {
        Err(_) => println!("SKIPPED: there is no {program} here"),
        Ok(done) => {
            let printed = [done.stdout, done.stderr].concat();
            let printed = String::from_utf8_lossy(&printed);
            assert!(done.status.success(), "{program} {args:?}: {printed}");
            says(&printed);
        }
    }
}

#[test]
fn units_are_hardened_and_rules_are_understood() {
    let deploy = liaison_tests::sheet::workspace().join("deploy");
    let dir = tempfile::tempdir().expect("folder");
    for unit in ["liaison.service", "liaison-hub.service"] {
        // The program need not be installed here.
        let text = deployed(unit).replace("ExecStart=liaison", &format!("ExecStart={BINARY}"));
        let file = dir.path().join(unit);
        std::fs::write(&file, text).expect("unit");
        let file = file.to_string_lossy();
        let security = [
            "security",
            "--offline=true",
            "--no-pager",
            "--threshold=20",
            &file,
        ];
        tool("systemd-analyze", &security, |says| {
            let level = says.lines().last().expect("a line");
            println!("{level}");
            assert!(level.contains("Overall exposure level"), "{says}");
        });
        tool("systemd-analyze", &["verify", &file], |says| {
            assert_eq!(says.trim(), "", "{unit}");
        });
    }
    let rules = deploy.join("prometheus/liaison.rules.yml");
    let rules = rules.to_string_lossy();
    tool("promtool", &["check", "rules", &rules], |says| {
        println!("{says}")
    });
    let fire = liaison_tests::sheet::workspace().join("tests/alerts.yml");
    let fire = fire.to_string_lossy();
    tool("promtool", &["test", "rules", &fire], |says| {
        println!("{says}")
    });
}

/// A user of the machine who opens calls for figures and says nothing, or says it slowly, or sends
/// a head without end, or does not read, costs the node nothing and the watcher some seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_calls_for_figures_is_bounded_and_passes() {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    let federation = Federation::new();
    let mut federation = federation;
    federation.prepare("a", "border", "QN");
    with_figures(&federation["a"]);
    federation.node("a").start().await;
    let address = served(&federation["a"]).await;
    let node = federation["a"].node();

    // A head without end is cut off, and not kept.
    let endless = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\n")
            .expect("begun");
        let line = format!("x-{}: 1\r\n", "y".repeat(1000));
        let mut sent = 0;
        while stream.write_all(line.as_bytes()).is_ok() && sent < 64 << 20 {
            sent += line.len();
        }
        sent
    });
    let sent = endless.await.expect("ended");
    assert!(sent < 16 << 20, "{sent} bytes of a head were taken");

    // More calls than are answered at once, all of which stay silent.
    let flood = 20 * liaison_node::limits::METRICS_CALLS;
    let before = std::time::Instant::now();
    let silent: Vec<TcpStream> = (0..flood)
        .map(|_| TcpStream::connect(address).expect("queued"))
        .collect();
    let first = silent.first().expect("a call").try_clone().expect("handle");
    let cut = tokio::task::spawn_blocking(move || {
        let mut first = first;
        first.set_read_timeout(Some(PATIENCE)).expect("a time");
        let mut none = Vec::new();
        // Closed, with whatever it says of that.
        first.read_to_end(&mut none)
    });
    let cut = cut.await.expect("ended");
    assert!(cut.is_ok(), "a silent call is kept for ever: {cut:?}");
    println!("a silent call is cut off after {:.1?}", before.elapsed());
    // Not all of them were taken up: the others wait outside.
    let taken = sockets_of_this_process(address.port());
    assert!(
        taken <= liaison_node::limits::METRICS_CALLS + 1,
        "{taken} calls were taken up at once"
    );
    drop(silent);
    // And whoever watches is answered.
    Page::of(address).await;
    assert!(!*node.stopping().borrow());
    federation.stop().await;
}

/// Sockets of this process that were accepted at a port of the loopback and are open.
fn sockets_of_this_process(port: u16) -> usize {
    let own: BTreeSet<String> = std::fs::read_dir("/proc/self/fd")
        .expect("descriptors")
        .flatten()
        .filter_map(|fd| std::fs::read_link(fd.path()).ok())
        .filter_map(|link| {
            let link = link.to_string_lossy().into_owned();
            let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").expect("sockets");
    let at = format!(":{port:04X}");
    let rows = table
        .lines()
        .skip(1)
        .map(|l| l.split_whitespace().collect::<Vec<_>>());
    // Established, and ours.
    rows.filter(|row| row[1].ends_with(&at) && row[3] == "01" && own.contains(row[9]))
        .count()
}
