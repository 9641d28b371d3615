//! Which rooms have a conference, kept at the server beside what is known of each: not every server lists its rooms, and
//! what was kept could not be found without their names.
//!
//! The list is in several elements, because servers limit the size of one, and only what has changed is sent.

use std::collections::{BTreeMap, BTreeSet};

use xmpp::xml::{ElementExt, element};
use xmpp::{BareJid, Element, ns};

/// Number of elements.
pub(super) const ELEMENTS: usize = 32;
/// Most bytes of names in one element. Stock servers end a stream that carries a stanza of 256 KiB.
const MOST_BYTES: usize = 64 * 1024;
/// Namespace of an element, before its number.
const NAMESPACE: &str = "urn:shoal:focus:rooms:";

/// The list as the server is to have it.
#[derive(Debug)]
pub(super) struct Index {
    lists: Vec<List>,
    places: BTreeMap<BareJid, usize>,
}

#[derive(Debug, Default)]
struct List {
    rooms: BTreeSet<BareJid>,
    bytes: usize,
    /// The server has another one.
    changed: bool,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            lists: std::iter::repeat_with(List::default)
                .take(ELEMENTS)
                .collect(),
            places: BTreeMap::new(),
        }
    }
}

/// What a name takes in an element.
fn size(room: &BareJid) -> usize {
    room.as_str().len() + r#""","#.len()
}

impl Index {
    /// Lists a room. One that fits nowhere is not listed.
    pub(super) fn insert(&mut self, room: &BareJid) {
        if self.places.contains_key(room) {
            return;
        }
        let emptiest = self
            .lists
            .iter()
            .enumerate()
            .min_by_key(|(_, list)| list.bytes);
        if let Some((place, list)) = emptiest
            && list.bytes + size(room) <= MOST_BYTES
        {
            self.put(room.clone(), place);
            self.lists[place].changed = true;
        }
    }

    /// The room is over.
    pub(super) fn remove(&mut self, room: &BareJid) {
        if let Some(place) = self.places.remove(room) {
            let list = &mut self.lists[place];
            list.rooms.remove(room);
            list.bytes -= size(room);
            list.changed = true;
        }
    }

    /// The server has this room in that element.
    pub(super) fn note_kept(&mut self, room: &BareJid, place: usize) {
        if place < ELEMENTS && !self.places.contains_key(room) {
            self.put(room.clone(), place);
        }
    }

    fn put(&mut self, room: BareJid, place: usize) {
        self.places.insert(room.clone(), place);
        let list = &mut self.lists[place];
        list.bytes += size(&room);
        list.rooms.insert(room);
    }

    /// The elements that the server does not have like this.
    pub(super) fn take_changed(&mut self) -> Vec<Element> {
        let lists = self.lists.iter_mut().enumerate();
        lists
            .filter_map(|(place, list)| {
                std::mem::take(&mut list.changed).then(|| query(place, Some(&list.rooms)))
            })
            .collect()
    }
}

/// The query with which an element is kept, or with `None` asked for.
pub(super) fn query(place: usize, rooms: Option<&BTreeSet<BareJid>>) -> Element {
    let mut kept = element("rooms", &format!("{NAMESPACE}{place}"));
    if let Some(rooms) = rooms.filter(|rooms| !rooms.is_empty()) {
        let names: Vec<&str> = rooms.iter().map(|room| room.as_str()).collect();
        kept.append_text_node(serde_json::to_string(&names).expect("names are plain data"));
    }
    element("query", ns::PRIVATE).with_child(kept)
}

/// The rooms in an element as it was kept.
pub(super) fn rooms_in(query: &Element) -> Vec<String> {
    query
        .children()
        .find(|kept| kept.name() == "rooms")
        .and_then(|kept| serde_json::from_str(&kept.text()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn room(name: &str) -> BareJid {
        BareJid::new(&format!("{name}@muc.meet.shoal")).unwrap()
    }

    #[test]
    fn only_elements_that_changed_are_sent_and_an_empty_one_is_removed() {
        let mut index = Index::default();
        for name in ["a", "b"] {
            index.insert(&room(name));
        }
        let sent = index.take_changed();
        let listed: Vec<String> = sent.iter().flat_map(rooms_in).collect();
        assert_eq!(listed, ["a@muc.meet.shoal", "b@muc.meet.shoal"]);
        index.insert(&room("a"));
        assert!(index.take_changed().is_empty());
        index.remove(&room("a"));
        let sent = index.take_changed();
        assert_eq!(sent.len(), 1);
        let kept = sent[0].children().next().unwrap();
        assert_eq!((kept.name(), kept.nodes().next()), ("rooms", None));
    }

    #[test]
    fn what_the_server_has_already_is_not_sent_again_and_can_be_removed() {
        let mut index = Index::default();
        index.note_kept(&room("a"), 7);
        index.insert(&room("a"));
        assert!(index.take_changed().is_empty());
        index.remove(&room("a"));
        assert_eq!(index.take_changed(), [query(7, None)]);
    }

    #[test]
    fn no_element_grows_beyond_what_servers_take_however_long_names_are() {
        let mut index = Index::default();
        let long = "x".repeat(900);
        for number in 0..4_000 {
            index.insert(&room(&format!("{number}-{long}")));
        }
        let sent = index.take_changed();
        assert_eq!(sent.len(), ELEMENTS);
        for element in &sent {
            assert!(String::from(element).len() < 2 * MOST_BYTES);
        }
        let listed: usize = sent.iter().map(|element| rooms_in(element).len()).sum();
        assert!((2_000..2_400).contains(&listed), "{listed}");
    }
}
