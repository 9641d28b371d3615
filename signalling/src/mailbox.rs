//! What waits for a session: stanzas not sent yet, and stanzas sent and not acknowledged (XEP-0198).

use crate::render::Rendered;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A burst of this many unacknowledged stanzas is asked about at once. What is not acknowledged costs a pointer; a
/// question and its answer cost two packets for every member of a room.
const ASK_AFTER_STANZAS: usize = 25;
/// Any unacknowledged stanza is asked about after this time.
const ASK_AFTER: Duration = Duration::from_secs(5);
/// A peer that leaves a request unanswered this long has lost its connection.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What goes out on a session's stream.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A stanza: counted, kept until acknowledged.
    Stanza(Arc<Rendered>),
    /// A stream-level element, complete with its namespace.
    Nonza(String),
    /// The element after which stanzas count (XEP-0198 §3).
    Enabled(String),
}

/// Most that may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) stanzas: usize,
    pub(crate) bytes: usize,
}

/// The mailbox does not take more: the reader is too slow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

/// An acknowledgement of more than was sent (XEP-0198 §6).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HandledTooMany {
    pub(crate) handled: u32,
    pub(crate) sent: u32,
}

/// The outgoing side of a session.
#[derive(Debug)]
pub(crate) struct Mailbox {
    capacity: Capacity,
    queue: VecDeque<Item>,
    queued_stanzas: usize,
    bytes: usize,
    management: Option<Management>,
}

/// Stream management counters.
#[derive(Debug, Default)]
struct Management {
    unacknowledged: VecDeque<Arc<Rendered>>,
    acknowledged: u32,
    asked: Option<Instant>,
    first_unasked: Option<Instant>,
}

impl Mailbox {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            queue: VecDeque::new(),
            queued_stanzas: 0,
            bytes: 0,
            management: None,
        }
    }

    /// Takes the element after which stanzas count; those that wait already do not.
    pub(crate) fn push_enabled(&mut self, enabled: String) {
        self.queue.push_back(Item::Enabled(enabled));
    }

    /// Takes a stanza for sending.
    pub(crate) fn push(&mut self, stanza: Arc<Rendered>) -> Result<(), Overflow> {
        let waiting = self.queued_stanzas
            + self
                .management
                .as_ref()
                .map_or(0, |management| management.unacknowledged.len());
        if waiting >= self.capacity.stanzas || self.bytes + stanza.len() > self.capacity.bytes {
            return Err(Overflow);
        }
        self.bytes += stanza.len();
        self.queued_stanzas += 1;
        self.queue.push_back(Item::Stanza(stanza));
        Ok(())
    }

    /// Takes a stream-level element for sending, in order with the stanzas.
    pub(crate) fn push_nonza(&mut self, nonza: String) {
        self.queue.push_back(Item::Nonza(nonza));
    }

    /// Whether nothing waits to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next item to send.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Item> {
        let item = match self.queue.pop_front() {
            Some(item) => item,
            None => {
                // Queues of idle sessions hold no memory.
                if self.queue.capacity() > 64 {
                    self.queue.shrink_to(0);
                }
                return self.poll_request(now);
            }
        };
        match &item {
            Item::Nonza(_) => {}
            Item::Enabled(_) => self.management = Some(Management::default()),
            Item::Stanza(stanza) => {
                self.queued_stanzas -= 1;
                match &mut self.management {
                    Some(management) => {
                        management.first_unasked.get_or_insert(now);
                        management.unacknowledged.push_back(Arc::clone(stanza));
                    }
                    None => self.bytes -= stanza.len(),
                }
            }
        }
        Some(item)
    }

    fn poll_request(&mut self, now: Instant) -> Option<Item> {
        let management = self.management.as_mut()?;
        let due = management.asked.is_none()
            && management.first_unasked.is_some_and(|first| {
                management.unacknowledged.len() >= ASK_AFTER_STANZAS || now >= first + ASK_AFTER
            });
        if !due {
            return None;
        }
        management.asked = Some(now);
        management.first_unasked = None;
        Some(Item::Nonza("<r xmlns='urn:xmpp:sm:3'/>".into()))
    }

    /// When [`Mailbox::poll`] may have a request, or the peer's answer is overdue.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let management = self.management.as_ref()?;
        match management.asked {
            Some(asked) => Some(asked + ANSWER_WITHIN),
            None => management.first_unasked.map(|first| first + ASK_AFTER),
        }
    }

    /// Whether the peer left a request unanswered for too long.
    pub(crate) fn answer_overdue(&self, now: Instant) -> bool {
        self.management
            .as_ref()
            .and_then(|management| management.asked)
            .is_some_and(|asked| now >= asked + ANSWER_WITHIN)
    }

    /// The peer has handled `handled` stanzas in all (modulo 2³²).
    pub(crate) fn handle_acknowledgement(&mut self, handled: u32) -> Result<(), HandledTooMany> {
        let Some(management) = &mut self.management else {
            return Ok(());
        };
        management.asked = None;
        let newly = handled.wrapping_sub(management.acknowledged) as usize;
        if newly > management.unacknowledged.len() {
            let sent = management.unacknowledged.len() as u32;
            return Err(HandledTooMany {
                handled,
                sent: management.acknowledged.wrapping_add(sent),
            });
        }
        for stanza in management.unacknowledged.drain(..newly) {
            self.bytes -= stanza.len();
        }
        management.acknowledged = handled;
        if management.unacknowledged.is_empty() {
            management.first_unasked = None;
            if management.unacknowledged.capacity() > 64 {
                management.unacknowledged.shrink_to(0);
            }
        }
        Ok(())
    }

    /// The session has a new stream: everything unacknowledged is sent again, before what waits (XEP-0198 §5).
    pub(crate) fn handle_resumed(&mut self) {
        self.queue.retain(|item| matches!(item, Item::Stanza(_)));
        if let Some(management) = &mut self.management {
            management.asked = None;
            management.first_unasked = None;
            while let Some(stanza) = management.unacknowledged.pop_back() {
                self.queued_stanzas += 1;
                self.queue.push_front(Item::Stanza(stanza));
            }
        }
    }

    /// Forgets everything. What comes back, the peer has not acknowledged, or never got.
    pub(crate) fn take_undelivered(&mut self) -> Vec<Arc<Rendered>> {
        let nothing = Self::new(Capacity {
            stanzas: 0,
            bytes: 0,
        });
        let old = std::mem::replace(self, nothing);
        let sent = old
            .management
            .map(|management| management.unacknowledged)
            .unwrap_or_default();
        let waiting = old.queue.into_iter().filter_map(|item| match item {
            Item::Stanza(stanza) => Some(stanza),
            Item::Nonza(_) | Item::Enabled(_) => None,
        });
        sent.into_iter().chain(waiting).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::render::Writer;

    fn stanza(id: u32) -> Arc<Rendered> {
        let mut writer = Writer::stanza("message");
        writer.attr("id", &id.to_string());
        Arc::new(writer.finish())
    }

    fn mailbox(stanzas: usize) -> Mailbox {
        let mut mailbox = Mailbox::new(Capacity {
            stanzas,
            bytes: 10_000,
        });
        mailbox.push_enabled("<enabled/>".into());
        mailbox.poll(Instant::now());
        mailbox
    }

    fn sent(mailbox: &mut Mailbox, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| mailbox.poll(now))
            .map(|item| match item {
                Item::Stanza(stanza) => {
                    let mut text = String::new();
                    stanza.write(&mut text, "x", false);
                    text
                }
                Item::Nonza(nonza) | Item::Enabled(nonza) => nonza,
            })
            .collect()
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_in_order() {
        let now = Instant::now();
        let mut mailbox = mailbox(100);
        for id in 0..4 {
            mailbox.push(stanza(id)).unwrap();
        }
        assert_eq!(sent(&mut mailbox, now).len(), 4);
        mailbox.push(stanza(4)).unwrap();
        mailbox.handle_acknowledgement(2).unwrap();
        mailbox.handle_resumed();
        let again = sent(&mut mailbox, now).join("");
        assert_eq!(
            again,
            "<message to='x' id='2'/><message to='x' id='3'/><message to='x' id='4'/>"
        );
    }

    #[test]
    fn acknowledgements_are_asked_for_after_a_burst_or_some_seconds() {
        let now = Instant::now();
        let mut mailbox = mailbox(100);
        mailbox.push(stanza(0)).unwrap();
        assert_eq!(sent(&mut mailbox, now).len(), 1);
        assert_eq!(mailbox.poll_timeout(), Some(now + ASK_AFTER));
        assert_eq!(
            sent(&mut mailbox, now + ASK_AFTER),
            ["<r xmlns='urn:xmpp:sm:3'/>"]
        );
        assert!(mailbox.answer_overdue(now + ASK_AFTER + ANSWER_WITHIN));
        mailbox.handle_acknowledgement(1).unwrap();
        assert_eq!(mailbox.poll_timeout(), None);
        for id in 0..ASK_AFTER_STANZAS as u32 {
            mailbox.push(stanza(id)).unwrap();
        }
        assert_eq!(sent(&mut mailbox, now).len(), ASK_AFTER_STANZAS + 1);
    }

    #[test]
    fn a_peer_cannot_acknowledge_more_than_it_got() {
        let mut mailbox = mailbox(100);
        mailbox.push(stanza(0)).unwrap();
        sent(&mut mailbox, Instant::now());
        assert_eq!(
            mailbox.handle_acknowledgement(2),
            Err(HandledTooMany {
                handled: 2,
                sent: 1
            })
        );
    }

    #[test]
    fn a_slow_reader_overflows_and_an_acknowledgement_makes_room() {
        let mut mailbox = mailbox(2);
        mailbox.push(stanza(0)).unwrap();
        mailbox.push(stanza(1)).unwrap();
        assert_eq!(mailbox.push(stanza(2)), Err(Overflow));
        sent(&mut mailbox, Instant::now());
        assert_eq!(mailbox.push(stanza(2)), Err(Overflow));
        mailbox.handle_acknowledgement(1).unwrap();
        assert_eq!(mailbox.push(stanza(2)), Ok(()));
    }
}
