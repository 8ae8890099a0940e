//! Agencies that are away for ever: keys and a card that says where they collect, and no node.

use std::path::Path;

use liaison_node::clock::{Clock, SystemClock};
use liaison_node::home::{Home, InitRequest};
use liaison_protocol::id::AgencyId;

use crate::TestNode;

/// An agency that is away.
pub struct Absent {
    /// Its name, and its alias with the nodes that know it.
    pub name: String,
    /// Its agency id.
    pub agency: AgencyId,
    home: Home,
}

impl Absent {
    /// Makes its keys and card under a folder; it collects at these hubs.
    pub fn new(dir: &Path, name: &str, hubs: &[AgencyId]) -> Self {
        let home = Home::at(dir.join(name));
        let now = SystemClock.now();
        let request = InitRequest {
            name: name.to_owned(),
            country: "QN".parse().expect("country"),
            sector: "border".parse().expect("sector"),
            route_roles: Vec::new(),
            regime: "led".parse().expect("regime"),
            addresses: Vec::new(),
        };
        let agency = home.init(request, now).expect("init").agency;
        let card = home.card_file().expect("card");
        let statement = card.statement().expect("a keys statement");
        home.renew_keys(statement.sealing.clone(), Some(hubs.to_vec()), now)
            .expect("a new statement");
        Self {
            name: name.to_owned(),
            agency,
            home,
        }
    }

    /// A node takes its card.
    pub async fn is_added(&self, node: &TestNode) {
        let card = self.home.dir().join("card.liaison");
        let card = card.to_string_lossy();
        node.cli(&["peer", "add", &card, "--as", &self.name, "--yes"])
            .await
            .expect_code(0);
    }
}
