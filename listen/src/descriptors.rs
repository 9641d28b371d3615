//! How many files and sockets the process may have open.

use std::io;

use rlimit::Resource;

/// The limit on open files of before, and that of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// What the process was started with.
    pub from: u64,
    /// What it has.
    pub to: u64,
}

/// Raises the soft limit to the hard one. Container runtimes start programs with a soft limit of 1,024, which is for programs
/// that use `select`.
///
/// # Errors
/// The system's.
pub fn raise() -> io::Result<Raised> {
    let (soft, hard) = Resource::NOFILE.get()?;
    if soft < hard {
        Resource::NOFILE.set(hard, hard)?;
    }
    Ok(Raised {
        from: soft,
        to: hard,
    })
}

/// How many files and sockets the process may have open.
#[must_use]
pub fn limit() -> u64 {
    Resource::NOFILE.get().map_or(1_024, |(soft, _)| soft)
}

/// Connections that fit beside what is open: an eighth of the limit stays free for files, for connections to elsewhere, and
/// for listeners that must always answer.
pub(crate) fn most_connections() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").map_or(64, Iterator::count);
    room(usize::try_from(limit()).unwrap_or(usize::MAX), open)
}

fn room(limit: usize, open: usize) -> usize {
    let free = (limit / 8).clamp(96, 4_096);
    limit.saturating_sub(open.saturating_add(free)).max(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_everything_else() {
        for (limit, open, most) in [
            (256, 40, 120),
            (1_024, 40, 856),
            (1_048_576, 40, 1_044_440),
            (64, 40, 16),
        ] {
            assert_eq!(room(limit, open), most, "{limit}");
        }
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let raised = raise();
        assert!(raised.is_ok_and(|it| it.to >= it.from));
        assert!(
            Resource::NOFILE
                .get()
                .is_ok_and(|(soft, hard)| soft == hard)
        );
    }
}
