//! What officers do with records: push, amend, retract, look at, ask why.

mod audience;
mod ceiling;
mod decision;
mod draft;
mod erased;
mod leave;
mod name;
mod recipients;
mod retraction;
mod sealed;
mod view;

pub(super) use audience::audience;
pub(super) use decision::why;
pub(super) use draft::{amend, push};
pub(super) use leave::{ask, permit};
pub(super) use retraction::retract;
pub(super) use sealed::TITLE as SEALED_TITLE;
pub(super) use view::{cose, show, verify};

/// What a call on records answers.
type Answer<T> = Result<axum::Json<T>, super::api::ApiError>;
