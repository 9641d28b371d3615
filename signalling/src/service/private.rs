//! Private XML storage (XEP-0049) for service accounts, in memory. A focus keeps in it what its successor has to know of
//! the meetings; it is gone with the rooms that it speaks of.

use crate::context::Outbox;
use crate::host::Host;
use crate::render::Writer;
use crate::session::{Kind, Session};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{BareJid, Element, ns};

/// Bytes that one account may keep. Beyond, what was written longest ago is forgotten.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// Name and namespace of an element.
type Key = (String, String);

/// What all accounts keep.
#[derive(Default)]
pub(crate) struct PrivateStorage {
    accounts: Mutex<HashMap<BareJid, Shelf>>,
}

/// What one account keeps.
#[derive(Default)]
struct Shelf {
    elements: HashMap<Key, (u64, Box<str>)>,
    /// Keys by the time of their last change.
    order: BTreeMap<u64, Key>,
    changes: u64,
    bytes: usize,
}

impl Shelf {
    /// Replaces an element, or removes it.
    fn put(&mut self, key: Key, element: Option<Box<str>>, most_bytes: usize) {
        self.remove(&key);
        let Some(element) = element else { return };
        self.changes += 1;
        self.bytes += element.len();
        self.order.insert(self.changes, key.clone());
        self.elements.insert(key, (self.changes, element));
        while self.bytes > most_bytes {
            let Some((_, oldest)) = self.order.first_key_value() else {
                return;
            };
            self.remove(&oldest.clone());
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some((change, element)) = self.elements.remove(key) {
            self.order.remove(&change);
            self.bytes -= element.len();
        }
    }

    fn get(&self, key: &Key) -> Option<&str> {
        self.elements.get(key).map(|(_, element)| &**element)
    }
}

/// A request for what is kept, or to keep something.
pub(crate) fn handle_iq(
    host: &Host,
    from: &Arc<Session>,
    stanza: &Element,
    query: &Element,
    out: &mut Outbox,
) -> Result<(), StanzaError> {
    if from.kind == Kind::Guest {
        return Err(StanzaError::new(Condition::ServiceUnavailable));
    }
    let mut accounts = host.private.accounts.lock();
    let shelf = accounts.entry(from.bare.clone()).or_default();
    if stanza.attr("type") == Some("set") {
        for element in elements(query)? {
            let is_empty = element.nodes().next().is_none();
            let text = (!is_empty).then(|| {
                let mut writer = Writer::fragment();
                writer.element(element);
                writer.into_fragment().into_boxed_str()
            });
            shelf.put(key(element), text, MOST_BYTES);
        }
        out.result(from, stanza, |_| {});
        return Ok(());
    }
    let asked: Vec<&Element> = elements(query)?.collect();
    out.result(from, stanza, |writer| {
        writer.open("query", ns::PRIVATE);
        for element in asked {
            match shelf.get(&key(element)) {
                Some(kept) => writer.raw(kept),
                None => writer.element(element),
            };
        }
        writer.close();
    });
    Ok(())
}

fn key(element: &Element) -> Key {
    (element.name().to_owned(), element.ns())
}

/// The elements of a request; each has a namespace of its own (XEP-0049 §2).
fn elements(query: &Element) -> Result<impl Iterator<Item = &Element>, StanzaError> {
    let bad = |text| Err(StanzaError::new(Condition::BadRequest).with_text(text));
    if query.children().next().is_none() {
        return bad("name an element");
    }
    if query
        .children()
        .any(|element| [ns::CLIENT, ns::PRIVATE, ""].contains(&element.ns().as_str()))
    {
        return bad("each element needs a namespace of its own");
    }
    Ok(query.children())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        (name.to_owned(), "urn:x".to_owned())
    }

    #[test]
    fn what_was_written_longest_ago_goes_first() {
        let mut shelf = Shelf::default();
        for name in ["a", "b", "c"] {
            shelf.put(key(name), Some("1234".into()), 12);
        }
        shelf.put(key("a"), Some("12345".into()), 12);
        assert_eq!(shelf.get(&key("b")), None);
        assert_eq!(shelf.get(&key("a")), Some("12345"));
        assert_eq!(shelf.get(&key("c")), Some("1234"));
        shelf.put(key("a"), None, 12);
        shelf.put(key("c"), None, 12);
        assert_eq!((shelf.bytes, shelf.order.len()), (0, 0));
    }
}
