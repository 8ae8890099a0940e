//! Several hosts on one machine: network namespaces, with NAT and faults by nftables.
//!
//! `net` is a switch with public addresses, 203.0.113.0/24. A hub stands on it; an agency stands
//! behind a router of its own that translates addresses and lets nothing in by itself.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use liaison_node::clock::{Clock, SystemClock};
use liaison_node::home::{Home, InitRequest};

use crate::federation::waits_for;
use crate::process::Program;

/// The port of every node.
pub const PORT: u16 = 7401;

/// Where a slow line listens.
const SLOW_PORT: u16 = 9000;

/// A network of its own. Its namespaces leave with it, also after a panic.
pub struct Lab {
    tag: String,
    spaces: Vec<String>,
    dir: tempfile::TempDir,
    binary: PathBuf,
}

/// A node on a host of its own. It stops with its value, before the lab does.
pub struct Host {
    /// Its name, which is also its alias with the others.
    pub name: String,
    /// Its home.
    pub home: Home,
    space: String,
    /// The namespace of its router.
    router: Option<String>,
    binary: PathBuf,
    program: Option<Program>,
    slow: Option<Child>,
}

/// Why there can be no lab here; none: there can.
pub fn obstacle() -> Option<String> {
    let mut lab = match Lab::bare(Path::new("")) {
        Ok(lab) => lab,
        Err(why) => return Some(why),
    };
    let space = match lab.space("try") {
        Ok(space) => space,
        Err(why) => return Some(why),
    };
    let rules = "table ip t { chain c { type nat hook postrouting priority 100; masquerade; }; \
                 chain f { type filter hook forward priority 0; numgen random mod 100 < 1 drop; }; }";
    let tried = run(&["ip", "netns", "exec", &space, "nft", rules]).and_then(|()| {
        run(&[
            "ip", "-n", &space, "link", "add", "name", "switch0", "type", "bridge",
        ])
    });
    tried.err()
}

impl Lab {
    /// A network with nobody on it. `binary` is `env!("CARGO_BIN_EXE_liaison-under-test")`.
    pub fn new(binary: &str) -> Self {
        let mut lab = Self::bare(Path::new(binary)).expect("a lab");
        let net = lab.space("net").expect("a namespace");
        ip(&net, &["link", "add", "name", "switch0", "type", "bridge"]);
        ip(&net, &["link", "set", "switch0", "up"]);
        lab
    }

    fn bare(binary: &Path) -> Result<Self, String> {
        static LABS: AtomicU32 = AtomicU32::new(0);
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            tag: format!("lt{}-{number}", std::process::id()),
            spaces: Vec::new(),
            dir: tempfile::tempdir().map_err(|e| e.to_string())?,
            binary: binary.into(),
        })
    }

    /// The folder of all homes.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A hub at 203.0.113.`place`; `address` in its card, as a multiaddress or host and port.
    pub fn hub(&mut self, name: &str, place: u8) -> Host {
        let space = self.space(name).expect("a namespace");
        self.attach(&space, place);
        let address = format!("/ip4/203.0.113.{place}/udp/{PORT}/quic-v1");
        let config = format!("listen = [\"0.0.0.0:{PORT}\"]\n[hub]\n");
        self.host(name, space, None, &config, vec![address], "hub")
    }

    /// An agency behind a router at 203.0.113.`place`, which uses these hubs.
    pub fn agency(&mut self, name: &str, place: u8, hubs: &[&str]) -> Host {
        let space = self.space(name).expect("a namespace");
        let router = self.space(&format!("{name}-nat")).expect("a namespace");
        self.attach(&router, place);
        let link = [
            "link", "add", "name", "inner", "type", "veth", "peer", "name", "outer",
        ];
        let link: Vec<&str> = link.into_iter().chain(["netns", &space]).collect();
        ip(&router, &link);
        let inside = |host: u8| format!("10.0.{place}.{host}/24");
        ip(&router, &["addr", "add", &inside(1), "dev", "inner"]);
        ip(&router, &["link", "set", "inner", "up"]);
        ip(&space, &["addr", "add", &inside(2), "dev", "outer"]);
        ip(&space, &["link", "set", "outer", "up"]);
        ip(&space, &["link", "set", "lo", "up"]);
        let gateway = format!("10.0.{place}.1");
        ip(&space, &["route", "add", "default", "via", &gateway]);
        within(
            &router,
            &["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
        );
        nft(
            &router,
            "table ip lab { \
               chain nat { type nat hook postrouting priority 100; oifname \"outer\" masquerade; }; \
               chain pass { type filter hook forward priority 0; policy drop; \
                 iifname \"inner\" accept; ct state established,related accept; }; \
               chain own { type filter hook input priority 0; policy accept; \
                 iifname \"outer\" ct state new drop; }; }",
        );
        let names: Vec<String> = hubs.iter().map(|h| format!("{h:?}")).collect();
        let config = format!(
            "listen = [\"0.0.0.0:{PORT}\"]\n[hubs]\nuse = [{}]\n",
            names.join(", ")
        );
        self.host(name, space, Some(router), &config, Vec::new(), "border")
    }

    fn host(
        &self,
        name: &str,
        space: String,
        router: Option<String>,
        config: &str,
        addresses: Vec<String>,
        sector: &str,
    ) -> Host {
        let home = Home::at(self.dir.path().join(name));
        let request = InitRequest {
            name: name.to_owned(),
            country: "QN".parse().expect("country"),
            sector: sector.parse().expect("sector"),
            route_roles: Vec::new(),
            regime: "led".parse().expect("regime"),
            addresses,
        };
        home.init(request, SystemClock.now()).expect("init");
        waits_for(&home, "nobody");
        std::fs::write(home.config_path(), config).expect("config");
        Host {
            name: name.to_owned(),
            home,
            space,
            router,
            binary: self.binary.clone(),
            program: None,
            slow: None,
        }
    }

    fn space(&mut self, name: &str) -> Result<String, String> {
        let space = format!("{}-{name}", self.tag);
        run(&["ip", "netns", "add", &space])?;
        self.spaces.push(space.clone());
        Ok(space)
    }

    /// Gives a namespace a public address, at its interface `outer`.
    fn attach(&self, space: &str, place: u8) {
        let (net, port) = (format!("{}-net", self.tag), format!("p{place}"));
        let link = [
            "link", "add", "name", &port, "type", "veth", "peer", "name", "outer",
        ];
        let link: Vec<&str> = link.into_iter().chain(["netns", space]).collect();
        ip(&net, &link);
        ip(&net, &["link", "set", &port, "master", "switch0"]);
        ip(&net, &["link", "set", &port, "up"]);
        let address = format!("203.0.113.{place}/24");
        ip(space, &["addr", "add", &address, "dev", "outer"]);
        ip(space, &["link", "set", "outer", "up"]);
        ip(space, &["link", "set", "lo", "up"]);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for space in &self.spaces {
            // What is left of a namespace goes with its last process.
            let _left = run(&["ip", "netns", "del", space]);
        }
    }
}

impl Host {
    /// Starts its node, in its namespace.
    pub fn start(&mut self) {
        let prefix = ["ip", "netns", "exec", &self.space];
        let listen = format!("0.0.0.0:{PORT}");
        let program = Program::start_in(&prefix, &self.binary, self.home.dir(), &listen);
        self.program = Some(program);
    }

    /// Its running node: commands go by its socket, which is a file.
    pub fn program(&self) -> &Program {
        self.program
            .as_ref()
            .unwrap_or_else(|| panic!("{} does not run", self.name))
    }

    /// Kills its node.
    pub fn kill(&mut self) {
        if let Some(program) = self.program.take() {
            program.kill();
        }
    }

    /// Stops its node in order.
    pub fn stop(&mut self) {
        if let Some(program) = self.program.take() {
            assert_eq!(program.terminate(), Some(0), "{} stops", self.name);
        }
    }

    /// Its card file.
    pub fn card(&self) -> String {
        let card = self.home.dir().join("card.liaison");
        card.to_string_lossy().into_owned()
    }

    /// Cuts its line: nothing comes or goes any more, and nobody is told.
    pub fn cut(&self) {
        self.rules("drop; ");
    }

    /// Lets nothing come to it any more, while what it sends goes out.
    pub fn deafen(&self) {
        self.rules("iifname \"outer\" drop; ");
    }

    /// Lets it reach nothing but the hub at 203.0.113.`hub`: no way past it is found.
    pub fn only_by(&self, hub: u8) {
        let chain = "chain pass { type filter hook forward priority -20;";
        let rules = format!("{chain} iifname \"inner\" ip daddr != 203.0.113.{hub} drop; }};");
        nft(self.gate(), &format!("table ip only {{ {rules} }}"));
    }

    /// Loses so many of a hundred packets, both ways.
    pub fn lose(&self, percent: u8) {
        self.rules(&format!("numgen random mod 100 < {percent} drop; "));
    }

    /// Undoes [`cut`](Self::cut), [`deafen`](Self::deafen) and [`lose`](Self::lose).
    pub fn mend(&self) {
        nft(self.gate(), "delete table ip fault");
    }

    fn rules(&self, rules: &str) {
        let chain = |name: &str, hook: &str| {
            format!("chain {name} {{ type filter hook {hook} priority -10; {rules} }}; ")
        };
        // A router passes on; a hub has its line itself.
        let chains = if self.router.is_some() {
            chain("pass", "forward")
        } else {
            chain("come", "input") + &chain("go", "output")
        };
        nft(self.gate(), &format!("table ip fault {{ {chains} }}"));
    }

    fn gate(&self) -> &str {
        self.router.as_deref().unwrap_or(&self.space)
    }

    /// Its router gets another public address, and forgets what it translated.
    pub fn moves(&self, from: u8, to: u8) {
        let router = self.gate();
        let address = |place: u8| format!("203.0.113.{place}/24");
        ip(router, &["addr", "del", &address(from), "dev", "outer"]);
        ip(router, &["addr", "add", &address(to), "dev", "outer"]);
    }

    /// Lets what it sends to a hub at 203.0.113.`hub` go by a slow line, each way so many
    /// milliseconds and losing so many of a hundred. `binary` is
    /// `env!("CARGO_BIN_EXE_slow-line")`.
    pub fn slow(&mut self, binary: &str, hub: u8, delay_ms: u32, percent: u8) {
        let router = self.gate().to_owned();
        nft(
            &router,
            &format!(
                "table ip slow {{ chain to {{ type nat hook prerouting priority -100; \
                 iifname \"inner\" ip daddr 203.0.113.{hub} udp dport {PORT} redirect to :{SLOW_PORT}; }}; }}"
            ),
        );
        let mut child = Command::new("ip")
            .args(["netns", "exec", &router, binary])
            .arg(format!("0.0.0.0:{SLOW_PORT}"))
            .arg(format!("203.0.113.{hub}:{PORT}"))
            .args([delay_ms.to_string(), percent.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a slow line");
        let out = child.stdout.take().expect("its output");
        let mut ready = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut ready)
            .expect("its ready line");
        self.slow = Some(child);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut slow) = self.slow.take() {
            let _gone = slow.kill();
            let _reaped = slow.wait();
        }
    }
}

fn ip(space: &str, args: &[&str]) {
    let args: Vec<&str> = ["ip", "-n", space].iter().chain(args).copied().collect();
    run(&args).expect("ip");
}

fn nft(space: &str, rules: &str) {
    within(space, &["nft", rules]);
}

fn within(space: &str, args: &[&str]) {
    let args: Vec<&str> = ["ip", "netns", "exec", space]
        .iter()
        .chain(args)
        .copied()
        .collect();
    run(&args).expect("in the namespace");
}

fn run(args: &[&str]) -> Result<(), String> {
    let (program, rest) = args.split_first().expect("a program");
    let done = Command::new(program)
        .args(rest)
        .output()
        .map_err(|e| format!("{program}: {e}"))?;
    if done.status.success() {
        return Ok(());
    }
    let says = String::from_utf8_lossy(&done.stderr);
    Err(format!("{}: {}", args.join(" "), says.trim()))
}
