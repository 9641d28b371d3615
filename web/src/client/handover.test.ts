import { expect, test } from 'vitest';
import { Handover } from './handover';

const arrivals = (entries: Record<string, number>): Map<string, number> =>
  new Map(Object.entries(entries));

test('a_source_stays_with_the_old_session_until_its_media_comes_over_the_new_one', () => {
  const handover = new Handover();
  handover.handleArrivals(arrivals({ 'a-v0': 10, 'b-v0': 20 }), arrivals({}), 0);
  handover.handleArrivals(arrivals({ 'a-v0': 11, 'b-v0': 22 }), arrivals({ 'a-v0': 0 }), 100);
  expect([handover.needsOld('a-v0'), handover.needsOld('b-v0')]).toEqual([true, true]);
  for (const look of [1, 2, 3]) {
    expect(handover.needsOld('a-v0')).toBe(true);
    const old = arrivals({ 'a-v0': 11 + look, 'b-v0': 22 + look });
    handover.handleArrivals(old, arrivals({ 'a-v0': look }), 100 + look * 100);
  }
  expect([handover.needsOld('a-v0'), handover.needsOld('b-v0')]).toEqual([false, true]);
  expect(handover.isComplete).toBe(false);
  for (const look of [1, 2, 3]) {
    const old = arrivals({ 'b-v0': 25 + look });
    handover.handleArrivals(old, arrivals({ 'b-v0': look }), 400 + look * 100);
  }
  expect(handover.isComplete).toBe(true);
});

test('a_first_frame_that_comes_alone_is_not_enough', () => {
  const handover = new Handover();
  for (const look of [1, 2, 3, 4, 5]) {
    handover.handleArrivals(arrivals({ 'a-v0': look }), arrivals({ 'a-v0': 1 }), look * 100);
  }
  expect(handover.needsOld('a-v0')).toBe(true);
});

test('the_first_frame_is_enough_where_the_old_session_brings_nothing', () => {
  const handover = new Handover();
  handover.handleArrivals(arrivals({ 'a-v0': 10 }), arrivals({}), 0);
  handover.handleArrivals(arrivals({ 'a-v0': 10 }), arrivals({}), 300);
  expect(handover.needsOld('a-v0')).toBe(true);
  handover.handleArrivals(arrivals({ 'a-v0': 10 }), arrivals({ 'a-v0': 1 }), 400);
  expect(handover.needsOld('a-v0')).toBe(false);
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
