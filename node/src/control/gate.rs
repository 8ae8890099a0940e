//! The gate of every call: who makes it, whether that user's roles may, and what the audit
//! log is told of it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::HttpBody as _;
use axum::extract::{Extension, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::access::AccessTable;
use super::api::ApiError;
use super::caller::{Caller, Connection};
use super::connections;
use super::shares::{Share, Shares};
use super::turned_away::TurnedAways;
use crate::audit::{Act, AuditError, Entry, Note, Who, noted};
use crate::limits;
use crate::node::Node;
use crate::officers::Roster;

/// Who was turned away, and the words.
type TurnedAway = Box<(Who, ApiError)>;

/// A call's body has no room beside the others'.
struct TooMuch;

/// What the gate knows.
#[derive(Clone)]
pub(super) struct Gate {
    node: Node,
    access: Arc<AccessTable>,
    /// SHA-256 of the officers file that the log was told of.
    officers: Arc<Mutex<[u8; 32]>>,
    turned_away: TurnedAways,
    bodies: Shares,
}

/// Lets a call through, or not. What changes something is announced in the audit log before
/// it is done, what shows records is there before they are shown; a call that can't be
/// written down fails. What has begun is carried to its end, also when the client goes away. The
/// node's own log has who called what, and nothing that was typed.
pub(super) async fn admit(
    State(gate): State<Gate>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|p| p.as_str().to_owned())
        .unwrap_or_default();
    let uid = connection.uid;
    let Ok(body) = gate.room_for(uid, &request) else {
        let error = ApiError::busy("your programs send this node more at once than it takes");
        return connections::turn_away(request.into_body(), error).await;
    };
    // The library drops what answers a client that has gone away: a change would stop halfway,
    // and the log would not have its end. So a task of the node's own answers.
    let node = gate.node.clone();
    let (answer, answered) = oneshot::channel();
    node.spawn(async move {
        let response = gate.answer(uid, &method, &route, request, next).await;
        let response = response.unwrap_or_else(IntoResponse::into_response);
        let status = response.status().as_u16();
        tracing::info!(target: "liaison::api", uid, method = word(&method), %route, status, "call");
        let _the_client_has_gone = answer.send(response);
        drop((body, connection));
    });
    answered.await.unwrap_or_else(|_| {
        ApiError::new("internal", "the call was cut short: the node is stopping")
            .with_remedy("look whether it was done before you make it again")
            .into_response()
    })
}

impl Gate {
    pub(super) fn new(node: Node, access: AccessTable) -> Self {
        Self {
            node,
            access: Arc::new(access),
            officers: Arc::default(),
            turned_away: TurnedAways::default(),
            bodies: Shares::new(
                "bytes of calls",
                limits::API_BODIES_BYTES,
                limits::API_BODIES_BYTES_OF_USER,
            ),
        }
    }

    /// Room for a call's body, which is in memory until the call is over; small ones need none.
    fn room_for(&self, uid: u32, request: &Request) -> Result<Option<Share>, TooMuch> {
        // More than that is refused before it is read.
        let bytes = request.body().size_hint().upper();
        let bytes = bytes.and_then(|n| usize::try_from(n).ok());
        let bytes = bytes.map_or(limits::API_BODY_BYTES, |n| n.min(limits::API_BODY_BYTES));
        if bytes <= limits::API_SMALL_BODY_BYTES {
            return Ok(None);
        }
        self.bodies.take(uid, bytes).map(Some).ok_or(TooMuch)
    }

    async fn answer(
        &self,
        uid: u32,
        method: &Method,
        route: &str,
        mut request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        let by = format!("{} {route}", word(method));
        let (caller, act) = match self.caller(uid, method, route) {
            Ok(admitted) => admitted,
            Err(turned_away) => {
                let (who, refused) = *turned_away;
                let entry = Entry::new(who, Act::TurnAway, by);
                self.turned_away.write(&self.node, uid, entry).await?;
                return Err(refused);
            }
        };
        self.officers_changed().await?;
        let who = caller.who();
        request.extensions_mut().insert(caller);
        let Some(act) = act else {
            return Ok(next.run(request).await);
        };
        let changes = !matches!(act, Act::Consult | Act::Combine);
        let announced = if changes {
            let entry = Entry::new(who.clone(), act, by.clone());
            Some(self.node.audit.write(vec![entry]).await?)
        } else {
            None
        };
        let (response, note) = noted(next.run(request)).await;
        let refused = !response.status().is_success();
        if announced.is_none() || refused || !note.is_empty() {
            let Note {
                records,
                peers,
                count,
                typed,
                what,
                outcome,
            } = note;
            let entry = Entry {
                records,
                peers,
                count,
                typed: (!typed.is_empty()).then(|| typed.join("\n")),
                of: announced,
                outcome: if refused {
                    Some(format!("refused ({})", response.status().as_u16()))
                } else {
                    outcome
                },
                ..Entry::new(who, what.unwrap_or(act), by)
            };
            self.node.audit.write(vec![entry]).await?;
        }
        Ok(response)
    }

    fn caller(
        &self,
        uid: u32,
        method: &Method,
        route: &str,
    ) -> Result<(Caller, Option<Act>), TurnedAway> {
        let officer = self.node.officers.of(uid);
        let officer = officer.map_err(|e| Box::new((Who::stranger(uid), ApiError::from(e))))?;
        let caller = Caller {
            uid,
            officer: Arc::new(officer),
            approved: false,
        };
        // Where the table has nothing, no handler is there either.
        let Some(access) = self.access.of(method, route) else {
            return Ok((caller, None));
        };
        match access.check(&caller) {
            Ok(()) => Ok((caller, access.act)),
            Err(refused) => Err(Box::new((caller.who(), refused))),
        }
    }

    /// The officers file is changed outside of the node: the log is told at the next call.
    async fn officers_changed(&self) -> Result<(), AuditError> {
        let Ok(roster) = self.node.officers.roster() else {
            return Ok(());
        };
        let known = *self.officers.lock().unwrap_or_else(PoisonError::into_inner);
        if known == roster.sha256 {
            return Ok(());
        }
        let entry = Entry {
            count: Some(roster.officers.len() as u64),
            outcome: Some(as_of_now(&roster)),
            ..Entry::new(Who::Node, Act::Administer, "officers.toml")
        };
        self.node.audit.write(vec![entry]).await?;
        *self.officers.lock().unwrap_or_else(PoisonError::into_inner) = roster.sha256;
        Ok(())
    }
}

/// A method as it is written down: one that HTTP has, not what a caller makes up.
fn word(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS => method.as_str(),
        _ => "other",
    }
}

/// The officers file as a line has it: what it waits for first, so that it is not cut off.
fn as_of_now(roster: &Roster) -> String {
    let officers: Vec<String> = roster
        .officers
        .values()
        .map(|o| {
            let shared = if o.shared { ", shared" } else { "" };
            format!("{} ({}): {}{shared}", o.name, o.uid, o.roles)
        })
        .collect();
    format!(
        "what can't be undone waits for {}; officers as of now: {}",
        roster.waits_for.as_str(),
        officers.join("; ")
    )
}
