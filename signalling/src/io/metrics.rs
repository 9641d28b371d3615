//! Prometheus metrics.

use crate::host::{Host, Standing};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt::Error;
use std::time::Duration;

pub(super) fn render(host: &Host, up: Duration) -> Result<String, Error> {
    let mut registry = Registry::default();
    let prefix = registry.sub_registry_with_prefix("signalling");
    let (rooms, occupants) = host.rooms.census();
    let (sessions, hibernating) = host.census();
    for (name, help, value) in [
        ("rooms", "Rooms", rooms),
        ("occupants", "Occupants of all rooms", occupants),
        ("sessions", "Sessions, hibernating ones included", sessions),
        (
            "sessions_hibernating",
            "Sessions that wait to be resumed",
            hibernating,
        ),
        (
            "focus_connected",
            "Whether a focus is connected, 0 or 1",
            usize::from(host.has_focus()),
        ),
        ("bridges", "Bridges in the brewery", host.bridges()),
        (
            "takes_new_meetings",
            "Whether /about/front-door answers 200, 0 or 1",
            usize::from(host.standing(up) == Standing::Fit),
        ),
    ] {
        prefix.register(name, help, GaugeValue(value as i64));
    }
    for (name, help, value) in host.counters.all() {
        prefix.register(name, help, CounterValue(value));
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct GaugeValue(i64);

#[derive(Debug)]
struct CounterValue(u64);

macro_rules! encode_as {
    ($type:ident, $metric:ident) => {
        impl prometheus_client::encoding::EncodeMetric for $type {
            fn encode(
                &self,
                encoder: prometheus_client::encoding::MetricEncoder<'_>,
            ) -> Result<(), Error> {
                $metric::new(self.0).encode(encoder)
            }

            fn metric_type(&self) -> prometheus_client::metrics::MetricType {
                $metric::new(self.0).metric_type()
            }
        }
    };
}

encode_as!(GaugeValue, ConstGauge);
encode_as!(CounterValue, ConstCounter);
