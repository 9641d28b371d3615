//! The report in words.

use std::fmt;

use crate::report::{ParticipantReport, Report, Spread};

/// A line for each participant, then the sums.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for participant in &self.participants {
            writeln!(f, "{}", line(participant))?;
        }
        let totals = &self.totals;
        writeln!(
            f,
            "{} of {} joined (p50 {} ms, p95 {} ms), first media p50 {} ms, p95 {} ms",
            totals.joined,
            totals.participants,
            totals.join_ms.p50,
            totals.join_ms.p95,
            totals.first_media_ms.p50,
            totals.first_media_ms.p95,
        )?;
        for (cause, gaps) in &totals.gap_ms_by_cause {
            let cause = format!("{cause:?}").to_lowercase();
            let Spread {
                count,
                p50,
                p95,
                max,
            } = gaps;
            writeln!(
                f,
                "gaps because of {cause}: {count} (p50 {p50} ms, p95 {p95} ms, longest {max} ms)"
            )?;
        }
        let gaps = &totals.gap_ms;
        writeln!(
            f,
            "{} gaps in media (p50 {} ms, p95 {} ms, longest {} ms); {} interruptions of signalling \
             (longest {} ms), {} of them resumed",
            gaps.count,
            gaps.p50,
            gaps.p95,
            gaps.max,
            totals.interruption_ms.count,
            totals.interruption_ms.max,
            totals.resumed,
        )?;
        write!(
            f,
            "{} without media of a sender, {} interrupted ({} cut off), {} of {} rooms split: {}",
            totals.missing_media,
            totals.interrupted,
            totals.cut,
            totals.rooms_split.len(),
            totals.rooms,
            if self.ok { "all well" } else { "NOT well" }
        )
    }
}

fn line(participant: &ParticipantReport) -> String {
    let mut out = format!("{} {}:", participant.room, participant.name);
    match participant.joined_ms {
        Some(time) => out += &format!(" joined in {time} ms"),
        None => out += " never joined",
    }
    if let Some(time) = participant.first_media_ms {
        out += &format!(", first media {time} ms");
    }
    if let Some(shard) = &participant.shard {
        out += &format!(", shard {shard}");
    }
    for (from, kinds) in &participant.received {
        let counts: Vec<_> = kinds
            .iter()
            .map(|(media, packets)| format!("{packets} {media:?}").to_lowercase())
            .collect();
        out += &format!(", {from}: {} packets", counts.join(" + "));
    }
    for missing in &participant.missing {
        out += &format!(", NO {:?} of {}", missing.media, missing.from);
    }
    if let Some(longest) = participant.gaps.iter().map(|gap| gap.length_ms).max() {
        out += &format!(", {} gaps up to {longest} ms", participant.gaps.len());
    }
    if !participant.interruptions.is_empty() {
        out += &format!(", {} interruptions", participant.interruptions.len());
    }
    if let Some(reason) = &participant.lost {
        out += &format!(", LOST: {reason}");
    } else if participant.cut {
        out += ", CUT OFF";
    } else if participant.interrupted {
        out += ", WALKED IN ANEW";
    }
    out
}
