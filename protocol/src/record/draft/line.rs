//! Where a field stands in TOML.

/// The line, from 1, of this byte.
pub(super) fn line_number(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

/// The line of the deepest part of this path that is there.
pub(crate) fn line_in(text: &str, place: &str) -> Option<usize> {
    let root = toml::de::DeTable::parse(text).ok()?;
    let mut byte = None;
    let mut table = Some(root.get_ref());
    let mut item: Option<&toml::de::DeValue> = None;
    for step in place.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
        let next = match (table, item) {
            (Some(table), _) => {
                table
                    .iter()
                    .find(|(key, _)| key.get_ref() == step)
                    .map(|(key, value)| {
                        byte = Some(key.span().start);
                        value
                    })
            }
            (None, Some(toml::de::DeValue::Array(items))) => step
                .parse::<usize>()
                .ok()
                .and_then(|n| items.get(n))
                .inspect(|value| {
                    byte = Some(value.span().start);
                }),
            _ => None,
        };
        let Some(next) = next else { break };
        item = Some(next.get_ref());
        table = match next.get_ref() {
            toml::de::DeValue::Table(inner) => Some(inner),
            _ => None,
        };
    }
    byte.map(|start| line_number(text, start))
}
