//! Who is made owner of the room.

/// What the election needs to know of one participant, in the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elector<'a> {
    /// Resource of its address in the room.
    pub nick: &'a str,
    /// Already owner, admin or moderator.
    pub has_rights: bool,
    /// A person (no recorder, gateway or visitor).
    pub person: bool,
    /// Logged in, in deployments with accounts.
    pub authenticated: bool,
}

/// Nicknames to be made owner.
///
/// With accounts, every authenticated person; else, if `auto_owner`, the first person of a room in
/// which nobody has rights.
pub(super) fn elect<'a>(
    participants: &[Elector<'a>],
    auto_owner: bool,
    accounts: bool,
) -> Vec<&'a str> {
    let persons = || participants.iter().filter(|p| p.person);
    if accounts {
        return persons()
            .filter(|p| p.authenticated && !p.has_rights)
            .map(|p| p.nick)
            .collect();
    }
    if !auto_owner || persons().any(|p| p.has_rights) {
        return Vec::new();
    }
    persons().take(1).map(|p| p.nick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(nick: &str) -> Elector<'_> {
        Elector {
            nick,
            has_rights: false,
            person: true,
            authenticated: false,
        }
    }

    #[test]
    fn the_first_person_of_a_room_without_moderator_becomes_owner() {
        let recorder = Elector {
            person: false,
            ..person("rec")
        };
        let owner = Elector {
            has_rights: true,
            ..person("own")
        };
        let cases: [(&str, Vec<Elector<'_>>, bool, Vec<&str>); 5] = [
            ("empty room", vec![], true, vec![]),
            (
                "first of two",
                vec![person("a"), person("b")],
                true,
                vec!["a"],
            ),
            (
                "recorders do not count",
                vec![recorder, person("b")],
                true,
                vec!["b"],
            ),
            ("one has rights", vec![person("a"), owner], true, vec![]),
            ("switched off", vec![person("a")], false, vec![]),
        ];
        for (name, participants, auto_owner, expected) in cases {
            assert_eq!(elect(&participants, auto_owner, false), expected, "{name}");
        }
    }

    #[test]
    fn with_accounts_every_authenticated_person_becomes_owner() {
        let login = |nick| Elector {
            authenticated: true,
            ..person(nick)
        };
        let done = Elector {
            has_rights: true,
            ..login("c")
        };
        let guests = [person("guest"), login("a"), login("b"), done];
        assert_eq!(elect(&guests, true, true), vec!["a", "b"]);
        assert_eq!(elect(&[person("guest")], true, true), Vec::<&str>::new());
    }
}
