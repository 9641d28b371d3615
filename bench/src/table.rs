//! The table that is printed.

use std::time::Duration;

use crate::incoming::Counts;
use crate::server::Kind;
use crate::shape::Shape;

/// What was measured of one server.
pub(crate) struct Row {
    /// Microseconds of the server's processor time.
    pub(crate) cpu_per_packet: f64,
    /// Packets that arrived, of those that should have.
    pub(crate) received_share: f64,
    /// Of all processors of the machine.
    pub(crate) idle_share: f64,
    pub(crate) counts: Counts,
    /// Bytes per member, beyond the idle server.
    pub(crate) memory: u64,
    /// Of a member.
    pub(crate) join_cpu: Duration,
}

pub(crate) fn head() {
    println!(
        "| row | server | CPU µs per packet | ÷ floor | latency p50 / p99 ms | packets | lost | idle | KiB per member | join, ms CPU |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
}

pub(crate) fn print(shape: &Shape, rows: &[(Kind, Option<Row>)]) {
    let floor = rows
        .iter()
        .find_map(|(kind, row)| row.as_ref().filter(|_| *kind == Kind::Floor))
        .map(|row| row.cpu_per_packet);
    for (kind, row) in rows {
        let Some(row) = row else { continue };
        let ratio = floor.map_or_else(String::new, |floor| {
            format!("{:.2}", row.cpu_per_packet / floor)
        });
        println!(
            "| {} | {} | {:.2} | {ratio} | {:.2} / {:.2} | {} ({:.1} %) | {} | {:.0} % | {} | {:.2} |",
            shape.name,
            kind.name(),
            row.cpu_per_packet,
            row.percentile(50),
            row.percentile(99),
            row.counts.received,
            row.received_share * 100.0,
            row.counts.lost,
            row.idle_share * 100.0,
            row.memory / 1024,
            row.join_cpu.as_secs_f64() * 1e3,
        );
    }
}

impl Row {
    /// Milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let all = &self.counts.latencies;
        let at = (all.len() * percent / 100).min(all.len().saturating_sub(1));
        all.get(at)
            .map_or(f64::NAN, |&microseconds| f64::from(microseconds) / 1e3)
    }
}
