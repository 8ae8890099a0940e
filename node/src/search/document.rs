//! What of a record is indexed.
//!
//! A trend is one row per cell, every other record one row, so that conditions on
//! dimensions and sums speak of cells. The record's own values belong to all its rows.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::{AgeBand, Area, Country2, Plane};
use liaison_protocol::record::date::{Date, Period};
use liaison_protocol::record::kinds::trend::{Cell, DimValue};
use liaison_protocol::record::kinds::{
    Contact, Content, DocumentAlert, ModusOperandi, Route, Service, Trend,
};
use liaison_protocol::record::signed::Record;

use super::field::Field;
use super::limits;

/// The searchable part of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The record's arrival number.
    pub arrival: u64,
    /// When its author signed it.
    pub created: Millis,
    /// When this node got it.
    pub received: Millis,
    /// Superseded or retracted: found only when asked for.
    pub hidden: bool,
    values: Vec<Value>,
    texts: Vec<Vec<String>>,
    days: Option<(i64, i64)>,
    overlapping: bool,
    rows: Vec<Row>,
}

/// One cell of a trend, or a whole record of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    n: Option<u64>,
    values: Vec<Value>,
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    field: Field,
    /// As it is compared.
    term: String,
    shown: Shown,
}

/// What a group is called that this value makes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    /// Like the value.
    Same,
    /// Otherwise.
    As(String),
    /// It makes none: it is there so that wider conditions match.
    Not,
}

/// A row together with the record that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    document: &'a Document,
    row: &'a Row,
}

impl Document {
    /// Reads what is to be indexed. Of a record that is not strategic only the header is
    /// taken, and of a personal one only what its stub tells everybody.
    pub fn new(
        arrival: u64,
        id: &RecordId,
        record: &Record,
        received: Millis,
        hidden: bool,
    ) -> Self {
        let fields = &record.envelope.fields;
        let mut document = Document {
            arrival,
            created: record.envelope.created.wall(),
            received,
            hidden,
            values: Vec::new(),
            texts: Vec::new(),
            days: None,
            overlapping: false,
            rows: Vec::new(),
        };
        let values = &mut document.values;
        put(values, Field::Id, id.full());
        put(values, Field::Kind, record.kind().as_str());
        put(values, Field::Author, record.envelope.author.full());
        match fields.thread {
            Some(thread) => put(values, Field::Thread, thread.full()),
            // The first record of a thread belongs to it, too.
            None => wider(values, Field::Thread, id.full()),
        }
        let plane = record.kind().plane();
        if matches!(plane, Plane::Strategic | Plane::Control) {
            document.open_header(record);
        }
        if plane == Plane::Strategic {
            document.text(&fields.title);
            document.maybe_text(fields.summary.as_deref());
            document.content(&record.content, &fields.title);
        }
        if document.rows.is_empty() {
            document.rows.push(Row {
                n: None,
                values: Vec::new(),
            });
        }
        document
    }

    /// Its rows, at least one.
    pub fn rows(&self) -> impl Iterator<Item = RowRef<'_>> {
        self.rows.iter().map(|row| RowRef {
            document: self,
            row,
        })
    }

    /// How many rows it has.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Words of its texts, each text by itself.
    pub fn texts(&self) -> &[Vec<String>] {
        &self.texts
    }

    fn open_header(&mut self, record: &Record) {
        let fields = &record.envelope.fields;
        let values = &mut self.values;
        put(values, Field::Tlp, fields.tlp.as_str());
        put(values, Field::Purpose, fields.purpose.as_str());
        if let Some(class) = fields.class {
            put(values, Field::Class, class.as_str());
        }
        for crime in &fields.crime {
            put(values, Field::Crime, crime.as_str());
        }
        folded(values, Field::Lang, &fields.lang);
        if let Some((first, _)) = fields.lang.split_once('-') {
            wider(values, Field::Lang, fold(first));
        }
        if let Some(exercise) = &fields.exercise {
            folded(values, Field::Exercise, exercise);
        }
    }

    fn content(&mut self, content: &Content, title: &str) {
        match content {
            Content::Trend(trend) => self.trend(trend),
            Content::ModusOperandi(modus) => self.modus_operandi(modus),
            Content::Route(route) => self.route(route, title),
            Content::DocumentAlert(alert) => self.document_alert(alert),
            Content::Service(service) => self.service(service),
            Content::Contact(contact) => self.contact(contact),
            // Not strategic, so never here; listed so that a new kind is decided upon.
            Content::Keys(_)
            | Content::Retract(_)
            | Content::Recall(_)
            | Content::Receipt(_)
            | Content::Permit(_)
            | Content::Ask(_)
            | Content::Affirm(_)
            | Content::Sealed(_) => {}
        }
    }

    fn trend(&mut self, trend: &Trend) {
        let values = &mut self.values;
        put(values, Field::Measure, trend.measure.as_str());
        put(values, Field::Period, trend.period.to_string());
        if let Some(route) = &trend.route {
            folded(values, Field::Route, route);
        }
        self.maybe_text(trend.route.as_deref());
        self.maybe_text(trend.caveats.as_deref());
        self.period(&trend.period);
        self.overlapping = overlap(&trend.cells);
        self.rows = trend
            .cells
            .iter()
            .map(|cell| Row {
                n: Some(cell.n),
                values: cell_values(cell, &trend.area),
            })
            .collect();
    }

    fn modus_operandi(&mut self, modus: &ModusOperandi) {
        let values = &mut self.values;
        for technique in &modus.techniques {
            put(values, Field::Technique, technique.as_str());
        }
        for transport in &modus.transport {
            put(values, Field::Transport, transport.as_str());
        }
        for sector in &modus.sectors {
            put(values, Field::Sector, sector.as_str());
        }
        let first = modus.first_seen.or(modus.last_seen);
        let last = modus.last_seen.or(modus.first_seen);
        if let (Some(first), Some(last)) = (first, last) {
            self.days = Some((day(first.first_day()), day(last.last_day())));
        }
        for text in modus.indicators.iter().chain(&modus.countermeasures) {
            self.text(text);
        }
    }

    fn route(&mut self, route: &Route, title: &str) {
        let values = &mut self.values;
        folded(values, Field::Route, title);
        for leg in &route.legs {
            for area in [&leg.from, &leg.to].into_iter().chain(&leg.hubs) {
                place(values, area);
            }
            put(values, Field::Transport, leg.transport.as_str());
        }
        for text in &route.alternatives {
            self.text(text);
        }
    }

    fn document_alert(&mut self, alert: &DocumentAlert) {
        put(&mut self.values, Field::Country, alert.issuer.as_str());
        for feature in &alert.features {
            self.text(&feature.page);
            self.text(&feature.feature);
            self.maybe_text(feature.genuine.as_deref());
            self.maybe_text(feature.observed.as_deref());
        }
    }

    fn service(&mut self, service: &Service) {
        let values = &mut self.values;
        for service in &service.types {
            put(values, Field::Service, service.as_str());
        }
        place(values, &service.area);
        for sector in &service.accepts_from {
            put(values, Field::Sector, sector.as_str());
        }
    }

    fn contact(&mut self, contact: &Contact) {
        let values = &mut self.values;
        put(values, Field::Country, Country2::as_str(&contact.country));
        put(values, Field::Sector, contact.sector.as_str());
        self.text(&contact.org);
        for function in &contact.functions {
            self.text(&function.role);
        }
    }

    fn period(&mut self, period: &Period) {
        self.days = Some((day(period.first_day()), day(period.last_day())));
    }

    fn maybe_text(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn text(&mut self, text: &str) {
        let have: usize = self.texts.iter().map(Vec::len).sum();
        let room = limits::RECORD_WORDS.saturating_sub(have);
        let words: Vec<String> = words(text).take(room).collect();
        if !words.is_empty() {
            self.texts.push(words);
        }
    }
}

impl<'a> RowRef<'a> {
    /// The record that it belongs to.
    pub fn document(self) -> &'a Document {
        self.document
    }

    /// The count; absent but on a trend.
    pub fn n(self) -> Option<u64> {
        self.row.n
    }

    /// First and last day that the record covers, in days since 1970-01-01.
    pub fn days(self) -> Option<(i64, i64)> {
        self.document.days
    }

    /// The values of a field, as they are compared.
    pub fn terms(self, field: Field) -> impl Iterator<Item = &'a str> {
        self.values()
            .filter(move |value| value.field == field)
            .map(|value| value.term.as_str())
    }

    /// The groups that it belongs to.
    pub fn groups(self, field: Field) -> impl Iterator<Item = &'a str> {
        self.values()
            .filter(move |value| value.field == field)
            .filter_map(Value::shown)
    }

    /// Whether the record counts some people in several of its rows.
    pub(crate) fn overlapping(self) -> bool {
        self.document.overlapping
    }

    /// Every value: its field, how it is compared, and the group that it makes.
    pub(crate) fn all(self) -> impl Iterator<Item = (Field, &'a str, Option<&'a str>)> {
        self.values()
            .map(|value| (value.field, value.term.as_str(), value.shown()))
    }

    fn values(self) -> impl Iterator<Item = &'a Value> {
        self.document.values.iter().chain(&self.row.values)
    }
}

impl Value {
    fn shown(&self) -> Option<&str> {
        match &self.shown {
            Shown::Same => Some(&self.term),
            Shown::As(text) => Some(text),
            Shown::Not => None,
        }
    }
}

/// The words of a text: runs of letters and digits, in small letters.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.chars()
                .flat_map(char::to_lowercase)
                .filter(|c| c.is_alphanumeric())
                .take(limits::WORD_CHARS)
                .collect()
        })
        .filter(|word: &String| !word.is_empty())
}

/// A text as it is compared whole: small letters, single spaces.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        // The last code point ends ranges of the index.
        out.extend(
            part.chars()
                .flat_map(char::to_lowercase)
                .filter(|c| *c != char::MAX),
        );
    }
    out
}

/// Days since 1970-01-01.
pub(crate) fn day(date: Date) -> i64 {
    Date::new(1970, 1, 1).map_or(0, |epoch| date.days_since(epoch))
}

fn cell_values(cell: &Cell, areas: &[Area]) -> Vec<Value> {
    let mut values = Vec::new();
    let mut own_area = false;
    for (dimension, value) in cell.dims.iter() {
        put(&mut values, Field::Dim(dimension), value.as_str());
        match value {
            DimValue::Area(area) => {
                own_area = true;
                wider(&mut values, Field::Dim(dimension), area.country());
                place(&mut values, area);
            }
            DimValue::Age(age) => {
                for band in AgeBand::ALL.iter().filter(|band| band.contains(*age)) {
                    wider(&mut values, Field::Dim(dimension), band.as_str());
                }
            }
            DimValue::Transport(transport) => {
                put(&mut values, Field::Transport, transport.as_str());
            }
            DimValue::Sector(sector) => put(&mut values, Field::Sector, sector.as_str()),
            _ => {}
        }
    }
    if !own_area {
        areas.iter().for_each(|area| place(&mut values, area));
    }
    values
}

/// Whether some cell counts people that another one counts as well.
fn overlap(cells: &[Cell]) -> bool {
    cells.iter().enumerate().any(|(at, cell)| {
        cells
            .iter()
            .skip(at + 1)
            .any(|other| !cell.dims.is_apart_from(&other.dims))
    })
}

fn place(values: &mut Vec<Value>, area: &Area) {
    put(values, Field::Area, area.as_str());
    wider(values, Field::Area, area.country());
    put(values, Field::Country, area.country());
}

fn put(values: &mut Vec<Value>, field: Field, term: impl Into<String>) {
    let term = term.into();
    let known = values
        .iter_mut()
        .find(|value| value.field == field && value.term == term);
    match known {
        Some(value) if value.shown == Shown::Not => value.shown = Shown::Same,
        Some(_) => {}
        None => values.push(Value {
            field,
            term,
            shown: Shown::Same,
        }),
    }
}

/// A value that matches and makes no group.
fn wider(values: &mut Vec<Value>, field: Field, term: impl Into<String>) {
    let term = term.into();
    let known = values
        .iter()
        .any(|value| value.field == field && value.term == term);
    if !known {
        values.push(Value {
            field,
            term,
            shown: Shown::Not,
        });
    }
}

/// A text that people wrote, compared in small letters.
fn folded(values: &mut Vec<Value>, field: Field, text: &str) {
    let term = fold(text);
    if term.is_empty() {
        return;
    }
    values.push(Value {
        field,
        shown: Shown::As(text.to_owned()),
        term,
    });
}
