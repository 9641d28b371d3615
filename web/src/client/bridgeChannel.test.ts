import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BridgeChannel, parseBridgeMessage } from './bridgeChannel';

class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static opened: FakeSocket[] = [];
  readyState = 0;
  sent: string[] = [];
  constructor(readonly url: string) {
    super();
    FakeSocket.opened.push(this);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }
  close(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
}

beforeEach(() => {
  FakeSocket.opened = [];
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('comes_back_after_a_loss_and_says_so_that_wishes_are_sent_again', () => {
  const channel = new BridgeChannel(null, 'ws://bridge/x');
  let opens = 0;
  channel.on('open', () => (opens += 1));
  channel.start();
  expect(channel.send({ a: 1 })).toBe(false);
  FakeSocket.opened[0]!.open();
  expect(channel.send({ a: 1 })).toBe(true);
  FakeSocket.opened[0]!.close();
  vi.advanceTimersByTime(1000);
  expect(FakeSocket.opened).toHaveLength(2);
  FakeSocket.opened[1]!.open();
  expect(opens).toBe(2);
  channel.close();
  vi.advanceTimersByTime(120_000);
  expect(FakeSocket.opened).toHaveLength(2);
});

test('prefers_the_data_channel_and_falls_back_when_it_does_not_open', () => {
  const data = Object.assign(new EventTarget(), { send: vi.fn(), close: vi.fn() });
  const channel = new BridgeChannel(data as unknown as RTCDataChannel, 'ws://bridge/x');
  channel.start();
  expect(FakeSocket.opened).toHaveLength(0);
  channel.transportConnected();
  vi.advanceTimersByTime(8000);
  expect(FakeSocket.opened).toHaveLength(1);
  FakeSocket.opened[0]!.open();
  channel.send({ over: 'socket' });
  expect(FakeSocket.opened[0]!.sent).toEqual(['{"over":"socket"}']);
  data.dispatchEvent(new Event('open'));
  channel.send({ over: 'data' });
  expect(data.send).toHaveBeenCalledWith('{"over":"data"}');
});

test('does_not_come_back_once_it_is_retired', () => {
  const data = Object.assign(new EventTarget(), { send: vi.fn(), close: vi.fn() });
  const channel = new BridgeChannel(data as unknown as RTCDataChannel, 'ws://bridge/x');
  channel.start();
  data.dispatchEvent(new Event('open'));
  channel.retire();
  expect(channel.hasEnded).toBe(false);
  data.dispatchEvent(new Event('close'));
  expect(channel.hasEnded).toBe(true);
  vi.advanceTimersByTime(120_000);
  expect(FakeSocket.opened).toHaveLength(0);
});

test('reads_a_map_of_sources_and_drops_what_is_no_entry', () => {
  const text =
    '{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"a-v0","owner":"a","ssrc":6388754,"rtx":235344136,"videoType":"CAMERA"},{"source":7},null]}';
  expect(parseBridgeMessage(text)).toEqual({
    colibriClass: 'VideoSourcesMap',
    mappedSources: [
      { source: 'a-v0', owner: 'a', ssrc: 6388754, rtx: 235344136, videoType: 'CAMERA' },
    ],
  });
});

test.each(['', '7', 'null', '{"colibriClass":"Unheard"}', '{"colibriClass":"VideoSourcesMap"}'])(
  'ignores_%j',
  (text) => {
    expect(parseBridgeMessage(text)).toBeNull();
  },
);
