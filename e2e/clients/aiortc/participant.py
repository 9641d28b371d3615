"""A participant on aiortc: joins a room, sends a colour and a tone, counts what it receives.

Prints one JSON object a second and ends after --seconds; exit code 0 says that
audio and video came from somebody and that the bridge channel worked.
"""

import argparse
import asyncio
import fractions
import json
import sys
import time
import xml.etree.ElementTree as ET

import aioice.ice
import av
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

import jingle
from xmpp import NS_CLIENT, Guest, tag

MUC = "http://jabber.org/protocol/muc"
MUC_USER = "http://jabber.org/protocol/muc#user"
FOCUS = "http://jitsi.org/protocol/focus"
DISCO = "http://jabber.org/protocol/disco#info"
NICK = "http://jabber.org/protocol/nick"

FEATURES = [
    DISCO,
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:transports:ice-udp:1",
    "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:transports:dtls-sctp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:video",
    "http://jitsi.org/source-name",
    "http://jitsi.org/receive-multiple-video-streams",
]

# The test's network has only loopback, which the library leaves out.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Colour(VideoStreamTrack):
    """A picture of one colour."""

    def __init__(self, rgb):
        super().__init__()
        pixels = numpy.zeros((360, 640, 3), numpy.uint8)
        pixels[:, :] = rgb
        self._picture = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(self._picture.to_ndarray(), format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    """A sine."""

    RATE, SAMPLES = 48000, 960

    def __init__(self, hertz):
        super().__init__()
        self._hertz, self._at, self._start = hertz, 0, None

    async def recv(self):
        if self._start is None:
            self._start = time.monotonic()
        await asyncio.sleep(max(0, self._start + self._at / self.RATE - time.monotonic()))
        times = (numpy.arange(self.SAMPLES) + self._at) / self.RATE
        wave = (numpy.sin(2 * numpy.pi * self._hertz * times) * 12000).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self.RATE, self._at, fractions.Fraction(1, self.RATE)
        self._at += self.SAMPLES
        return frame


class Participant:
    def __init__(self, options):
        self.options = options
        self.room = f"{options.room}@{options.muc}"
        self.guest = Guest(self.on_stanza)
        self.nick = None
        self.connection = None
        self.initiate = None
        self.sources = jingle.Sources()
        self.slots = []
        self.seen = {"audio": 0, "video": 0, "loud": 0, "colour": None, "size": None, "channel": []}
        self.lock = asyncio.Lock()

    async def join(self):
        await self.guest.connect(f"{self.options.websocket}?room={self.options.room}", self.options.domain)
        self.nick = self.guest.jid.split("-", 1)[0][:8]
        request = ET.Element(tag(FOCUS, "conference"), room=self.room, **{"machine-uid": "aiortc"})
        await self.guest.request(f"focus.{self.options.domain}", "set", request)
        presence = ET.Element(tag(NS_CLIENT, "presence"), to=f"{self.room}/{self.nick}")
        ET.SubElement(presence, tag(MUC, "x"))
        ET.SubElement(presence, tag(NICK, "nick")).text = self.options.name
        ET.SubElement(presence, tag(NS_CLIENT, "jitsi_participant_codecList")).text = "vp8"
        ET.SubElement(presence, tag(NS_CLIENT, "SourceInfo")).text = json.dumps(
            {f"{self.nick}-a0": {"muted": False}, f"{self.nick}-v0": {"muted": False}}
        )
        await self.guest.send(presence)

    async def on_stanza(self, stanza):
        if stanza.tag == tag(NS_CLIENT, "presence"):
            if stanza.get("type") == "unavailable":
                self.sources.forget(stanza.get("from").rsplit("/", 1)[-1])
            return
        if stanza.tag != tag(NS_CLIENT, "iq"):
            return
        session = stanza.find(tag(jingle.JINGLE, "jingle"))
        query = stanza.find(tag(DISCO, "query"))
        if query is not None:
            answer = ET.Element(tag(DISCO, "query"))
            if query.get("node"):
                answer.set("node", query.get("node"))
            ET.SubElement(answer, tag(DISCO, "identity"), category="client", type="bot", name="aiortc")
            for feature in FEATURES:
                ET.SubElement(answer, tag(DISCO, "feature"), var=feature)
            return await self.guest.answer(stanza, answer)
        await self.guest.answer(stanza)
        if session is not None:
            async with self.lock:
                await self.on_jingle(session, stanza.get("from"))

    async def on_jingle(self, session, focus):
        action = session.get("action")
        if action == "session-initiate":
            await self.hang_up()
            self.initiate, self.sources, self.slots = session, jingle.Sources(), []
            self.sources.add(session)
            await self.negotiate()
            await self.guest.request(focus, "set", self.accept())
        elif action == "source-add" and self.connection:
            self.sources.add(session)
            await self.negotiate()
        elif action == "source-remove":
            self.sources.remove(session)
        elif action == "session-terminate":
            await self.hang_up()

    async def hang_up(self):
        if self.connection:
            await self.connection.close()
            self.connection = None

    def plan(self):
        """Media sections never go away or change their place; new sources get new ones."""
        if not self.slots:
            self.slots = [["audio", None], ["video", None]]
            if any(c.get("name") == "data" for c in self.initiate.findall(tag(jingle.JINGLE, "content"))):
                self.slots.append(["data", None])
        for kind, ssrc in self.sources.known:
            if [kind, ssrc] in self.slots:
                continue
            free = [slot for slot in self.slots if slot == [kind, None]]
            if free:
                free[0][1] = ssrc
            else:
                self.slots.append([kind, ssrc])
        return self.slots

    async def negotiate(self):
        slots = self.plan()
        fresh = self.connection is None
        if fresh:
            self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            self.connection.on("track", lambda track: asyncio.create_task(self.count(track)))
            self.connection.on("datachannel", self.on_channel)
        description = RTCSessionDescription(jingle.offer(self.initiate, slots), "offer")
        await self.connection.setRemoteDescription(description)
        if fresh:
            self.connection.addTrack(Tone(self.options.hertz))
            self.connection.addTrack(Colour([int(part) for part in self.options.colour.split(",")]))
            if any(kind == "data" for kind, _ in slots):
                self.on_channel(
                    self.connection.createDataChannel("JVB data channel", protocol="http://jitsi.org/protocols/colibri")
                )
        await self.connection.setLocalDescription(await self.connection.createAnswer())

    def accept(self):
        local = []
        for sender in self.connection.getSenders():
            if sender.track is not None:
                letter = sender.kind[0]
                local.append((sender.kind, f"{self.nick}-{letter}0", sender._ssrc, f"{self.nick}-{letter} {sender.track.id}"))
        return jingle.accept(self.initiate, self.guest.jid, self.connection.localDescription.sdp, local)

    def on_channel(self, channel):
        def opened():
            wish = {"colibriClass": "ReceiverVideoConstraints", "lastN": -1, "defaultConstraints": {"maxHeight": 720}}
            channel.send(json.dumps(wish))

        def message(text):
            kind = json.loads(text)["colibriClass"]
            if kind not in self.seen["channel"]:
                self.seen["channel"].append(kind)

        channel.on("message", message)
        channel.on("open", opened)
        if channel.readyState == "open":
            opened()

    async def count(self, track):
        try:
            while True:
                frame = await track.recv()
                self.seen[track.kind] += 1
                if track.kind == "audio":
                    self.seen["loud"] += int(numpy.abs(frame.to_ndarray()).max() > 500)
                elif self.seen["video"] % 5 == 1:
                    pixels = frame.to_ndarray(format="rgb24")
                    height, width, _ = pixels.shape
                    middle = pixels[height * 2 // 5 : height * 3 // 5, width * 9 // 20 : width * 13 // 20]
                    self.seen["colour"] = [int(value) for value in middle.mean(axis=(0, 1))]
                    self.seen["size"] = [width, height]
        except MediaStreamError:
            pass


async def main(options):
    participant = Participant(options)
    await participant.join()
    enough = False
    for _ in range(options.seconds):
        await asyncio.sleep(1)
        print(json.dumps(participant.seen), flush=True)
        seen = participant.seen
        enough = seen["audio"] > 100 and seen["loud"] > 20 and seen["video"] > 20 and "ServerHello" in seen["channel"]
    await participant.hang_up()
    await participant.guest.close()
    return 0 if enough else 1


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--websocket", required=True)
parser.add_argument("--domain", default="meet.shoal")
parser.add_argument("--muc", default="muc.meet.shoal")
parser.add_argument("--room", required=True)
parser.add_argument("--name", default="aiortc")
parser.add_argument("--colour", default="210,190,40")
parser.add_argument("--hertz", type=int, default=440)
parser.add_argument("--seconds", type=int, default=20)
sys.exit(asyncio.run(main(parser.parse_args())))
