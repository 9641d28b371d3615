"""Two people meet in a room over XMPP on TCP, with slixmpp: a client that nobody of Shoal wrote.

Each logs in anonymously, asks the focus for the conference (where one is there), joins, and sees the other; a group
message reaches both, a private one only its recipient, a ping passes from occupant to occupant, and leaving is seen.
Exit code 0: all of it happened.
"""

import argparse
import asyncio
import json
import sys
import xml.etree.ElementTree as ET

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout

FOCUS = 'http://jitsi.org/protocol/focus'
PATIENCE = 15


class Person(ClientXMPP):
    """One anonymous participant."""

    def __init__(self, domain: str):
        super().__init__(domain, '')
        self.domain = domain
        for plugin in ('xep_0030', 'xep_0045', 'xep_0198', 'xep_0199'):
            self.register_plugin(plugin)
        self.online = asyncio.Event()
        self.said: asyncio.Queue = asyncio.Queue()
        self.whispered: asyncio.Queue = asyncio.Queue()
        self.came: asyncio.Queue = asyncio.Queue()
        self.went: asyncio.Queue = asyncio.Queue()
        self.add_event_handler('session_start', self.on_session_start)
        self.add_event_handler('groupchat_message', self.said.put_nowait)
        self.add_event_handler('message', self.on_message)

    async def on_session_start(self, _event):
        self.send_presence()
        self.online.set()

    def on_message(self, message):
        if message['type'] == 'chat':
            self.whispered.put_nowait(message)

    @property
    def nick(self) -> str:
        return self.boundjid.local[:8]

    async def ask_focus(self, room: str) -> bool:
        """The conference request: focus opens the room. False where no focus serves."""
        iq = self.make_iq_set(ito=f'focus.{self.domain}')
        iq.append(ET.Element(f'{{{FOCUS}}}conference', {'room': room}))
        try:
            answer = await iq.send(timeout=PATIENCE)
        except IqError as error:
            if error.condition == 'service-unavailable':
                return False
            raise
        conference = answer.xml.find(f'{{{FOCUS}}}conference')
        assert conference is not None and conference.get('ready') == 'true', str(answer)
        return True

    async def enter(self, room: str):
        self.add_event_handler(f'muc::{room}::got_online', self.came.put_nowait)
        self.add_event_handler(f'muc::{room}::got_offline', self.went.put_nowait)
        await self.plugin['xep_0045'].join_muc_wait(room, self.nick, timeout=PATIENCE)


async def soon(queue: asyncio.Queue, matches):
    """The first item that matches."""
    async with asyncio.timeout(PATIENCE):
        while True:
            item = await queue.get()
            if matches(item):
                return item


async def connect(host: str, port: int, domain: str) -> Person:
    person = Person(domain)
    # Loopback without certificate; where the server offers TLS, any certificate does for this test.
    person.enable_plaintext = True
    person.enable_direct_tls = False
    person.ssl_context.check_hostname = False
    person.ssl_context.verify_mode = 0
    person.connect(host, port)
    async with asyncio.timeout(PATIENCE):
        await person.online.wait()
    return person


async def meet(host: str, port: int, domain: str, room_name: str):
    ada, bob = await connect(host, port, domain), await connect(host, port, domain)
    room = f'{room_name}@muc.{domain}'

    info = await ada.plugin['xep_0030'].get_info(jid=domain, timeout=PATIENCE)
    assert 'urn:xmpp:ping' in info['disco_info']['features'], info
    has_focus = await ada.ask_focus(room)

    await ada.enter(room)
    await bob.enter(room)
    await soon(ada.came, lambda presence: presence['from'].resource == bob.nick)

    bob.send_message(mto=room, mbody='Hello, everybody', mtype='groupchat')
    for person in (ada, bob):
        message = await soon(person.said, lambda message: message['body'])
        assert message['body'] == 'Hello, everybody' and message['from'].resource == bob.nick, message

    ada.send_message(mto=f'{room}/{bob.nick}', mbody='psst', mtype='chat')
    whisper = await soon(bob.whispered, lambda message: message['body'])
    assert whisper['body'] == 'psst' and whisper['from'].resource == ada.nick, whisper

    await ada.plugin['xep_0199'].send_ping(f'{room}/{bob.nick}', timeout=PATIENCE)
    try:
        await ada.plugin['xep_0199'].send_ping(f'{room}/nobody', timeout=PATIENCE)
        raise AssertionError('a ping to nobody was answered')
    except IqError as error:
        assert error.condition == 'item-not-found', error

    bob.plugin['xep_0045'].leave_muc(room, bob.nick)
    await soon(ada.went, lambda presence: presence['from'].resource == bob.nick)
    for person in (ada, bob):
        person.disconnect()
        await person.disconnected
    return {'passed': True, 'focus': has_focus, 'resumable': bool(ada.plugin['xep_0198'].sm_id)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=5222)
    parser.add_argument('--domain', default='meet.shoal')
    parser.add_argument('--room', default='slixmpp')
    options = parser.parse_args()
    try:
        result = asyncio.run(meet(options.host, options.port, options.domain, options.room))
    except (AssertionError, IqError, IqTimeout, TimeoutError) as error:
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == '__main__':
    sys.exit(main())
