//! Scripts too long to be written out: what a room keeps is bounded.

use super::play;

const CAST: &str = "Focus is focus\nRomeo is a guest\nFocus connects\nRomeo connects\nFocus joins maths\nRomeo joins maths\n";

fn refused(kind: &str, id: &str, condition: &str) -> String {
    format!(
        "Focus receives\n\t<{kind} type='error' id='{id}'><error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>…</error></{kind}>\n"
    )
}

#[test]
fn a_subject_has_a_greatest_length() {
    let set = |id: &str, length: usize| {
        let subject = "x".repeat(length);
        format!(
            "Focus sends\n\t<message type='groupchat' to='maths@{{MUC}}' id='{id}'><subject>{subject}</subject></message>\n"
        )
    };
    let script = [
        CAST,
        &set("s1", 4097),
        &refused("message", "s1", "policy-violation"),
        "Romeo receives nothing\n",
        &set("s2", 4096),
        "Romeo receives\n\t<message id='s2'>…</message>\nFocus skips everything\n",
    ];
    play(&script.concat()).expect("the script plays out");
}

#[test]
fn a_presence_s_own_attributes_count_as_well() {
    let id = "x".repeat(40_000);
    let script = format!(
        "{CAST}Romeo sends\n\t<presence to='maths@{{MUC}}/{{Romeo nick}}' id='{id}'/>\nFocus receives nothing\nRomeo skips everything\n"
    );
    play(&script).expect("the script plays out");
}

/// A form that makes the room members-only.
const MEMBERS_ONLY: &str = "Focus sends\n\t<iq type='set' id='c1' to='maths@{MUC}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_membersonly'><value>true</value></field></x></query></iq>\nFocus skips everything\nRomeo skips everything\n";

#[test]
fn invitations_make_no_more_members_than_moderators_may() {
    let mut script = format!("{CAST}{MEMBERS_ONLY}");
    let invite = |message: usize, people: usize| {
        let invites: String = (0..people)
            .map(|person| format!("<invite to='p{message}x{person}@meet.shoal'/>"))
            .collect();
        format!(
            "Focus sends\n\t<message to='maths@{{MUC}}' id='i{message}'><x xmlns='http://jabber.org/protocol/muc#user'>{invites}</x></message>\n"
        )
    };
    for message in 0..100 {
        script += &invite(message, 100);
        script += "Focus receives nothing\n";
    }
    script += &invite(100, 1);
    script += &refused("message", "i100", "resource-constraint");
    // Whoever is a member already can be invited again.
    script += "Focus sends\n\t<message to='maths@{MUC}' id='again'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='p0x0@meet.shoal'/></x></message>\nFocus receives nothing\n";
    play(&script).expect("the script plays out");
}

/// Romeo, from an address of his own, owns a room with 1,200 made-up members.
fn crowd() -> String {
    let mut script = "Focus is focus\nRomeo is a guest address=192.0.2.1\nFocus connects\nRomeo connects\nFocus joins maths\nRomeo joins maths\n".to_owned();
    script += "Focus sends\n\t<iq type='set' id='o' to='maths@{MUC}'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='owner' jid='{Romeo bare}'/></query></iq>\nFocus skips everything\nRomeo skips everything\n";
    for part in 0..2 {
        let items: String = (0..600)
            .map(|person| format!("<item affiliation='member' jid='p{part}x{person}@meet.shoal'/>"))
            .collect();
        script += &format!(
            "Romeo sends\n\t<iq type='set' id='m{part}' to='maths@{{MUC}}'><query xmlns='http://jabber.org/protocol/muc#admin'>{items}</query></iq>\nRomeo receives\n\t<iq type='result' id='m{part}'/>\nFocus skips everything\n"
        );
    }
    script
}

/// One request for the list of members.
const LIST: &str = "\t<iq type='get' id='l' to='maths@{MUC}'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member'/></query></iq>\n";

#[test]
fn a_list_has_a_greatest_length() {
    let items = "<item affiliation='member'/>".repeat(1_000);
    let script = format!(
        "{}Romeo sends\n{LIST}Romeo receives\n\t<iq type='result' id='l'><query xmlns='http://jabber.org/protocol/muc#admin'>{items}</query></iq>\n",
        crowd()
    );
    play(&script).expect("the script plays out");
}

#[test]
fn who_asks_for_lists_pays_for_them_and_does_not_let_them_pile_up() {
    // A list has some 52 kB, and 4 MiB may wait.
    let (list, fit) = ("Romeo receives\n\t<iq type='result' id='l'>…</iq>\n", 80);
    let script = [
        &crowd(),
        "Romeo sends\n",
        &LIST.repeat(fit + 1),
        "Romeo has to wait\n",
        &list.repeat(fit),
        "Romeo receives\n\t<iq type='error' id='l'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>…</error></iq>\n",
        // What has been read waits no longer.
        "Romeo sends\n",
        LIST,
        list,
    ];
    play(&script.concat()).expect("the script plays out");
}
