import { expect, test } from 'vitest';
import { Handover } from './handover';

const arrivals = (entries: Record<string, number>): Map<string, number> =>
  new Map(Object.entries(entries));

test('a_source_stays_with_the_old_session_until_its_media_comes_over_the_new_one', () => {
  const handover = new Handover();
  handover.handleArrivals(arrivals({ 'a-v0': 10, 'b-v0': 20 }), arrivals({}), 0);
  handover.handleArrivals(arrivals({ 'a-v0': 11, 'b-v0': 22 }), arrivals({ 'a-v0': 0 }), 100);
  expect([handover.needsOld('a-v0'), handover.needsOld('b-v0')]).toEqual([true, true]);
  handover.handleArrivals(arrivals({ 'a-v0': 12, 'b-v0': 24 }), arrivals({ 'a-v0': 1 }), 200);
  expect([handover.needsOld('a-v0'), handover.needsOld('b-v0')]).toEqual([false, true]);
  expect(handover.isComplete).toBe(false);
  handover.handleArrivals(arrivals({ 'b-v0': 26 }), arrivals({ 'b-v0': 1 }), 300);
  expect(handover.isComplete).toBe(true);
});

test('a_source_that_is_silent_is_not_waited_for', () => {
  const handover = new Handover();
  handover.handleArrivals(arrivals({ 'a-a0': 10 }), arrivals({}), 0);
  handover.handleArrivals(arrivals({ 'a-a0': 10 }), arrivals({}), 900);
  expect(handover.needsOld('a-a0')).toBe(true);
  handover.handleArrivals(arrivals({ 'a-a0': 10 }), arrivals({}), 1000);
  expect(handover.needsOld('a-a0')).toBe(false);
  expect(handover.isComplete).toBe(true);
});

test('a_source_that_came_only_over_the_new_session_is_shown_from_it', () => {
  const handover = new Handover();
  handover.handleArrivals(arrivals({}), arrivals({ 'n-v0': 0 }), 0);
  expect(handover.needsOld('n-v0')).toBe(false);
});
