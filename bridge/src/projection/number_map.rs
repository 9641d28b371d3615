//! An unbroken outgoing counter from an incoming one of which some numbers are left out.

/// Runs of left-out numbers that are remembered, for packets that come late.
const REMEMBERED: usize = 64;

/// Maps the (unwrapped) sequence numbers or picture ids of one incoming stream to those of the
/// outgoing one. Numbers that are left out leave no hole behind; numbers that are merely missing
/// do, and fill it when they come late.
#[derive(Clone, Debug)]
pub struct NumberMap {
    /// `out = in - offset` from `start` on; older ones before newer ones.
    runs: Vec<Run>,
    newest_run: usize,
    count: usize,
    newest: i64,
}

#[derive(Clone, Copy, Default, Debug)]
struct Run {
    start: i64,
    offset: i64,
    /// How many numbers directly before `start` were left out.
    skipped: i64,
}

impl NumberMap {
    /// `first_in` becomes `first_out`; what is older has no place.
    pub fn new(first_in: i64, first_out: i64) -> Self {
        let mut map = Self {
            runs: Vec::new(),
            newest_run: 0,
            count: 1,
            newest: first_in - 1,
        };
        map.restart(first_in, first_out);
        map
    }

    /// As [`Self::new`], with the memory it has: the stream begins anew.
    pub fn restart(&mut self, first_in: i64, first_out: i64) {
        self.newest_run = 0;
        self.count = 1;
        self.newest = first_in - 1;
        self.runs.clear();
        self.runs.push(Run {
            start: first_in,
            offset: first_in - first_out,
            skipped: 0,
        });
    }

    /// The newest number that was forwarded or left out.
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// What the next new number would become.
    pub fn next_out(&self) -> i64 {
        self.newest + 1 - self.runs[self.newest_run].offset
    }

    /// Where a number goes. `None` when it was left out, or is older than is remembered.
    pub fn forward(&mut self, number: i64) -> Option<i64> {
        if number > self.newest {
            self.newest = number;
            return Some(number - self.runs[self.newest_run].offset);
        }
        self.place(number)
    }

    /// Where a number went or would go, changing nothing.
    pub fn place(&self, number: i64) -> Option<i64> {
        let mut at = self.newest_run;
        for _ in 0..self.count {
            let run = self.runs[at];
            if number >= run.start {
                return Some(number - run.offset);
            }
            if number >= run.start - run.skipped {
                return None;
            }
            at = (at + REMEMBERED - 1) % REMEMBERED;
        }
        None
    }

    /// The number that went to `out`, as far as is remembered.
    pub fn origin(&self, out: i64) -> Option<i64> {
        let mut at = self.newest_run;
        let mut end = self.newest + 1;
        for _ in 0..self.count {
            let run = self.runs[at];
            let number = out + run.offset;
            if number >= run.start {
                return (number < end).then_some(number);
            }
            end = run.start - run.skipped;
            at = (at + REMEMBERED - 1) % REMEMBERED;
        }
        None
    }

    /// Leaves a number out. Of no effect on a number that is not new: its place is taken.
    pub fn skip(&mut self, number: i64) {
        if number <= self.newest {
            return;
        }
        let current = self.runs[self.newest_run];
        if current.start == number && current.skipped > 0 {
            let run = &mut self.runs[self.newest_run];
            run.start += 1;
            run.offset += 1;
            run.skipped += 1;
        } else {
            let run = Run {
                start: number + 1,
                offset: current.offset + 1,
                skipped: 1,
            };
            self.newest_run = (self.newest_run + 1) % REMEMBERED;
            self.count = (self.count + 1).min(REMEMBERED);
            if self.newest_run == self.runs.len() {
                self.runs.push(run);
            } else {
                self.runs[self.newest_run] = run;
            }
        }
        self.newest = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_out_numbers_leave_no_hole() {
        let mut map = NumberMap::new(10, 100);
        assert_eq!(map.forward(10), Some(100));
        map.skip(11);
        map.skip(12);
        assert_eq!(map.forward(13), Some(101));
        map.skip(14);
        assert_eq!(map.forward(15), Some(102));
        assert_eq!(map.next_out(), 103);
    }

    #[test]
    fn a_late_number_fills_the_place_that_was_kept_for_it() {
        let mut map = NumberMap::new(0, 0);
        map.forward(0);
        assert_eq!(map.forward(3), Some(3));
        map.skip(4);
        assert_eq!(map.forward(6), Some(5));
        assert_eq!(map.forward(1), Some(1));
        assert_eq!(map.forward(5), Some(4));
        assert_eq!(map.forward(2), Some(2));
    }

    #[test]
    fn a_left_out_number_that_comes_again_has_no_place() {
        let mut map = NumberMap::new(0, 0);
        map.forward(0);
        map.skip(1);
        map.skip(2);
        map.forward(3);
        assert_eq!(map.forward(1), None);
        assert_eq!(map.forward(2), None);
        assert_eq!(map.forward(3), Some(1));
    }

    #[test]
    fn every_outgoing_number_leads_back_to_its_origin() {
        let mut map = NumberMap::new(10, 100);
        for number in 10..60 {
            if number % 3 == 0 || number % 7 == 0 {
                map.skip(number);
            } else {
                let out = map.forward(number).expect("a new number has a place");
                assert_eq!(map.origin(out), Some(number));
            }
        }
        for number in 10..60 {
            if let Some(out) = map.place(number) {
                assert_eq!(map.origin(out), Some(number));
            }
        }
        assert_eq!(map.origin(99), None);
        assert_eq!(map.origin(map.next_out()), None);
    }

    #[test]
    fn what_is_older_than_the_start_or_than_memory_has_no_place() {
        let mut map = NumberMap::new(50, 0);
        assert_eq!(map.forward(49), None);
        for number in 0..200 {
            if number % 2 == 0 {
                map.forward(50 + number);
            } else {
                map.skip(50 + number);
            }
        }
        assert_eq!(map.forward(50), None);
        assert_eq!(map.place(248), Some(99));
    }

    #[test]
    fn a_late_number_cannot_be_left_out_any_more() {
        let mut map = NumberMap::new(0, 0);
        map.forward(0);
        map.forward(2);
        map.skip(1);
        assert_eq!(map.forward(3), Some(3));
        assert_eq!(map.forward(1), Some(1));
    }
}
