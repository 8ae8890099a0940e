//! `POST /v1/services/match` and `GET /v1/services/gaps`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, clip};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::hours::Opening;
use liaison_protocol::record::kinds::Contact;
use serde::Deserialize;

use super::api::{
    ApiError, DeskView, GapRow, GapsReport, LookQuery, MatchReport, MatchRequest, ReasonView,
    SuggestionView,
};
use super::caller::Caller;
use super::text::rfc3339;
use crate::audit::note;
use crate::limits;
use crate::node::Node;
use crate::referral::access::Aim;
use crate::services::gaps::{Filter, gaps};
use crate::services::hours::{Desk, telephone};
use crate::services::{Held, HeldError, Provider, Sought, Suggestion, held, suggest};

/// Which rows are wanted.
#[derive(Debug, Deserialize)]
pub(super) struct GapsOf {
    area: Option<String>,
    need: Option<String>,
}

pub(super) async fn matching(
    State(node): State<Node>,
    Json(request): Json<MatchRequest>,
) -> Result<Json<MatchReport>, ApiError> {
    let mut sought = sought(&request)?;
    sought.sector = node
        .registry
        .contact(&node.registry.own())
        .map(|card| card.sector);
    node.suggestions(sought).await.map(Json)
}

/// `GET /v1/referrals/{id}/services`: what the profile seeks, for who may read it.
pub(super) async fn for_referral(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(look): Query<LookQuery>,
) -> Result<Json<MatchReport>, ApiError> {
    let thread = node.referral(&id)?;
    node.admit(&caller, thread.id, Aim::Read, look.why)?;
    let vault = node.vault.clone();
    let opened = tokio::task::spawn_blocking(move || vault.inside(&thread.id)).await;
    let inside = opened
        .map_err(|_| ApiError::new("internal", "the node is stopping"))?
        .map_err(|error| ApiError::new("internal", error.to_string()))?;
    let closed = || {
        ApiError::new(
            "not-found",
            "the profile of this referral does not open here any more",
        )
        .with_remedy("'liaison service match --need …' takes what is sought by hand")
    };
    let inside = inside.ok_or_else(closed)?;
    let mut sought = Sought::of(inside.profile().ok_or_else(closed)?);
    sought.exclude.clone_from(&inside.exclude);
    sought.sector = node
        .registry
        .contact(&node.registry.own())
        .map(|card| card.sector);
    node.suggestions(sought).await.map(Json)
}

pub(super) async fn missing(
    State(node): State<Node>,
    Query(of): Query<GapsOf>,
) -> Result<Json<GapsReport>, ApiError> {
    let filter = Filter {
        area: one("area", of.area.as_deref())?,
        need: one("need", of.need.as_deref())?,
    };
    let holding = node.holding(node.clock.now()).await?;
    note(|note| note.count = Some(holding.services.len() as u64));
    let looked_at = holding.services.len() as u64;
    let mut notes = cut(holding.is_cut);
    let (rows, is_cut) = tokio::task::spawn_blocking(move || gaps(&holding.services, &filter))
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))?;
    if is_cut {
        notes.push(format!(
            "there are more than {} rows; name an area or a need",
            limits::GAP_ROWS
        ));
    }
    let rows = rows
        .into_iter()
        .map(|row| GapRow {
            area: row.area.to_string(),
            need: row.need.to_string(),
            supply: row.supply.as_str().into(),
            says: row.supply.says().into(),
            reports: row.reports,
            unmet: row.unmet.map(|band| band.to_string()),
            since: row.since.map(|month| month.to_string()),
            offers: row.offers,
            full: row.full,
        })
        .collect();
    Ok(Json(GapsReport {
        rows,
        looked_at,
        notes,
    }))
}

impl Node {
    /// The offers that fit what is sought, with the reasons, for a person to confirm.
    ///
    /// # Errors
    /// What is held can't be read.
    pub(in crate::control) async fn suggestions(
        &self,
        sought: Sought,
    ) -> Result<MatchReport, ApiError> {
        let now = self.clock.now();
        let holding = self.holding(now).await?;
        let authors: BTreeSet<AgencyId> = holding.services.iter().map(|held| held.author).collect();
        let cards: BTreeMap<AgencyId, Contact> = authors
            .into_iter()
            .filter_map(|author| Some((author, self.registry.contact(&author)?)))
            .collect();
        let provider = |held: &Held| Provider {
            card: cards.get(&held.author),
            is_linked: self.registry.is_peer(&held.author),
            is_own: held.author == self.registry.own(),
        };
        let found = suggest(&sought, &holding.services, provider, now);
        let suggestions: Vec<SuggestionView> = found
            .suggestions
            .iter()
            .map(|suggestion| self.suggestion(suggestion, now))
            .collect();
        note(|note| {
            for suggestion in &found.suggestions {
                note.record(suggestion.offer.id);
            }
        });
        Ok(MatchReport {
            looked_at: holding.services.len() as u64,
            suggestions,
            left_out: found.left_out as u64,
            notes: cut(holding.is_cut),
        })
    }

    fn suggestion(&self, suggestion: &Suggestion<'_>, now: Millis) -> SuggestionView {
        let author = suggestion.offer.author;
        let card = self.registry.contact(&author);
        let own = author == self.registry.own();
        SuggestionView {
            record: suggestion.offer.id.full(),
            title: suggestion.offer.title.clone(),
            provider: if own {
                self.registry.own_alias()
            } else {
                self.registry.alias(&author)
            },
            name: card.as_ref().map(|card| card.org.clone()),
            linked: self.registry.is_peer(&author),
            own,
            fits: suggestion.weight().as_str().into(),
            meets: suggestion.meets.iter().map(ToString::to_string).collect(),
            reasons: suggestion
                .points
                .iter()
                .map(|point| ReasonView {
                    weight: point.weight.as_str().into(),
                    about: point.about.as_str().into(),
                    says: point.says.clone(),
                })
                .collect(),
            open: suggestion.opening.map(Opening::is_open),
            changes: suggestion.opening.and_then(|opening| match opening {
                Opening::Always => None,
                Opening::Open { until } => Some(rfc3339(until)),
                Opening::Closed { opens } => Some(rfc3339(opens)),
            }),
            telephone: card
                .as_ref()
                .and_then(|card| telephone(card, now))
                .map(DeskView::from),
        }
    }

    async fn holding(&self, now: Millis) -> Result<crate::services::Holding, ApiError> {
        let node = self.clone();
        let today = Date::from_millis(now);
        let held = tokio::task::spawn_blocking(move || held(&node, today)).await;
        held.map_err(|_| ApiError::new("internal", "the node is stopping"))?
            .map_err(|error| match error {
                HeldError::Search(error) => error.into(),
                HeldError::Store(error) => error.into(),
            })
    }
}

impl From<Desk> for DeskView {
    fn from(desk: Desk) -> Self {
        Self {
            role: desk.function.role,
            channel: desk.function.channel,
            hours: desk.function.hours,
            open: desk.opening.map(Opening::is_open),
        }
    }
}

fn sought(request: &MatchRequest) -> Result<Sought, ApiError> {
    let mut needs = many("needs", &request.needs)?;
    let mut seen = BTreeSet::new();
    needs.retain(|need| seen.insert(*need));
    if needs.is_empty() {
        return Err(ApiError::new("invalid", "no need is named")
            .with_remedy("name at least one service, such as shelter"));
    }
    let mut sought = Sought::new(needs);
    if let Some(age) = one("age", request.age.as_deref())? {
        sought.age = age;
    }
    if let Some(gender) = one("gender", request.gender.as_deref())? {
        sought.gender = gender;
    }
    if let Some(status) = one("status", request.status.as_deref())? {
        sought.status = status;
    }
    if let Some(urgency) = one("urgency", request.urgency.as_deref())? {
        sought.urgency = urgency;
    }
    sought.area = one("area", request.area.as_deref())?;
    sought.languages = many("languages", &request.languages)?;
    sought.accessibility = many("accessibility", &request.accessibility)?
        .into_iter()
        .collect();
    Ok(sought)
}

fn one<T: FromStr<Err: Display>>(field: &str, text: Option<&str>) -> Result<Option<T>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|e| {
        ApiError::new("invalid", format!("{field}: '{}': {e}", clip(text)))
            .with_remedy("write one of the codes that are allowed")
    })
}

fn many<T: FromStr<Err: Display>>(field: &str, texts: &[String]) -> Result<Vec<T>, ApiError> {
    if texts.len() > liaison_protocol::limits::LIST_ITEMS {
        let most = liaison_protocol::limits::LIST_ITEMS;
        return Err(
            ApiError::new("invalid", format!("{field} has more than {most} entries"))
                .with_remedy("name fewer"),
        );
    }
    let read = |text: &String| one(field, Some(text));
    texts
        .iter()
        .map(read)
        .collect::<Result<Vec<Option<T>>, _>>()
        .map(|all| all.into_iter().flatten().collect())
}

fn cut(is_cut: bool) -> Vec<String> {
    let says = || {
        format!(
            "only the newest {} services were looked at",
            limits::SERVICES_READ
        )
    };
    is_cut.then(says).into_iter().collect()
}
