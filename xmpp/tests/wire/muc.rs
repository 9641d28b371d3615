//! Rooms.

use xmpp::dataform::DataForm;
use xmpp::muc::{
    AdminQuery, Affiliation, Destroy, Item, Join, MucUser, OwnerQuery, Role, join, leave, status,
};
use xmpp::{BareJid, FullJid, ns};

use crate::{error_of, round_trip, xml};

#[test]
fn joining_and_leaving_are_presences() {
    let occupant = FullJid::new("r@muc.d/n").unwrap();
    let with = Join {
        password: Some("secret".into()),
        ..Join::default()
    };
    let presence = join(&occupant, &with);
    assert_eq!(
        presence,
        xml(
            "<presence to='r@muc.d/n'><x xmlns='http://jabber.org/protocol/muc'><password>secret</password></x></presence>"
        )
    );
    assert!(!format!("{with:?}").contains("secret"));
    assert_eq!(leave(&occupant).attr("type"), Some("unavailable"));
    let history: Join = round_trip(
        "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0' seconds='5'/></x>",
    );
    assert_eq!(history.history.unwrap().max_stanzas, Some(0));
}

#[test]
fn what_an_occupant_sees_of_itself_is_read() {
    let presence = xml(
        "<presence><x xmlns='http://jabber.org/protocol/muc#user'><status code='100'/>\
         <item affiliation='owner' jid='u@d/r' role='moderator'><actor nick='focus'/>\
         <reason>why</reason></item><status code='110'/></x></presence>",
    );
    let user = MucUser::inside(&presence).unwrap();
    assert!(user.is_self() && user.has_status(status::NON_ANONYMOUS));
    let item = user.item().unwrap();
    assert_eq!(
        (item.affiliation, item.role),
        (Some(Affiliation::Owner), Some(Role::Moderator))
    );
    assert_eq!(item.actor.as_ref().unwrap().nick.as_deref(), Some("focus"));
    assert_eq!(MucUser::inside(&xml("<presence/>")), None);
}

#[test]
fn muc_user_survives_a_round_trip() {
    let user: MucUser = round_trip(
        "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/>\
         <destroy jid='other@muc.d'><reason>moved</reason></destroy><status code='307'/></x>",
    );
    let destroy = Destroy {
        jid: Some("other@muc.d".into()),
        reason: Some("moved".into()),
    };
    assert_eq!(user.destroy, Some(destroy));
    assert_eq!(
        error_of::<MucUser>(
            "<x xmlns='http://jabber.org/protocol/muc#user'><item role='king'/></x>"
        ),
        "attribute 'role' of <item/> is not valid: 'king'"
    );
}

#[test]
fn changes_of_role_and_affiliation_are_built_and_read() {
    let user = BareJid::new("u@d").unwrap();
    let grant = AdminQuery::set_affiliation(&user, Affiliation::Owner);
    let element = xmpp::Element::from(&grant);
    assert_eq!(
        element,
        xml(
            "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='owner' jid='u@d'/></query>"
        )
    );
    let kick = AdminQuery::set_role("n", Role::None, Some("bye"));
    let again = AdminQuery::try_from(&xmpp::Element::from(&kick)).unwrap();
    assert_eq!(again, kick);
    assert_eq!(
        again.items[0],
        Item {
            role: Some(Role::None),
            nick: Some("n".into()),
            reason: Some("bye".into()),
            ..Item::default()
        }
    );
    assert!(Role::Moderator > Role::Participant && Affiliation::Owner > Affiliation::Admin);
}

#[test]
fn a_configuration_is_asked_for_read_and_submitted() {
    let answer: OwnerQuery = round_trip(
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='form'>\
         <title>Room</title><field var='FORM_TYPE' type='hidden'>\
         <value>http://jabber.org/protocol/muc#roomconfig</value></field>\
         <field var='muc#roomconfig_whois' type='list-single' label='Who'><value>moderators</value>\
         <option><value>moderators</value></option><option><value>anyone</value></option></field>\
         <field var='muc#roominfo_meetingId'><value>id-1</value></field>\
         <field var='muc#roominfo_isbreakout' type='boolean'><value>0</value></field>\
         <field type='fixed'><value>text</value></field></x></query>",
    );
    let form = answer.form.unwrap();
    assert_eq!(form.form_type(), Some(ns::MUC_ROOMCONFIG));
    assert_eq!(form.value("muc#roominfo_meetingId"), Some("id-1"));
    assert_eq!(form.flag("muc#roominfo_isbreakout"), Some(false));
    assert_eq!(
        form.field("muc#roomconfig_whois").unwrap().options,
        ["moderators", "anyone"]
    );
    let submit = OwnerQuery::submit([("muc#roomconfig_whois", "anyone")]);
    let element = xmpp::Element::from(&submit);
    assert_eq!(OwnerQuery::try_from(&element).unwrap(), submit);
    assert_eq!(
        DataForm::inside(&element)
            .unwrap()
            .value("muc#roomconfig_whois"),
        Some("anyone")
    );
    assert_eq!(
        OwnerQuery::try_from(&xmpp::Element::from(&OwnerQuery::request())).unwrap(),
        OwnerQuery::default()
    );
}
