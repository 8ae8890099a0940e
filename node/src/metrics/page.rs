//! Figures as the page that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::figure::{Figure, Label, Value};
use crate::registry::Registry as Agencies;

/// What the page is, for whoever fetches it.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes figures; peers by their aliases. Those of one name stand together.
pub(super) fn write(figures: Vec<Figure>, agencies: &Agencies) -> Result<String, fmt::Error> {
    let mut named: BTreeMap<&'static str, Vec<Shown>> = BTreeMap::new();
    for figure in figures {
        let labels = figure.labels.iter().map(|label| match label {
            Label::Peer(peer) => ("peer", agencies.alias(peer)),
            Label::Word(key, word) => (*key, (*word).to_owned()),
        });
        named.entry(figure.name).or_default().push(Shown {
            help: figure.help,
            labels: labels.collect(),
            value: figure.value,
        });
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(named)));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Page(BTreeMap<&'static str, Vec<Shown>>);

#[derive(Debug)]
struct Shown {
    help: &'static str,
    labels: Vec<(&'static str, String)>,
    value: Value,
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (name, shown) in &self.0 {
            let Some(first) = shown.first() else { continue };
            let sort = first.value.sort();
            let mut family = encoder.encode_descriptor(name, first.help, None, sort)?;
            for one in shown {
                match one.labels.is_empty() {
                    true => one.value.put(&mut family)?,
                    false => one.value.put(&mut family.encode_family(&one.labels)?)?,
                }
            }
        }
        Ok(())
    }
}

impl Value {
    const fn sort(self) -> MetricType {
        match self {
            Value::Now(_) => MetricType::Gauge,
            Value::Since(_) => MetricType::Counter,
        }
    }

    fn put(self, encoder: &mut MetricEncoder<'_>) -> Result<(), fmt::Error> {
        match self {
            Value::Now(value) => encoder.encode_gauge(&value),
            Value::Since(value) => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
        }
    }
}
