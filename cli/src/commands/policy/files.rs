//! Policy files as they are sent to the node.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use liaison_node::policy::{CEILINGS_FILE, ENTITIES_FILE, INVARIANTS_FOLDER};

use crate::commands::Context;
use crate::error::CommandError;
use crate::input;
use crate::limits::{POLICY_BYTES, POLICY_FILES};

/// The files that belong to a policy beside its statements.
const BESIDE: [&str; 2] = [ENTITIES_FILE, CEILINGS_FILE];

/// Name and text of the policy's files.
pub(super) fn files(
    context: &mut Context,
    source: Option<PathBuf>,
) -> Result<BTreeMap<String, String>, CommandError> {
    let source = match source {
        Some(source) => source,
        None => context.place()?.home.join("policy"),
    };
    if source == Path::new("-") {
        let text = input::read_text(context.ui, &source, POLICY_BYTES)?;
        return Ok(BTreeMap::from([("stdin.cedar".to_owned(), text)]));
    }
    if !source.is_dir() {
        let text = input::read_text(context.ui, &source, POLICY_BYTES)?;
        let mut found = BTreeMap::from([(name(&source), text)]);
        // Left out, a file alone would take all circles and ceilings away.
        for beside in BESIDE.map(|name| source.with_file_name(name)) {
            if beside.is_file() {
                found.insert(
                    name(&beside),
                    input::read_text(context.ui, &beside, POLICY_BYTES)?,
                );
            }
        }
        found.extend(invariants(
            context,
            &source.with_file_name(INVARIANTS_FOLDER),
        )?);
        return Ok(found);
    }
    let mut found = folder(context, &source)?;
    if !found.keys().any(|name| name.ends_with(".cedar")) {
        return Err(CommandError::usage(
            format!("{} holds no *.cedar file", source.display()),
            "name the folder that holds your policy; to share nothing, leave a file with a comment there and say --empty",
        ));
    }
    found.extend(invariants(context, &source.join(INVARIANTS_FOLDER))?);
    Ok(found)
}

/// The agency's own invariants.
fn invariants(
    context: &mut Context,
    source: &Path,
) -> Result<BTreeMap<String, String>, CommandError> {
    if !source.is_dir() {
        return Ok(BTreeMap::new());
    }
    let found = folder(context, source)?.into_iter();
    Ok(found
        .filter(|(name, _)| name.ends_with(".cedar"))
        .map(|(name, text)| (format!("{INVARIANTS_FOLDER}{name}"), text))
        .collect())
}

/// The files of a folder that belong to a policy.
fn folder(context: &mut Context, source: &Path) -> Result<BTreeMap<String, String>, CommandError> {
    let failed = |e| CommandError::File {
        what: "read",
        path: source.to_owned(),
        source: e,
    };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(source).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = name(&path);
        let wanted =
            BESIDE.contains(&name.as_str()) || (name.ends_with(".cedar") && !name.starts_with('.'));
        if wanted && path.is_file() {
            found.insert(name, input::read_text(context.ui, &path, POLICY_BYTES)?);
        }
        if found.len() > POLICY_FILES {
            return Err(CommandError::usage(
                format!(
                    "{} holds more than {POLICY_FILES} policy files",
                    source.display()
                ),
                "check that it is the right folder",
            ));
        }
    }
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
