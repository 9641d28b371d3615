#![allow(clippy::unwrap_used, reason = "tests")]
//! Requests in the shapes that Jitsi's focus sends, and what the manager makes of them.

use super::*;
use crate::command::ForceMute;
use crate::event::{Event, FailureReason};
use crate::io::addresses::LocalCandidate;
use media::dtls::Fingerprint;
use rand::SeedableRng;
use std::time::Duration;
use xmpp::Element;
use xmpp::colibri2::SctpRole;

struct Focus {
    manager: Manager,
    now: Instant,
}

fn settings() -> ControlSettings {
    ControlSettings {
        workers: 2,
        spill_endpoints: 50,
        candidates: vec![LocalCandidate {
            address: "192.0.2.1:10000".parse().unwrap(),
            priority: 2_130_706_431,
        }],
        fingerprint: Fingerprint {
            hash: "sha-256".into(),
            value: "6F:AB".into(),
        },
        websocket_urls: vec!["wss://bridge.example/".into()],
        server_id: "jvb1".into(),
        sctp: true,
        limits: crate::config::Limits {
            conferences: 5,
            endpoints_per_conference: 200,
            ..Default::default()
        },
        empty_conference: Duration::from_secs(20),
    }
}

const CAPABILITIES: &str = "<capability name='source-names'/><capability name='ssrc-rewriting'/><capability name='rtp-mid-demux'/>";

fn create(id: &str) -> String {
    format!(
        "<endpoint stats-id='Probe' create='true' id='{id}'>\
         <media type='audio'><payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' name='opus' channels='2' clockrate='48000' id='111'/></media>\
         <transport ice-controlling='true'/><sources/>{CAPABILITIES}</endpoint>"
    )
}

fn sources(id: &str, ssrc: u32) -> String {
    format!(
        "<sources><media-source type='audio' id='{id}-a0'>\
         <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' name='{id}-a0' ssrc='{ssrc}'/></media-source></sources>"
    )
}

const TRANSPORT: &str = "<transport><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' \
    pwd='0123456789abcdef01234567' ufrag='abcd'><rtcp-mux/>\
    <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>AB:AB</fingerprint></transport></transport>";

impl Focus {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: ControlSettings) -> Self {
        Self {
            manager: Manager::new(settings, StdRng::seed_from_u64(7)),
            now: Instant::now(),
        }
    }

    /// Sends a request with these attributes and children.
    fn send(&mut self, attributes: &str, children: &str) -> Result<ConferenceModified, Refusal> {
        let xml = format!(
            "<conference-modify xmlns='jitsi:colibri2' {attributes}>{children}</conference-modify>"
        );
        let request = ConferenceModify::try_from(&xml.parse::<Element>().unwrap()).unwrap();
        self.manager.handle_modify(&request, self.now)
    }

    fn create(&mut self, meeting: &str, endpoint: &str) -> ConferenceModified {
        let attributes = format!(
            "meeting-id='{meeting}' name='room@muc.example' rtcstats-enabled='false' create='true'"
        );
        self.send(&attributes, &create(endpoint)).unwrap()
    }

    fn add(&mut self, endpoint: &str) -> ConferenceModified {
        self.send("meeting-id='m'", &create(endpoint)).unwrap()
    }

    fn commands(&mut self) -> Vec<(u16, Command)> {
        let mut out = Vec::new();
        while let Some(output) = self.manager.poll_output() {
            if let Output::Command(worker, command) = output {
                out.push((worker.0, command));
            }
        }
        out
    }

    /// Names of the commands, with the endpoint's handle.
    fn orders(&mut self) -> Vec<String> {
        let name = |command: &Command| match command {
            Command::CreateConference(_) => "create conference".to_owned(),
            Command::ExpireConference(_) => "expire conference".to_owned(),
            Command::CreateEndpoint(c) => format!("create {}", c.endpoint.0),
            Command::UpdateEndpoint(u) => format!("update {}", u.endpoint.0),
            Command::RestartIce(r) => format!("restart {}", r.endpoint.0),
            Command::ExpireEndpoint(e) => format!("expire {}", e.0),
            _ => "other".to_owned(),
        };
        self.commands()
            .iter()
            .map(|(_, command)| name(command))
            .collect()
    }

    fn connect(&mut self, endpoint: u64) {
        let endpoint = EndpointKey(endpoint);
        let remote = "192.0.2.9:4000".parse().unwrap();
        self.manager
            .handle_event(&Event::IceConnected { endpoint, remote }, self.now);
        self.manager
            .handle_event(&Event::DtlsConnected(endpoint), self.now);
    }
}

#[test]
fn a_created_endpoint_is_answered_at_once_with_everything_a_client_needs() {
    let mut focus = Focus::new();
    let answer = focus.create("m", "rvng2arr");
    let xml = String::from(&Element::from(&answer));
    let ice = answer.endpoints[0]
        .transport
        .as_ref()
        .unwrap()
        .ice
        .as_ref()
        .unwrap();
    assert_eq!(answer.endpoints[0].id, "rvng2arr");
    assert!(ice.ufrag.as_ref().unwrap().len() >= 4 && ice.pwd.as_ref().unwrap().len() >= 22);
    assert!(ice.rtcp_mux && ice.ice_generation.is_none());
    assert_eq!(
        ice.fingerprints[0].setup,
        Some(xmpp::jingle::Setup::Actpass)
    );
    assert_eq!(ice.candidates[0].ip, "192.0.2.1");
    assert_eq!(ice.candidates[0].priority, 2_130_706_431);
    let url = &ice.web_sockets[0];
    assert!(
        url.starts_with("wss://bridge.example/colibri-ws/jvb1/"),
        "{url}"
    );
    assert!(url.contains("/rvng2arr?pwd="), "{url}");
    let own: Vec<_> = answer
        .sources
        .unwrap()
        .iter()
        .map(|source| source.id.clone())
        .collect();
    assert_eq!(own, ["jvb-a0", "jvb-v0"]);
    assert!(!xml.contains("sctp"), "{xml}");

    let commands = focus.commands();
    assert!(matches!(commands[0].1, Command::CreateConference(_)));
    let Command::CreateEndpoint(command) = &commands[1].1 else {
        panic!("{commands:?}")
    };
    assert_eq!(Some(&command.local_ice.ufrag), ice.ufrag.as_ref());
    assert!(
        command.ice_controlling && command.ssrc_rewriting && command.mid_demux && !command.visitor
    );
    assert_eq!(
        command.update.media.as_ref().unwrap().payload_types.len(),
        1
    );
    assert!(command.update.sources.as_ref().unwrap().is_empty());
    // The ufrag names the worker that got the order.
    let owner = WorkerId::of_ufrag(command.local_ice.ufrag.as_bytes()).unwrap();
    assert_eq!(owner.0, commands[1].0);
}

#[test]
fn a_data_channel_is_answered_only_when_asked_for_and_allowed() {
    let request = create("a").replace(
        "<transport ice-controlling='true'/>",
        "<transport ice-controlling='true'><sctp/></transport>",
    );
    let answer = |settings| {
        let mut focus = Focus::with(settings);
        let answer = focus
            .send("meeting-id='m' create='true'", &request)
            .unwrap();
        answer.endpoints[0].transport.as_ref().unwrap().sctp
    };
    let told = answer(settings()).unwrap();
    assert_eq!((told.port, told.role), (Some(5000), Some(SctpRole::Server)));
    let forbidden = ControlSettings {
        sctp: false,
        ..settings()
    };
    assert_eq!(answer(forbidden), None);
}

#[test]
fn the_second_endpoint_shares_the_conference_and_its_feedback_sources() {
    let mut focus = Focus::new();
    let first = focus.create("m", "a");
    let second = focus.add("b");
    assert_eq!(first.sources, second.sources);
    assert_eq!(
        focus.orders(),
        ["create conference", "create 1", "create 2"]
    );
    assert_eq!(focus.manager.endpoint_count(), 2);
}

#[test]
fn the_accept_of_a_session_updates_transport_and_sources() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.commands();
    let children = format!(
        "<endpoint stats-id='Probe' id='a'>{TRANSPORT}{}</endpoint>",
        sources("a", 1000)
    );
    let answer = focus.send("meeting-id='m'", &children).unwrap();
    let xml = String::from(&Element::from(&answer));
    assert_eq!(answer.endpoints[0], colibri2::Endpoint::new("a"), "{xml}");
    assert_eq!(answer.sources, None);
    let commands = focus.commands();
    let [(_, Command::UpdateEndpoint(update))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let update = &update.update;
    assert_eq!(
        update
            .transport
            .as_ref()
            .unwrap()
            .ice
            .as_ref()
            .unwrap()
            .ufrag,
        "abcd"
    );
    assert_eq!(update.sources.as_ref().unwrap()[0].ssrcs, [Ssrc(1000)]);
    assert!(update.media.is_none() && update.force_mute.is_none());
}

#[test]
fn an_update_costs_orders_for_its_own_endpoint_only() {
    let mut focus = Focus::new();
    focus.create("m", "e0");
    for i in 1..100 {
        focus.add(&format!("e{i}"));
    }
    focus.commands();
    let children = format!("<endpoint id='e50'>{}</endpoint>", sources("e50", 5000));
    focus.send("meeting-id='m'", &children).unwrap();
    assert_eq!(focus.orders(), ["update 51"]);
}

#[test]
fn sources_are_a_full_state_and_an_ssrc_belongs_to_one_endpoint() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.add("b");
    let set = |focus: &mut Focus, id: &str, ssrc| {
        focus.send(
            "meeting-id='m'",
            &format!("<endpoint id='{id}'>{}</endpoint>", sources(id, ssrc)),
        )
    };
    set(&mut focus, "a", 1000).unwrap();
    assert!(matches!(
        set(&mut focus, "b", 1000),
        Err(Refusal::BadRequest(_))
    ));
    set(&mut focus, "a", 1001).unwrap();
    set(&mut focus, "b", 1000).unwrap();
    focus
        .send("meeting-id='m'", "<endpoint id='a'><sources/></endpoint>")
        .unwrap();
    set(&mut focus, "b", 1001).unwrap();
    focus
        .send("meeting-id='m'", "<endpoint id='b' expire='true'/>")
        .unwrap();
    set(&mut focus, "a", 1001).unwrap();
}

#[test]
fn what_the_focus_gets_wrong_is_refused_with_the_reason_that_it_acts_on() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.commands();
    let no_transport = create("x").replace("<transport ice-controlling='true'/>", "");
    let no_names = create("x").replace("<capability name='source-names'/>", "");
    let two = format!("{}{}", create("x"), create("y"));
    let mixed = format!(
        "{}<relay id='jvb2' create='true'><transport/></relay>",
        create("x")
    );
    let table: [(&str, &str, &str, &str); 11] = [
        (
            "meeting-id='m' create='true'",
            "",
            "conflict",
            "conference_already_exists",
        ),
        (
            "meeting-id='n'",
            "",
            "item-not-found",
            "conference_not_found",
        ),
        (
            "meeting-id='n' expire='true'",
            "",
            "item-not-found",
            "conference_not_found",
        ),
        (
            "meeting-id='m'",
            "<endpoint id='x'/>",
            "item-not-found",
            "unknown_endpoint",
        ),
        ("meeting-id='m'", &create("a"), "conflict", "unspecified"),
        (
            "meeting-id='m'",
            &no_transport,
            "bad-request",
            "unspecified",
        ),
        ("meeting-id='m'", &no_names, "bad-request", "unspecified"),
        ("meeting-id='m'", &mixed, "bad-request", "unspecified"),
        (
            "meeting-id='m'",
            &two,
            "feature-not-implemented",
            "feature_not_implemented",
        ),
        (
            "meeting-id='m'",
            "<relay id='jvb2' create='true'><transport/></relay>",
            "feature-not-implemented",
            "feature_not_implemented",
        ),
        (
            "meeting-id='m'",
            "<connects><connect url='wss://x.example/' protocol='mediajson' type='recorder' create='true'/></connects>",
            "feature-not-implemented",
            "feature_not_implemented",
        ),
    ];
    for (attributes, children, condition, reason) in table {
        let refusal = focus.send(attributes, children).unwrap_err();
        let error = refusal.to_stanza_error();
        assert_eq!(
            error.condition.as_str(),
            condition,
            "{attributes} {children}"
        );
        let detail = colibri2::Colibri2Error::of(&error).unwrap();
        assert_eq!(detail.reason.as_str(), reason, "{attributes} {children}");
    }
    assert_eq!(focus.orders(), Vec::<String>::new());
    assert_eq!(focus.manager.endpoint_count(), 1);
    assert_eq!(focus.manager.totals().requests_refused, 11);
}

#[test]
fn a_conference_for_a_refused_endpoint_is_not_left_behind() {
    let mut focus = Focus::new();
    let bad = create("x").replace("<capability name='source-names'/>", "");
    focus
        .send("meeting-id='m' create='true'", &bad)
        .unwrap_err();
    assert_eq!(focus.manager.conference_count(), 0);
    focus.create("m", "x");
}

#[test]
fn the_last_endpoint_to_go_takes_the_conference_with_it() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.add("b");
    focus.commands();
    let answer = focus
        .send("meeting-id='m'", "<endpoint expire='true' id='a'/>")
        .unwrap();
    assert!(answer.endpoints[0].expire);
    assert_eq!(focus.orders(), ["expire 1"]);
    focus
        .send("meeting-id='m'", "<endpoint expire='true' id='b'/>")
        .unwrap();
    assert_eq!(focus.orders(), ["expire 2", "expire conference"]);
    let refusal = focus.send("meeting-id='m' expire='true'", "").unwrap_err();
    assert_eq!(refusal, Refusal::ConferenceNotFound("m".into()));
}

#[test]
fn expiring_a_conference_closes_every_channel() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.add("b");
    focus.commands();
    let answer = focus.send("meeting-id='m' expire='true'", "").unwrap();
    assert_eq!(answer, ConferenceModified::default());
    let mut closed = 0;
    while let Some(output) = focus.manager.poll_output() {
        closed += usize::from(matches!(
            output,
            Output::CloseChannel(_, CloseReason::EndpointClosed)
        ));
    }
    assert_eq!(closed, 2);
    assert_eq!(focus.manager.endpoint_count(), 0);
}

#[test]
fn batches_expire_and_mute_and_skip_who_is_gone() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.add("b");
    focus.add("c");
    focus.commands();
    let mute = |id: &str| {
        format!("<endpoint id='{id}'><force-mute audio='true' video='false'/></endpoint>")
    };
    let children = format!("{}{}{}", mute("a"), mute("gone"), mute("b"));
    focus.send("meeting-id='m'", &children).unwrap();
    let commands = focus.commands();
    for (_, command) in &commands {
        let Command::UpdateEndpoint(update) = command else {
            panic!("{command:?}")
        };
        let muted = ForceMute {
            audio: true,
            video: false,
        };
        assert_eq!(update.update.force_mute, Some(muted));
    }
    assert_eq!(commands.len(), 2);
    let children = "<endpoint expire='true' id='a'/><endpoint expire='true' id='gone'/><endpoint expire='true' id='b'/>";
    focus.send("meeting-id='m'", children).unwrap();
    assert_eq!(focus.orders(), ["expire 1", "expire 2"]);
}

#[test]
fn force_mute_keeps_what_it_does_not_name() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus
        .send(
            "meeting-id='m'",
            "<endpoint id='a'><force-mute audio='true'/></endpoint>",
        )
        .unwrap();
    focus.commands();
    focus
        .send(
            "meeting-id='m'",
            "<endpoint id='a'><force-mute video='true'/></endpoint>",
        )
        .unwrap();
    let commands = focus.commands();
    let [(_, Command::UpdateEndpoint(update))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let both = ForceMute {
        audio: true,
        video: true,
    };
    assert_eq!(update.update.force_mute, Some(both));
}

#[test]
fn an_ice_restart_begins_a_new_generation_once_ice_was_established() {
    let mut focus = Focus::new();
    let first = focus.create("m", "a").endpoints[0]
        .transport
        .clone()
        .unwrap()
        .ice
        .unwrap();
    focus.commands();
    let restart = "<endpoint id='a' stats-id='Probe'><transport ice-restart='true'/></endpoint>";
    let ask = |focus: &mut Focus| {
        let answer = focus.send("meeting-id='m'", restart).unwrap();
        answer.endpoints[0].transport.clone().unwrap().ice.unwrap()
    };
    let early = ask(&mut focus);
    assert_eq!((early.ice_generation, &early.ufrag), (None, &first.ufrag));
    assert_eq!(focus.orders(), Vec::<String>::new());
    focus.connect(1);
    let second = ask(&mut focus);
    assert_eq!(second.ice_generation, Some(1));
    assert_ne!(second.ufrag, first.ufrag);
    assert_ne!(second.pwd, first.pwd);
    assert_eq!(focus.orders(), ["restart 1"]);
    assert_eq!(ask(&mut focus).ice_generation, Some(2));
}

#[test]
fn a_bridge_that_shuts_down_refuses_new_conferences_and_keeps_the_old() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.manager.set_accepts_conferences(false);
    let refusal = focus
        .send("meeting-id='n' create='true'", &create("x"))
        .unwrap_err();
    assert_eq!(refusal, Refusal::GracefulShutdown);
    focus.add("b");
}

#[test]
fn a_bridge_that_is_behind_refuses_newcomers_and_keeps_serving_the_others() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.manager.set_accepts_endpoints(false);
    let refusal = focus.send("meeting-id='m'", &create("x")).unwrap_err();
    assert!(matches!(refusal, Refusal::Full(_)));
    focus
        .send(
            "meeting-id='m'",
            "<endpoint id='a'><force-mute audio='true'/></endpoint>",
        )
        .unwrap();
    focus.manager.set_accepts_endpoints(true);
    focus.add("x");
}

#[test]
fn limits_are_refused_so_that_the_focus_goes_elsewhere() {
    let mut focus = Focus::new();
    for i in 0..5 {
        focus.create(&format!("m{i}"), "a");
    }
    let refusal = focus
        .send("meeting-id='more' create='true'", &create("a"))
        .unwrap_err();
    assert!(matches!(refusal, Refusal::Full(_)));
    for i in 1..200 {
        focus
            .send("meeting-id='m0'", &create(&format!("e{i}")))
            .unwrap();
    }
    let refusal = focus.send("meeting-id='m0'", &create("more")).unwrap_err();
    assert!(matches!(refusal, Refusal::Full(_)));
}

#[test]
fn a_large_conference_spills_over_to_the_other_worker() {
    let mut focus = Focus::new();
    focus.create("m", "e0");
    for i in 1..100 {
        focus.add(&format!("e{i}"));
    }
    let mut owners = [0; 2];
    for (worker, command) in focus.commands() {
        if let Command::CreateEndpoint(command) = command {
            owners[usize::from(worker)] += 1;
            assert_eq!(command.home, WorkerId(0));
            assert_eq!(
                WorkerId::of_ufrag(command.local_ice.ufrag.as_bytes()),
                Some(WorkerId(worker))
            );
        }
    }
    assert_eq!(owners, [50, 50]);
}

#[test]
fn how_long_people_wait_for_media_is_counted() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.add("b");
    focus.now += Duration::from_secs(6);
    focus.connect(1);
    focus.connect(1);
    focus
        .send("meeting-id='m'", "<endpoint id='b' expire='true'/>")
        .unwrap();
    let connects = focus.manager.totals().connects;
    let count: u64 = connects.buckets().iter().map(|(_, count)| count).sum();
    assert_eq!((count, connects.seconds()), (1, 6.0));
    assert_eq!(connects.never(), 1, "b gave up");
}

#[test]
fn a_failed_endpoint_is_gone_and_the_focus_learns_it_by_its_next_request() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.add("b");
    focus.commands();
    let failed = Event::EndpointFailed {
        endpoint: EndpointKey(1),
        reason: FailureReason::Ice,
    };
    focus.manager.handle_event(&failed, focus.now);
    focus.manager.handle_event(&failed, focus.now);
    assert_eq!(focus.orders(), ["expire 1"]);
    assert_eq!(focus.manager.totals().ice_failed, 1);
    let refusal = focus
        .send("meeting-id='m'", "<endpoint id='a'><sources/></endpoint>")
        .unwrap_err();
    assert_eq!(refusal, Refusal::UnknownEndpoint("a".into()));
}

#[test]
fn an_empty_conference_ends_after_its_time_unless_someone_comes_back() {
    let mut focus = Focus::new();
    let fail = |focus: &mut Focus, endpoint| {
        let failed = Event::EndpointFailed {
            endpoint: EndpointKey(endpoint),
            reason: FailureReason::Silent,
        };
        let now = focus.now;
        focus.manager.handle_event(&failed, now);
    };
    focus.create("m", "a");
    fail(&mut focus, 1);
    focus.now += Duration::from_secs(15);
    focus.add("b");
    fail(&mut focus, 2);
    focus.now += Duration::from_secs(19);
    focus.manager.handle_timeout(focus.now);
    assert_eq!(focus.manager.conference_count(), 1);
    assert_eq!(
        focus.manager.poll_timeout(),
        Some(focus.now + Duration::from_secs(1))
    );
    focus.now += Duration::from_secs(1);
    focus.manager.handle_timeout(focus.now);
    assert_eq!(focus.manager.conference_count(), 0);
    assert_eq!(focus.manager.poll_timeout(), None);
}

#[test]
fn a_failed_worker_costs_its_conferences_and_no_others() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    focus.create("n", "b");
    focus.commands();
    focus.manager.handle_worker_failed(WorkerId(0), focus.now);
    assert_eq!(focus.manager.conference_count(), 1);
    let refusal = focus
        .send("meeting-id='m'", "<endpoint id='a'><sources/></endpoint>")
        .unwrap_err();
    assert_eq!(refusal, Refusal::ConferenceNotFound("m".into()));
    focus
        .send("meeting-id='n'", "<endpoint id='b'><sources/></endpoint>")
        .unwrap();
}

#[test]
fn only_the_endpoints_own_password_opens_its_channel() {
    let mut focus = Focus::new();
    let answer = focus.create("m", "a");
    let ice = answer.endpoints[0]
        .transport
        .as_ref()
        .unwrap()
        .ice
        .clone()
        .unwrap();
    let url = ice.web_sockets[0].clone();
    let (path, pwd) = url.split_once("?pwd=").unwrap();
    let mut parts = path.rsplit('/');
    let (endpoint, conference, server) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    assert_eq!(pwd.len(), 24);
    let open = |server: &str, conference: &str, endpoint: &str, pwd: &str| {
        focus
            .manager
            .channel_target(server, conference, endpoint, pwd)
    };
    assert_eq!(
        open(server, conference, endpoint, pwd).unwrap().endpoint,
        EndpointKey(1)
    );
    assert_eq!(
        open("jvb2", conference, endpoint, pwd),
        Err(ChannelRefusal::WrongServer)
    );
    for (conference, endpoint, pwd) in [
        ("1", endpoint, pwd),
        ("xyz", endpoint, pwd),
        (conference, "b", pwd),
        (conference, endpoint, "wrong"),
        (conference, endpoint, ice.pwd.as_deref().unwrap()),
    ] {
        assert_eq!(
            open(server, conference, endpoint, pwd),
            Err(ChannelRefusal::Forbidden)
        );
    }
}

#[test]
fn a_visitor_is_counted_apart() {
    let mut focus = Focus::new();
    focus.create("m", "a");
    let visitor = create("v").replace("<endpoint ", "<endpoint muc-role='visitor' ");
    focus.send("meeting-id='m'", &visitor).unwrap();
    assert_eq!(
        (
            focus.manager.endpoint_count(),
            focus.manager.visitor_count()
        ),
        (2, 1)
    );
    focus
        .send("meeting-id='m'", "<endpoint expire='true' id='v'/>")
        .unwrap();
    assert_eq!(focus.manager.visitor_count(), 0);
}

#[test]
fn the_description_for_people_has_no_secrets() {
    let mut focus = Focus::new();
    let answer = focus.create("m", "a");
    let ice = answer.endpoints[0]
        .transport
        .as_ref()
        .unwrap()
        .ice
        .clone()
        .unwrap();
    let told = focus.manager.describe(true).to_string();
    assert!(told.contains("\"meeting_id\":\"m\""), "{told}");
    assert!(!told.contains(&ice.pwd.unwrap()));
    assert!(!told.contains(ice.web_sockets[0].split("pwd=").nth(1).unwrap()));
}
