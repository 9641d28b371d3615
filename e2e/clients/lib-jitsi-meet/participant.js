// The smallest application of lib-jitsi-meet: joins a room, sends camera and
// microphone, shows a video element for each remote camera.
// The query names the service: ?websocket=…&domain=…&muc=…&room=…&name=…

const { JitsiMeetJS } = window;
const query = new URLSearchParams(location.search);
const state = { joined: false, role: null, people: {}, dominant: null, messages: [], failure: null, muted: {} };
window.participant = state;

JitsiMeetJS.setLogLevel(JitsiMeetJS.logLevels.WARN);
JitsiMeetJS.init({ disableAudioLevels: true, disableThirdPartyRequests: true, flags: { sourceNameSignaling: true } });

const domain = query.get('domain');
const options = {
    hosts: { domain, muc: query.get('muc'), focus: `focus.${domain}` },
    serviceUrl: `${query.get('websocket')}?room=${query.get('room')}`,
    p2p: { enabled: false, stunServers: [] },
    enableLayerSuspension: true,
};

const tracks = await JitsiMeetJS.createLocalTracks({ devices: ['audio', 'video'], resolution: 720 });
const connection = new JitsiMeetJS.JitsiConnection(null, null, options);
const { connection: on } = JitsiMeetJS.events;

connection.addEventListener(on.CONNECTION_FAILED, (...values) => (state.failure = values.map(String).join(' ')));
connection.addEventListener(on.CONNECTION_ESTABLISHED, join);
connection.connect();

function join() {
    const { conference: at } = JitsiMeetJS.events;
    const conference = connection.initJitsiConference(query.get('room'), options);
    state.conference = conference;
    conference.on(at.CONFERENCE_JOINED, () => (state.joined = true));
    conference.on(at.CONFERENCE_FAILED, (...values) => (state.failure = values.map(String).join(' ')));
    conference.on(at.USER_JOINED, (id, person) => (state.people[id] = person.getDisplayName()));
    conference.on(at.DISPLAY_NAME_CHANGED, (id, name) => (state.people[id] = name));
    conference.on(at.USER_LEFT, (id) => delete state.people[id]);
    conference.on(at.DOMINANT_SPEAKER_CHANGED, (id) => (state.dominant = id));
    conference.on(at.MESSAGE_RECEIVED, (id, text) => state.messages.push({ id, text }));
    conference.on(at.TRACK_MUTE_CHANGED, (track) => (state.muted[`${track.getParticipantId()}-${track.getType()}`] = track.isMuted()));
    conference.on(at.TRACK_ADDED, show);
    conference.on(at.TRACK_REMOVED, (track) => document.getElementById(elementId(track))?.remove());
    conference.setDisplayName(query.get('name'));
    conference.setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 720 } });
    for (const track of tracks) conference.addTrack(track);
    conference.join();
}

function elementId(track) {
    return `${track.getParticipantId()}-${track.getType()}`;
}

function show(track) {
    if (track.isLocal()) return;
    const element = document.createElement(track.getType());
    element.id = elementId(track);
    element.autoplay = true;
    document.body.append(element);
    track.attach(element);
}
