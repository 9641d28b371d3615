import { expect, test } from 'vitest';
import { linkify } from './linkify';
import { initials, stageTile, tileGrid, tilesPerPage, type TileKey } from './layout';
import { readPreferences } from './preferences';

test.each([
  [1, 1280, 700, 1, 1],
  [2, 1280, 500, 2, 1],
  [3, 1280, 700, 2, 2],
  [4, 1280, 700, 2, 2],
  [9, 1280, 700, 3, 3],
  [2, 390, 700, 1, 2],
])('%d_tiles_on_%dx%d_stand_in_%d_columns_and_%d_rows', (count, width, height, columns, rows) => {
  expect(tileGrid(count, { width, height })).toMatchObject({ columns, rows });
});

test('tiles_never_leave_the_area', () => {
  for (let count = 1; count <= 49; count += 1) {
    const { columns, rows, tile } = tileGrid(count, { width: 1003, height: 611 });
    expect(tile.width * columns + 8 * (columns - 1)).toBeLessThanOrEqual(1003);
    expect(tile.height * rows + 8 * (rows - 1)).toBeLessThanOrEqual(611);
    expect(columns * rows).toBeGreaterThanOrEqual(count);
  }
});

test('an_area_without_size_is_no_error', () => {
  expect(tileGrid(3, { width: 0, height: 0 }).tile).toEqual({ width: 0, height: 0 });
  expect(tilesPerPage({ width: 0, height: 0 })).toBe(1);
});

const tile = (participant: string, isScreen = false, isLocal = false): TileKey => ({
  source: `${participant}-${isScreen ? 'v1' : 'v0'}`,
  participant,
  isScreen,
  isLocal,
});

test('the_stage_shows_the_pinned_then_a_screen_then_the_speaker_then_who_was_there', () => {
  const all = [tile('me', false, true), tile('a'), tile('b'), tile('b', true)];
  const cameras = all.slice(0, 3);
  expect(stageTile(all, 'a-v0', 'b', null)?.source).toBe('a-v0');
  expect(stageTile(all, null, 'a', null)?.source).toBe('b-v1');
  expect(stageTile(cameras, 'gone', 'b', 'a-v0')?.source).toBe('b-v0');
  expect(stageTile(cameras, null, 'me', 'b-v0')?.source).toBe('b-v0');
  expect(stageTile(cameras, null, null, null)?.source).toBe('a-v0');
  expect(stageTile(cameras.slice(0, 1), null, null, null)?.source).toBe('me-v0');
  expect(stageTile([], null, null, null)).toBeNull();
});

test.each([
  ['Ada Lovelace', 'AL'],
  ['ada', 'A'],
  ['Jean-Luc van der Berg', 'JB'],
  ['', ''],
  ['🐟 fish', '🐟F'],
])('the_initials_of_%j_are_%j', (name, letters) => {
  expect(initials(name)).toBe(letters);
});

test('only_web_addresses_become_links_and_without_the_sentences_full_stop', () => {
  expect(linkify('see https://x.org/a?b=1. javascript:alert(1)')).toEqual([
    { text: 'see ', href: null },
    { text: 'https://x.org/a?b=1', href: 'https://x.org/a?b=1' },
    { text: '. javascript:alert(1)', href: null },
  ]);
});

test('preferences_that_were_tampered_with_fall_back', () => {
  expect(readPreferences('not json').name).toBe('');
  expect(readPreferences('{"codec":"x","name":7,"receiveHeight":"a"}')).toMatchObject({
    codec: null,
    name: '',
    receiveHeight: -1,
  });
  expect(readPreferences('{"codec":"av1","name":"Ada"}')).toMatchObject({
    codec: 'av1',
    name: 'Ada',
  });
});
