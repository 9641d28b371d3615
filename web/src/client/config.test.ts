import { expect, test } from 'vitest';
import { ConfigError, parseConfig } from './config';

const FILE = {
  domain: 'meet.shoal',
  muc: 'muc.meet.shoal',
  websocketUrl: '/xmpp-websocket',
  conferenceRequestUrl: '/conference-request/v1',
  codecs: ['av1', 'vp8'],
};

test('relative_addresses_follow_the_page', () => {
  const settings = parseConfig(FILE, new URL('https://m.example/room?jwt=abc'));
  expect(settings.websocketUrl).toBe('wss://m.example/xmpp-websocket');
  expect(settings.conferenceRequestUrl).toBe('https://m.example/conference-request/v1');
  expect(settings.focus).toBe('focus.meet.shoal');
  expect(settings.token).toBe('abc');
  expect(settings.resolution).toBe(720);
  expect(settings.lastN).toBe(-1);
});

test('a_null_request_address_means_xmpp', () => {
  const settings = parseConfig({ ...FILE, conferenceRequestUrl: null }, new URL('http://x/'));
  expect(settings.conferenceRequestUrl).toBeNull();
  expect(settings.websocketUrl).toBe('ws://x/xmpp-websocket');
});

test('the_address_of_the_page_chooses_the_codec', () => {
  expect(parseConfig(FILE, new URL('http://x/')).codecs).toEqual(['av1', 'vp8']);
  expect(parseConfig(FILE, new URL('http://x/?codec=h264')).codecs).toEqual(['h264', 'av1', 'vp8']);
});

test.each([[null], [7], [{}], [{ ...FILE, muc: 3 }], [{ ...FILE, resolution: 'high' }]])(
  'refuses_%j_by_name',
  (json) => {
    expect(() => parseConfig(json, new URL('http://x/'))).toThrow(ConfigError);
  },
);
