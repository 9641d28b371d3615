"""Jingle with SSRC-signalled sources (Jitsi's) to and from SDP."""

import xml.etree.ElementTree as ET

from xmpp import tag

JINGLE = "urn:xmpp:jingle:1"
RTP = "urn:xmpp:jingle:apps:rtp:1"
SSMA = "urn:xmpp:jingle:apps:rtp:ssma:0"
ICE = "urn:xmpp:jingle:transports:ice-udp:1"
DTLS = "urn:xmpp:jingle:apps:dtls:0"
HDREXT = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
FEEDBACK = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
OWNER = "http://jitsi.org/jitmeet"


class Sources:
    """Remote sources by SSRC, first layer only: {(kind, ssrc): (owner, name)}."""

    def __init__(self):
        self.known = {}

    def add(self, jingle):
        for kind, ssrc, owner, name in _sources(jingle):
            if owner not in (None, "jvb"):
                self.known[(kind, ssrc)] = (owner, name)

    def remove(self, jingle):
        for kind, ssrc, _, _ in _sources(jingle):
            self.known.pop((kind, ssrc), None)

    def forget(self, owner):
        self.known = {key: value for key, value in self.known.items() if value[0] != owner}


def _sources(jingle):
    for content in jingle.iter(tag(JINGLE, "content")):
        description = content.find(tag(RTP, "description"))
        if description is None:
            continue
        repair = {
            group.findall(tag(SSMA, "source"))[1].get("ssrc")
            for group in description.findall(tag(SSMA, "ssrc-group"))
            if group.get("semantics") == "FID"
        }
        for source in description.findall(tag(SSMA, "source")):
            if source.get("ssrc") in repair:
                continue
            info = source.find(tag(OWNER, "ssrc-info"))
            owner = info.get("owner").rsplit("/", 1)[-1] if info is not None else None
            yield content.get("name"), int(source.get("ssrc")), owner, source.get("name")


def offer(initiate, slots):
    """SDP of the offer. `slots` lists the media sections in order: (kind, ssrc or None)."""
    contents = {content.get("name"): content for content in initiate.findall(tag(JINGLE, "content"))}
    mids = " ".join(str(index) for index in range(len(slots)))
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
    for index, (kind, ssrc) in enumerate(slots):
        lines += _media(contents[kind], kind, index, ssrc)
    return "\r\n".join(lines) + "\r\n"


def _media(content, kind, mid, ssrc):
    transport = content.find(tag(ICE, "transport"))
    if kind == "data":
        head = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0"]
        return [*head, f"a=mid:{mid}", "a=sctp-port:5000", *_transport(transport)]
    description = content.find(tag(RTP, "description"))
    types = description.findall(tag(RTP, "payload-type"))
    numbers = " ".join(payload.get("id") for payload in types)
    lines = [f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}"]
    # Section 0 and 1 carry our own media as well.
    lines += ["a=sendrecv" if mid < 2 else "a=sendonly", "a=rtcp-mux", *_transport(transport)]
    for payload in types:
        number, channels = payload.get("id"), payload.get("channels", "1")
        suffix = f"/{channels}" if channels != "1" else ""
        lines.append(f"a=rtpmap:{number} {payload.get('name')}/{payload.get('clockrate')}{suffix}")
        parameters = [
            f"{p.get('name')}={p.get('value')}" if p.get("name") else p.get("value")
            for p in payload.findall(tag(RTP, "parameter"))
        ]
        if parameters:
            lines.append(f"a=fmtp:{number} {';'.join(parameters).rstrip(';')}")
        for feedback in payload.findall(tag(FEEDBACK, "rtcp-fb")):
            words = [feedback.get("type"), feedback.get("subtype")]
            lines.append(f"a=rtcp-fb:{number} {' '.join(word for word in words if word)}")
    for extension in description.findall(tag(HDREXT, "rtp-hdrext")):
        lines.append(f"a=extmap:{extension.get('id')} {extension.get('uri')}")
    if ssrc is not None:
        lines.append(f"a=ssrc:{ssrc} cname:remote")
    return lines


def _transport(transport):
    fingerprint = transport.find(tag(DTLS, "fingerprint"))
    lines = [
        f"a=ice-ufrag:{transport.get('ufrag')}",
        f"a=ice-pwd:{transport.get('pwd')}",
        f"a=fingerprint:{fingerprint.get('hash')} {fingerprint.text.strip()}",
        f"a=setup:{fingerprint.get('setup')}",
    ]
    for candidate in transport.findall(tag(ICE, "candidate")):
        get = candidate.get
        lines.append(
            f"a=candidate:{get('foundation')} {get('component')} {get('protocol')} {get('priority')} "
            f"{get('ip')} {get('port')} typ {get('type')}"
        )
    return lines


def accept(initiate, responder, answer, sources):
    """The session-accept. `answer` is the local SDP; `sources` lists (kind, name, ssrc, msid)."""
    jingle = ET.Element(
        tag(JINGLE, "jingle"),
        action="session-accept",
        sid=initiate.get("sid"),
        initiator=initiate.get("initiator"),
        responder=responder,
    )
    offered = {content.get("name"): content for content in initiate.findall(tag(JINGLE, "content"))}
    attributes = _attributes(answer)
    for kind in [name for name in ("audio", "video", "data") if name in offered]:
        content = ET.SubElement(jingle, tag(JINGLE, "content"), name=kind, creator="initiator", senders="both")
        if kind != "data":
            description = ET.SubElement(content, tag(RTP, "description"), media=kind)
            for payload in offered[kind].find(tag(RTP, "description")).findall(tag(RTP, "payload-type")):
                description.append(payload)
            for _, name, ssrc, msid in (source for source in sources if source[0] == kind):
                element = ET.SubElement(description, tag(SSMA, "source"), ssrc=str(ssrc), name=name)
                ET.SubElement(element, tag(RTP, "parameter"), name="msid", value=msid)
        transport = ET.SubElement(
            content, tag(ICE, "transport"), ufrag=attributes["ice-ufrag"][0], pwd=attributes["ice-pwd"][0]
        )
        hash_name, value = attributes["fingerprint"][0].split(" ", 1)
        fingerprint = ET.SubElement(
            transport, tag(DTLS, "fingerprint"), hash=hash_name, setup=attributes["setup"][0]
        )
        fingerprint.text = value
        for number, text in enumerate(dict.fromkeys(attributes.get("candidate", []))):
            foundation, component, protocol, priority, ip, port, _, kind_of = text.split(" ")[:8]
            ET.SubElement(
                transport,
                tag(ICE, "candidate"),
                foundation=foundation,
                component=component,
                protocol=protocol.lower(),
                priority=priority,
                ip=ip,
                port=port,
                type=kind_of,
                generation="0",
                id=f"c{number}",
                network="0",
            )
    return jingle


def _attributes(sdp):
    found = {}
    for line in sdp.splitlines():
        if line.startswith("a=") and ":" in line:
            name, value = line[2:].split(":", 1)
            found.setdefault(name, []).append(value)
    return found
