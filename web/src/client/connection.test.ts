import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import xml from '@xmpp/xml';
import { Connection } from './connection';
import { ServerSocket } from './testing/serverSocket';

function connectTo(): { connection: Connection; log: string[] } {
  const connection = new Connection({
    domain: 'meet.shoal',
    websocketUrl: 'ws://localhost/xmpp-websocket?room=r',
    keepAliveUrl: null,
    token: 'tkn',
  });
  const log: string[] = [];
  connection.on('online', ({ jid }) => log.push(`online ${jid}`));
  connection.on('resumed', () => log.push('resumed'));
  connection.on('interrupted', () => log.push('interrupted'));
  connection.on('failed', ({ reason }) => log.push(`failed ${reason}`));
  connection.connect();
  return { connection, log };
}

describe('the connection', () => {
  beforeEach(() => {
    ServerSocket.all = [];
    ServerSocket.resumes = true;
    vi.useFakeTimers();
    vi.stubGlobal('WebSocket', ServerSocket);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('logs_in_as_a_guest_with_room_and_token_in_the_address', async () => {
    const { connection, log } = connectTo();
    await vi.advanceTimersByTimeAsync(200);
    expect(log).toEqual(['online user1@meet.shoal/r']);
    const url = new URL(ServerSocket.all[0]!.url);
    expect(url.searchParams.get('room')).toBe('r');
    expect(url.searchParams.get('token')).toBe('tkn');
    expect(url.searchParams.has('previd')).toBe(false);
    expect(connection.isOnline).toBe(true);
  });

  test('resumes_a_lost_socket_and_sends_what_waited', async () => {
    const { connection, log } = connectTo();
    await vi.advanceTimersByTimeAsync(200);
    ServerSocket.all[0]!.cut();
    connection.send(xml('message', { to: 'r@muc' }, xml('body', {}, 'late')));
    await vi.advanceTimersByTimeAsync(3000);
    expect(log).toEqual(['online user1@meet.shoal/r', 'interrupted', 'resumed']);
    const second = ServerSocket.all[1]!;
    expect(new URL(second.url).searchParams.get('previd')).toBe('SM1');
    expect(second.received.some((text) => text.startsWith('<resume'))).toBe(true);
    expect(second.received.some((text) => text.includes('late'))).toBe(true);
    expect(second.received.some((text) => text.includes('xmpp-bind'))).toBe(false);
  });

  test('starts_anew_when_the_server_does_not_know_the_session_any_more', async () => {
    const { connection, log } = connectTo();
    await vi.advanceTimersByTimeAsync(200);
    ServerSocket.resumes = false;
    ServerSocket.all[0]!.cut();
    connection.send(xml('message', {}, xml('body', {}, 'stale')));
    await vi.advanceTimersByTimeAsync(3000);
    expect(log).toEqual(['online user1@meet.shoal/r', 'interrupted', 'online user2@meet.shoal/r']);
    expect(ServerSocket.all[1]!.received.some((text) => text.includes('stale'))).toBe(false);
  });

  test('comes_back_within_a_second_after_the_server_shut_down', async () => {
    const { log } = connectTo();
    await vi.advanceTimersByTimeAsync(200);
    ServerSocket.resumes = false;
    const first = ServerSocket.all[0]!;
    first.say(
      "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    );
    first.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    first.cut();
    await vi.advanceTimersByTimeAsync(1000);
    expect(log).toEqual(['online user1@meet.shoal/r', 'interrupted', 'online user2@meet.shoal/r']);
  });

  test('keeps_trying_through_20_seconds_without_a_network', async () => {
    const { log } = connectTo();
    await vi.advanceTimersByTimeAsync(200);
    const working = globalThis.WebSocket;
    vi.stubGlobal(
      'WebSocket',
      class extends EventTarget {
        constructor() {
          super();
          setTimeout(() => {
            this.dispatchEvent(new Event('error'));
            this.dispatchEvent(Object.assign(new Event('close'), { wasClean: false }));
          }, 1);
        }
        close(): void {
          // It never was open.
        }
      },
    );
    ServerSocket.all[0]!.cut();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(log.at(-1)).toBe('interrupted');
    vi.stubGlobal('WebSocket', working);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(log.at(-1)).toBe('resumed');
  });

  test('stays_on_one_socket_while_it_answers', async () => {
    ServerSocket.onStanza = (text, socket) => {
      const id = /id="([^"]+)"/.exec(text)?.[1] ?? '';
      if (text.includes('urn:xmpp:ping')) {
        socket.say(`<iq xmlns='jabber:client' type='result' id='${id}'/>`);
      }
    };
    const { log } = connectTo();
    await vi.advanceTimersByTimeAsync(120_000);
    ServerSocket.onStanza = () => undefined;
    expect(log).toEqual(['online user1@meet.shoal/r']);
    expect(ServerSocket.all).toHaveLength(1);
  });

  test('notices_a_socket_that_is_open_and_dead', async () => {
    const { log } = connectTo();
    await vi.advanceTimersByTimeAsync(200);
    ServerSocket.all[0]!.say = () => undefined;
    await vi.advanceTimersByTimeAsync(35_000);
    expect(log.slice(0, 3)).toEqual(['online user1@meet.shoal/r', 'interrupted', 'resumed']);
  });

  test('does_not_end_the_stream_when_it_drops_a_dead_socket', async () => {
    connectTo();
    await vi.advanceTimersByTimeAsync(200);
    ServerSocket.all[0]!.say = () => undefined;
    await vi.advanceTimersByTimeAsync(35_000);
    expect(ServerSocket.all[0]!.received.some((text) => text.startsWith('<close'))).toBe(false);
  });

  test('leaves_for_good', async () => {
    const { connection, log } = connectTo();
    await vi.advanceTimersByTimeAsync(200);
    const stopped = connection.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    await stopped;
    expect(ServerSocket.all).toHaveLength(1);
    expect(log).toEqual(['online user1@meet.shoal/r']);
    expect(ServerSocket.all[0]!.received.at(-1)).toContain('<close');
  });
});
