"""One side of a call on GStreamer's webrtcbin, whose certificates are RSA.

Reads an offer (SDP) as a JSON text from a line of its input, prints {"answer": SDP}, then a JSON object
twice a second: how far DTLS is, and how many packets of audio came. Sends a tone with --ssrc, if that is
given. Exit code 3: GStreamer is not all there, and a line says what is missing.
"""

import argparse
import json
import sys
import threading

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstWebRTC", "1.0")
    gi.require_version("GstSdp", "1.0")
    from gi.repository import GLib, Gst, GstSdp, GstWebRTC
except (ImportError, ValueError) as error:
    print(error)
    sys.exit(3)

ELEMENTS = ["webrtcbin", "dtlssrtpenc", "nicesrc", "srtpenc", "rtpopuspay", "opusenc", "audiotestsrc"]


def say(**what):
    print(json.dumps(what), flush=True)


class Peer:
    def __init__(self, ssrc):
        tone = (
            "audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc ! "
            f"rtpopuspay pt=111 ssrc={ssrc} ! "
            "application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer."
        )
        text = "webrtcbin name=peer bundle-policy=max-bundle " + (tone if ssrc else "")
        self.pipeline = Gst.parse_launch(text) if ssrc else Gst.Pipeline()
        if ssrc:
            self.peer = self.pipeline.get_by_name("peer")
        else:
            self.peer = Gst.ElementFactory.make("webrtcbin", "peer")
            self.peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
            self.pipeline.add(self.peer)
        self.packets = 0
        self.peer.connect("pad-added", self.on_pad)
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        self.pipeline.set_state(Gst.State.PLAYING)

    def answer(self, offer):
        _, message = GstSdp.SDPMessage.new_from_text(offer)
        remote = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, message)
        self.peer.emit("set-remote-description", remote, Gst.Promise.new_with_change_func(self.on_offer, None))

    def on_offer(self, _promise, _data):
        self.peer.emit("create-answer", None, Gst.Promise.new_with_change_func(self.on_answer, None))

    def on_answer(self, promise, _data):
        # The description lives as long as the reply.
        reply = promise.get_reply()
        self.peer.emit("set-local-description", reply.get_value("answer"), None)

    def on_gathering(self, peer, _property):
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            say(answer=peer.get_property("local-description").sdp.as_text())

    def on_pad(self, _peer, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        sink = Gst.ElementFactory.make("fakesink")
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_packet)

    def on_packet(self, _pad, _info):
        self.packets += 1
        return Gst.PadProbeReturn.OK

    def tell(self):
        state = self.peer.get_property("connection-state").value_nick
        say(state=state, packets=self.packets)
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ssrc", type=int)
    options = parser.parse_args()
    Gst.init(None)
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing:
        print(f"GStreamer has no {', '.join(missing)}")
        return 3
    loop = GLib.MainLoop()
    peer = Peer(options.ssrc)

    def read():
        for line in sys.stdin:
            GLib.idle_add(peer.answer, json.loads(line))
        loop.quit()

    threading.Thread(target=read, daemon=True).start()
    GLib.timeout_add(500, peer.tell)
    loop.run()
    peer.pipeline.set_state(Gst.State.NULL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
