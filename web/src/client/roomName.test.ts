import { expect, test } from 'vitest';
import table from '../../../xmpp/tests/room_names.json';
import { pathOf, readPlace, roomAddress, withPlace } from './roomName';

const REFUSALS: Record<string, string> = {
  empty: 'empty',
  'too long': 'tooLong',
  apostrophe: 'apostrophe',
  tenant: 'tenant',
};

const cases = table.flatMap(({ texts, ...rest }) => texts.map((text) => ({ text, ...rest })));

test.each(cases)('$text is read as the stock app reads it: $what', (one) => {
  const expected = one.refused
    ? REFUSALS[one.refused]
    : { tenant: one.tenant ?? '', room: one.room };
  expect(readPlace(one.text)).toEqual(expected);
});

const meant = cases.flatMap(({ room, ...rest }) => (room === undefined ? [] : [{ room, ...rest }]));

test.each(meant)('$text stays itself as a link and as a parameter', ({ room, tenant = '' }) => {
  const link = new URL(pathOf({ tenant, room }), 'https://meet.example.org');
  expect(readPlace(link.href)).toEqual({ tenant, room });
  const { searchParams } = new URL(withPlace('wss://meet.example.org/', { tenant, room }));
  expect(encodeURIComponent(searchParams.get('room') ?? '').toLowerCase()).toBe(room);
  expect(searchParams.get('prefix') ?? '').toBe(tenant);
});

test('half a surrogate pair is no reason to fail', () => {
  expect(readPlace('a\ud83d')).toEqual({ tenant: '', room: 'a%ef%bf%bd' });
});

test('a tenant is a part of the rooms’ domain, or of the room where there is no such domain', () => {
  const place = { tenant: 'school', room: 'maths' };
  expect(roomAddress(place, 'muc.meet.shoal', 'meet.shoal')).toBe('maths@muc.school.meet.shoal');
  expect(roomAddress(place, 'rooms.example', 'meet.shoal')).toBe('[school]maths@rooms.example');
  expect(roomAddress({ ...place, tenant: '' }, 'muc.meet.shoal', 'meet.shoal')).toBe(
    'maths@muc.meet.shoal',
  );
});
