//! How much of a source is wanted, as one number that can be compared and summed up.

use crate::allocation::effective::VideoConstraint;

/// Lines wanted at most, as on the wire: -1 no limit, 0 nothing.
pub fn lines(constraint: &VideoConstraint) -> i32 {
    constraint.max_height.map_or(-1, i32::from)
}

/// What satisfies both.
pub fn larger(a: i32, b: i32) -> i32 {
    if a < 0 || b < 0 { -1 } else { a.max(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_more_than_any_limit() {
        assert_eq!(larger(180, 720), 720);
        assert_eq!(larger(-1, 720), -1);
        assert_eq!(larger(0, 0), 0);
        assert_eq!(lines(&VideoConstraint::UNLIMITED), -1);
        assert_eq!(lines(&VideoConstraint::NOTHING), 0);
    }
}
