//! Prometheus metrics.

use std::time::Duration;

use metrics::{Metric, render};

use crate::host::{Host, Standing};

/// The text of `/metrics`.
pub(super) fn text(host: &Host, up: Duration) -> String {
    let (rooms, occupants) = host.rooms.census();
    let (sessions, hibernating) = host.census();
    let takes = host.standing(up) == Standing::Fit;
    let mut rows = vec![
        Metric::gauge("rooms", "Rooms", rooms),
        Metric::gauge("occupants", "Occupants of all rooms", occupants),
        Metric::gauge("sessions", "Sessions, hibernating ones included", sessions),
        Metric::gauge(
            "sessions_hibernating",
            "Sessions that wait to be resumed",
            hibernating,
        ),
        Metric::gauge(
            "focus_connected",
            "Whether a focus is connected, 0 or 1",
            host.has_focus(),
        ),
        Metric::gauge("bridges", "Bridges in the brewery", host.bridges()),
        Metric::gauge(
            "takes_new_meetings",
            "Whether /about/front-door answers 200, 0 or 1",
            takes,
        ),
    ];
    let counters = host.counters.all().into_iter();
    rows.extend(counters.map(|(name, help, count)| Metric::counter(name, help, count)));
    rows.push(listen::refusals());
    render("signalling", "", rows)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::config::Config;
    use crate::random::Random;
    use crate::settings::Settings;

    #[test]
    fn names_meanings_and_units_are_as_all_parts_have_them() {
        let read = |path: &std::path::Path| std::fs::read_to_string(path);
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let settings = Settings::new(Config::default(), &read, &mut random).expect("the defaults");
        let text = text(&Host::new(settings, Random::new([7; 32])), Duration::ZERO);
        assert_eq!(metrics::faults("signalling", &text), [""; 0]);
    }
}
