// What people in calls noticed of an incident: who was interrupted, and for how long media was away from each.

import { figure, spread } from './figures.mjs';

/** Media that is away for longer counts as being cut off, in milliseconds. */
const CUT = 5000;
/** The load test's clock starts a moment after its process, and a gap begins with the last packet before it. */
const MARGIN = 1000;

/** A moment of a load test, from which an incident is looked at. */
export const moment = (calls) => calls.now - MARGIN;

/**
 * What each participant noticed that began between two moments: the longest gap in media of those that noticed any (not
 * those for which this machine was too busy to play participants), times without signalling, and the names of those who were
 * interrupted: without a sender's media for more than 5 s, out of their room, or lost for good. `moves` has, for each move to
 * another bridge that the focus announced, the longest time without a packet of some sender, however short.
 */
export function impact(report, { from, to }) {
    const within = ({ at_ms: at }) => at >= from && at < to;
    const moves = report.participants.flatMap((one) => one.moves.filter(within));
    const each = report.participants.map((one) => {
        const gaps = one.gaps.filter((gap) => within(gap) && gap.cause !== 'tester');
        const away = one.interruptions.filter(within);
        const longest = Math.max(0, ...gaps.map((gap) => gap.length_ms));
        const left = away.some((interruption) => !interruption.resumed);
        return { name: `${one.room}/${one.name}`, gaps, away, longest, left, interrupted: longest > CUT || left || one.lost !== null };
    });
    return {
        gaps: each.filter((one) => one.longest > 0).map((one) => one.longest),
        away: each.flatMap((one) => one.away),
        interrupted: each.filter((one) => one.interrupted),
        cut: each.filter((one) => one.longest > CUT),
        worst: each.filter((one) => one.longest > 0).sort((a, b) => b.longest - a.longest)[0],
        moves: moves.map((move) => move.silence_ms),
        participants: each.length,
    };
}

/** Shows the impact of an incident; `moved` is how many were to be moved by it, where that is known. */
export async function tellImpact(context, what, seen, moved) {
    const whom = moved === undefined ? '' : `${moved} people on it; `;
    await figure(
        context,
        `${what}: ${whom}${seen.interrupted.length} of ${seen.participants} interrupted; ` +
            `gap in media per move: ${spread(seen.moves)}; media away for longer than 200 ms: ${spread(seen.gaps)}; ` +
            `signalling away: ${spread(seen.away.map((one) => one.length_ms))}`,
    );
    if (seen.worst) context.diagnostic(`longest: ${seen.worst.name} ${JSON.stringify(seen.worst.gaps.slice(0, 4))}`);
    for (const one of seen.interrupted.slice(0, 5)) {
        context.diagnostic(`interrupted: ${one.name} ${JSON.stringify({ gaps: one.gaps.slice(0, 3), away: one.away })}`);
    }
}

/** The value below which 95 % of the values are; 0 of none. */
export function p95(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.max(Math.ceil(sorted.length * 0.95), 1) - 1] ?? 0;
}
