"""The little of XMPP over WebSocket (RFC 7395) that a guest needs."""

import asyncio
import itertools
import xml.etree.ElementTree as ET

import websockets

NS_CLIENT = "jabber:client"
NS_FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
NS_BIND = "urn:ietf:params:xml:ns:xmpp-bind"


def tag(namespace, name):
    return f"{{{namespace}}}{name}"


class Guest:
    """A logged-in guest. `handler(stanza)` is called for each stanza that answers no request."""

    def __init__(self, handler):
        self.handler = handler
        self.jid = None
        self._socket = None
        self._numbers = itertools.count(1)
        self._waiting = {}
        self._reader = None

    async def connect(self, url, domain):
        self._socket = await websockets.connect(url, subprotocols=["xmpp"], max_size=None)
        await self._open(domain)
        await self._send(ET.Element(tag(NS_SASL, "auth"), mechanism="ANONYMOUS"))
        answer = await self._next()
        if answer.tag != tag(NS_SASL, "success"):
            raise RuntimeError(f"login refused: {ET.tostring(answer, 'unicode')}")
        await self._open(domain)
        self._reader = asyncio.create_task(self._read())
        bound = await self.request(None, "set", ET.Element(tag(NS_BIND, "bind")))
        self.jid = bound.find(f".//{tag(NS_BIND, 'jid')}").text

    async def request(self, to, kind, payload):
        """Sends an IQ and waits for its answer; an error answer raises."""
        number = f"q{next(self._numbers)}"
        iq = ET.Element(tag(NS_CLIENT, "iq"), id=number, type=kind)
        if to:
            iq.set("to", to)
        iq.append(payload)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        await self._send(iq)
        answer = await asyncio.wait_for(future, 20)
        if answer.get("type") == "error":
            raise RuntimeError(f"refused: {ET.tostring(answer, 'unicode')}")
        return answer

    async def answer(self, iq, payload=None):
        result = ET.Element(tag(NS_CLIENT, "iq"), id=iq.get("id"), type="result", to=iq.get("from"))
        if payload is not None:
            result.append(payload)
        await self._send(result)

    async def send(self, stanza):
        await self._send(stanza)

    async def close(self):
        if self._reader:
            self._reader.cancel()
        await self._socket.close()

    async def _open(self, domain):
        await self._send(ET.Element(tag(NS_FRAMING, "open"), to=domain, version="1.0"))
        await self._next()  # <open/>
        await self._next()  # features

    async def _send(self, element):
        await self._socket.send(ET.tostring(element, "unicode"))

    async def _next(self):
        return ET.fromstring(await self._socket.recv())

    async def _read(self):
        while True:
            stanza = await self._next()
            answered = stanza.tag == tag(NS_CLIENT, "iq") and stanza.get("type") in ("result", "error")
            future = self._waiting.pop(stanza.get("id"), None) if answered else None
            if future and not future.done():
                future.set_result(stanza)
            elif not answered:
                # The reader must go on: the handler may itself wait for an answer.
                asyncio.create_task(self.handler(stanza))
