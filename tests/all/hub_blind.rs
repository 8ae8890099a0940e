//! What a hub knows of what it carries (E36).

use std::path::Path;

use liaison_node::hub::LEARNS;

#[test]
fn the_documents_list_what_a_hub_learns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in ["README.md", "protocol/SPEC.md"] {
        let text = std::fs::read_to_string(root.join(file)).expect("a document");
        let head = "| What | By | Where it stays |\n|---|---|---|\n";
        let rows: String = LEARNS
            .iter()
            .map(|l| format!("| {} | {} | {} |\n", l.what, l.by, l.stays))
            .collect();
        let table = format!("{head}{rows}\n");
        assert!(text.contains(&table), "{file} has to say:\n{table}");
    }
}
