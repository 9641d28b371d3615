import { expect, test } from 'vitest';
import { SlotTable } from './slots';
import type { RemoteSource } from './sources';

function camera(owner: string, ssrc: number): RemoteSource {
  return { name: `${owner}-v0`, owner, kind: 'video', ssrc, rtx: ssrc + 1, videoType: 'camera' };
}

test('a_source_that_moves_into_a_known_ssrc_needs_no_new_description', () => {
  const table = new SlotTable(3);
  const map = (source: string, ssrc: number): boolean =>
    table.applyMap('video', [{ source: `${source}-v0`, owner: source, ssrc, rtx: ssrc + 1 }]);
  expect(map('a', 10)).toBe(true);
  expect(map('b', 10)).toBe(false);
  expect(table.slots).toHaveLength(1);
  expect(table.bySource('a-v0')).toBeUndefined();
  expect(table.bySource('b-v0')).toMatchObject({ mid: '3', ssrc: 10, owner: 'b' });
});

test('a_source_that_changes_its_ssrc_is_in_one_slot_only', () => {
  const table = new SlotTable(4);
  table.applyMap('video', [{ source: 'a-v0', owner: 'a', ssrc: 10 }]);
  table.applyMap('video', [{ source: 'a-v0', owner: 'a', ssrc: 20 }]);
  expect(table.slots.map((slot) => slot.source)).toEqual([null, 'a-v0']);
  expect(table.slots.map((slot) => slot.mid)).toEqual(['4', '5']);
});

test('two_sources_that_change_places_each_end_in_the_right_slot', () => {
  const table = new SlotTable(3);
  table.applyMap('video', [
    { source: 'a-v0', owner: 'a', ssrc: 10 },
    { source: 'b-v0', owner: 'b', ssrc: 20 },
  ]);
  table.applyMap('video', [
    { source: 'b-v0', owner: 'b', ssrc: 10 },
    { source: 'a-v0', owner: 'a', ssrc: 20 },
  ]);
  expect(table.bySource('a-v0')?.ssrc).toBe(20);
  expect(table.bySource('b-v0')?.ssrc).toBe(10);
});

test('reads_the_video_type_in_whatever_case_the_bridge_writes_it', () => {
  const table = new SlotTable(3);
  table.applyMap('video', [
    { source: 'a-v1', owner: 'a', ssrc: 1, videoType: 'DESKTOP' },
    { source: 'a-v0', owner: 'a', ssrc: 2, videoType: 'CAMERA' },
  ]);
  expect(table.slots.map((slot) => slot.videoType)).toEqual(['desktop', 'camera']);
});

test('without_rewriting_a_line_is_used_again_after_a_removal', () => {
  const table = new SlotTable(3);
  expect(table.add([camera('a', 10)])).toBe(true);
  expect(table.add([camera('a', 10)])).toBe(false);
  expect(table.remove([camera('a', 10)])).toBe(true);
  expect(table.slots[0]).toMatchObject({ ssrc: null, source: null });
  expect(table.add([camera('b', 30)])).toBe(true);
  expect(table.slots).toHaveLength(1);
  expect(table.slots[0]).toMatchObject({ mid: '3', ssrc: 30, rtx: 31, owner: 'b' });
});

test('audio_does_not_take_a_line_of_video', () => {
  const table = new SlotTable(3);
  table.add([camera('a', 10)]);
  table.remove([camera('a', 10)]);
  table.add([{ ...camera('b', 20), kind: 'audio', name: 'b-a0' }]);
  expect(table.slots.map((slot) => slot.kind)).toEqual(['video', 'audio']);
});

test('who_leaves_frees_the_line_or_with_rewriting_only_the_name_on_it', () => {
  const signalled = new SlotTable(3);
  signalled.add([camera('a', 10)]);
  expect(signalled.removeOwner('a', false)).toBe(true);
  expect(signalled.slots[0]?.ssrc).toBeNull();
  const rewritten = new SlotTable(3);
  rewritten.applyMap('video', [{ source: 'a-v0', owner: 'a', ssrc: 10 }]);
  expect(rewritten.removeOwner('a', true)).toBe(false);
  expect(rewritten.slots[0]).toMatchObject({ ssrc: 10, source: null, owner: null });
});

test('a_bridge_that_names_sources_without_end_fills_no_memory', () => {
  const table = new SlotTable(3);
  for (let ssrc = 1; ssrc < 1000; ssrc += 1) {
    table.applyMap('video', [{ source: `s${ssrc}`, owner: 'x', ssrc }]);
  }
  expect(table.slots).toHaveLength(200);
});
