//! `POST /v1/referrals/find`: searches what an officer works on, in memory.

use axum::Json;
use axum::extract::{Extension, State};
use zeroize::Zeroizing;

use super::{Answer, inbox};
use crate::audit::note;
use crate::control::api::{ApiError, FindReport, FindRequest};
use crate::control::caller::Caller;
use crate::limits;
use crate::node::Node;
use crate::referral::Thread;
use crate::referral::access::Aim;

/// `POST /v1/referrals/find`. Only what is assigned to the officer is opened; nothing of it
/// stays. The words and the reason are sealed in the audit log.
pub(in crate::control) async fn find(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<FindRequest>,
) -> Answer<FindReport> {
    let words = words(&request.words)?;
    if request.reason.trim().is_empty() {
        return Err(
            ApiError::new("invalid", "a search in sealed records needs a reason")
                .with_remedy("--reason TEXT"),
        );
    }
    note(|note| {
        note.typed("words", &request.words);
        note.typed("reason", &request.reason);
    });
    let mine: Vec<Thread> = node
        .referrals
        .threads()
        .into_iter()
        .filter(|thread| node.looks.is_assigned(&thread.id, caller.uid))
        .collect();
    let mut rows = Vec::new();
    let now = node.clock.now();
    for thread in mine {
        let id = thread.id;
        let (this, words) = (node.clone(), words.clone());
        let found = tokio::task::spawn_blocking(move || holds(&this, &thread, &words))
            .await
            .map_err(|_| ApiError::new("internal", "the node is stopping"))?;
        if !found {
            continue;
        }
        node.admit(&caller, id, Aim::Read, None)?;
        if let Some(line) = node.referrals.line(&id, false) {
            rows.push(inbox::row(&node, &caller, &line, now));
        }
        if rows.len() >= limits::REFERRALS_FOUND {
            break;
        }
    }
    Ok(Json(FindReport { rows }))
}

/// Words in small letters.
fn words(text: &str) -> Result<Vec<String>, ApiError> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    match words.len() {
        1..=limits::FIND_WORDS => Ok(words),
        found => Err(ApiError::new(
            "invalid",
            format!(
                "{found} words were given; 1 to {} are searched for",
                limits::FIND_WORDS
            ),
        )),
    }
}

/// Whether all words stand in what this agency may read of a referral.
fn holds(node: &Node, thread: &Thread, words: &[String]) -> bool {
    let mut left: Vec<&String> = words.iter().collect();
    for id in thread.readable() {
        let Ok(Some(inside)) = node.vault.inside(&id) else {
            continue;
        };
        let Ok(json) = inside.show_content() else {
            continue;
        };
        let text = Zeroizing::new(String::from_utf8_lossy(&json).into_owned());
        let text = Zeroizing::new(text.to_lowercase());
        left.retain(|word| !text.contains(word.as_str()));
        if left.is_empty() {
            return true;
        }
    }
    false
}
