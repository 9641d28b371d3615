//! Patterns in `room` claims (`context.room.regex`): a part of Lua's (Lua 5.2 reference §6.4.1), because that is what
//! issuers of Jitsi tokens write.
//!
//! Known are letters and signs, `.`, classes (`%a %c %d %g %l %p %s %u %w %x` and their opposites in capitals), `%` before
//! a sign, sets `[…]` with ranges and `^`, the repetitions `*`, `+`, `-`, `?` of one of these, and the anchors `^` and `$`.
//! A name fits if the first match, as Lua finds it, is all of it. Names have no capitals, so capitals in a pattern
//! mean small letters. Captures, `%b`, `%f` and `%1` are refused: with them Jitsi compares something else than the name.
//!
//! Deliberately absent: a way to run long. The number of steps is bounded, and who exceeds it does not match.

use std::iter;

/// Longest pattern, bytes.
const MOST_BYTES: usize = 512;
/// Most characters looked at for one name.
const MOST_STEPS: usize = 100_000;

/// The pattern is none, or none that is known here, or it takes too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What one byte is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Single {
    Any,
    Byte(u8),
    Class(u8),
    Set(Vec<Member>, bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    Range(u8, u8),
    Class(u8),
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    /// `?`
    AtMostOnce,
    /// `*` and `+`, the longest first.
    Greedy(usize),
    /// `-`, the shortest first.
    Lazy,
}

struct Pattern {
    items: Vec<(Single, Times)>,
    from_start: bool,
    to_end: bool,
}

/// Whether the first match of `pattern` in `name` is all of `name`.
pub(super) fn is_match(pattern: &str, name: &str) -> Result<bool, Malformed> {
    let pattern = parse(pattern)?;
    let name = name.as_bytes();
    let mut steps = 0;
    let starts = 0..if pattern.from_start {
        1
    } else {
        name.len() + 1
    };
    for start in starts {
        if let Some(end) = find(&pattern.items, pattern.to_end, name, start, &mut steps)? {
            return Ok(start == 0 && end == name.len());
        }
    }
    Ok(false)
}

/// Where a match of the items that begins at `at` ends.
fn find(
    items: &[(Single, Times)],
    to_end: bool,
    name: &[u8],
    at: usize,
    steps: &mut usize,
) -> Result<Option<usize>, Malformed> {
    *steps += 1;
    if *steps > MOST_STEPS {
        return Err(Malformed);
    }
    let Some(((single, times), rest)) = items.split_first() else {
        return Ok((!to_end || at == name.len()).then_some(at));
    };
    let (least, most) = match times {
        Times::Once => (1, 1),
        Times::AtMostOnce => (0, 1),
        Times::Greedy(least) => (*least, usize::MAX),
        Times::Lazy => (0, usize::MAX),
    };
    let run = name[at..].iter().take_while(|byte| single.fits(**byte));
    let longest = run.take(most).count();
    *steps += longest;
    if longest < least {
        return Ok(None);
    }
    let mut forwards = least..=longest;
    let mut backwards = (least..=longest).rev();
    let lengths: &mut dyn Iterator<Item = usize> = match times {
        Times::Lazy => &mut forwards,
        _ => &mut backwards,
    };
    for length in lengths {
        if let Some(end) = find(rest, to_end, name, at + length, steps)? {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

impl Single {
    fn fits(&self, byte: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Byte(own) => *own == byte,
            Self::Class(class) => in_class(*class, byte),
            Self::Set(members, negated) => {
                let is_in = members.iter().any(|member| match member {
                    Member::Range(first, last) => (*first..=*last).contains(&byte),
                    Member::Class(class) => in_class(*class, byte),
                });
                is_in != *negated
            }
        }
    }
}

fn in_class(class: u8, byte: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        _ => byte.is_ascii_hexdigit(),
    };
    is_in != class.is_ascii_uppercase()
}

fn parse(text: &str) -> Result<Pattern, Malformed> {
    let mut bytes = text.as_bytes();
    if bytes.len() > MOST_BYTES {
        return Err(Malformed);
    }
    let from_start = bytes.first() == Some(&b'^');
    if from_start {
        bytes = &bytes[1..];
    }
    let to_end = bytes.last() == Some(&b'$') && {
        let escapes = bytes[..bytes.len() - 1].iter().rev();
        escapes.take_while(|byte| **byte == b'%').count() % 2 == 0
    };
    if to_end {
        bytes = &bytes[..bytes.len() - 1];
    }
    let mut bytes = bytes.iter().copied().peekable();
    let mut items = Vec::new();
    while let Some(byte) = bytes.next() {
        let single = match byte {
            b'.' => Single::Any,
            b'%' => match escaped(bytes.next())? {
                Member::Class(class) => Single::Class(class),
                Member::Range(byte, _) => Single::Byte(byte),
            },
            b'[' => set(&mut bytes)?,
            b'(' | b')' => return Err(Malformed),
            byte => Single::Byte(byte.to_ascii_lowercase()),
        };
        let times = match bytes.peek() {
            Some(b'*') => Times::Greedy(0),
            Some(b'+') => Times::Greedy(1),
            Some(b'-') => Times::Lazy,
            Some(b'?') => Times::AtMostOnce,
            _ => Times::Once,
        };
        if times != Times::Once {
            bytes.next();
        }
        items.push((single, times));
    }
    Ok(Pattern {
        items,
        from_start,
        to_end,
    })
}

/// What stands for itself or for a class after `%`.
fn escaped(byte: Option<u8>) -> Result<Member, Malformed> {
    match byte.ok_or(Malformed)? {
        class if b"acdglpsuwx".contains(&class.to_ascii_lowercase()) => Ok(Member::Class(class)),
        sign if sign.is_ascii_punctuation() => Ok(Member::Range(sign, sign)),
        _ => Err(Malformed),
    }
}

fn set(bytes: &mut iter::Peekable<impl Iterator<Item = u8>>) -> Result<Single, Malformed> {
    let negated = bytes.next_if_eq(&b'^').is_some();
    let mut members = Vec::new();
    loop {
        let byte = match bytes.next().ok_or(Malformed)? {
            // A bracket at the beginning is one of the members.
            b']' if !members.is_empty() => return Ok(Single::Set(members, negated)),
            b'%' => {
                members.push(escaped(bytes.next())?);
                continue;
            }
            byte => byte.to_ascii_lowercase(),
        };
        if bytes.peek() != Some(&b'-') {
            members.push(Member::Range(byte, byte));
            continue;
        }
        bytes.next();
        match bytes.peek() {
            // A dash at the end is one of the members.
            Some(b']') => members.extend([byte, b'-'].map(|one| Member::Range(one, one))),
            Some(_) => {
                let last = bytes.next().ok_or(Malformed)?.to_ascii_lowercase();
                members.push(Member::Range(byte, last));
            }
            None => return Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_lua_s_match_says() {
        for (pattern, name, expected) in [
            ("maths", "maths", Ok(true)),
            ("maths", "maths2", Ok(false)),
            ("math", "maths", Ok(false)),
            (".*", "anything", Ok(true)),
            ("^team%-%d+$", "team-12", Ok(true)),
            ("^team%-%d+$", "team-", Ok(false)),
            ("team%-%d+", "team-12x", Ok(false)),
            ("Team-.*", "team-x", Ok(true)),
            ("Team%-.*", "team-x", Ok(true)),
            ("[a-c]+[0-9]?", "abc7", Ok(true)),
            ("[^x]*", "abc", Ok(true)),
            ("[^x]*", "abxc", Ok(false)),
            ("[]a]+", "a]", Ok(true)),
            ("[a%-z-]+", "a-z", Ok(true)),
            ("%D+", "abc", Ok(true)),
            ("a-", "aaa", Ok(false)),
            ("a-$", "aaa", Ok(true)),
            ("cost%$", "cost$", Ok(true)),
            ("a?b", "b", Ok(true)),
            ("", "x", Ok(false)),
            ("(maths)", "maths", Err(Malformed)),
            ("%bxy", "xay", Err(Malformed)),
            ("%f[a]a", "a", Err(Malformed)),
            ("%1", "a", Err(Malformed)),
            ("[a", "a", Err(Malformed)),
            ("[]", "a", Err(Malformed)),
            ("a%", "a", Err(Malformed)),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_would_run_away_is_refused_soon() {
        let pattern = ".-".repeat(100) + "x";
        let name = "a".repeat(1_000);
        assert_eq!(is_match(&pattern, &name), Err(Malformed));
        assert_eq!(is_match(&"a".repeat(MOST_BYTES + 1), "a"), Err(Malformed));
    }
}
