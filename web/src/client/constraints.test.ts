import { expect, test } from 'vitest';
import { receiverConstraints } from './constraints';

const shown = (name: string, height: number, onStage = false) => ({ name, height, onStage });

test.each([
  [99, 1, 180],
  [190, 1, 180],
  [240, 1, 360],
  [400, 1, 360],
  [500, 1, 720],
  [190, 2, 360],
  [190, 3, 360],
])('a_tile_of_%d_pixels_at_ratio_%d_asks_for_%d', (height, ratio, maxHeight) => {
  const message = receiverConstraints([shown('a-v0', height)], -1, -1, ratio);
  expect(message.constraints).toEqual({ 'a-v0': { maxHeight } });
});

test('who_is_on_stage_comes_large_however_small_the_window', () => {
  const message = receiverConstraints([shown('a-v0', 200, true), shown('b-v0', 99)], -1, -1, 1);
  expect(message.onStageSources).toEqual(['a-v0']);
  expect(message.selectedSources).toEqual(['b-v0']);
  expect(message.constraints['a-v0']).toEqual({ maxHeight: 720 });
});

test('the_persons_own_limit_wins', () => {
  const message = receiverConstraints([shown('a-v0', 900, true)], 4, 180, 2);
  expect(message.constraints['a-v0']).toEqual({ maxHeight: 180 });
  expect(message.lastN).toBe(4);
});

test('what_is_not_on_screen_is_not_asked_for', () => {
  expect(receiverConstraints([], -1, -1, 1).defaultConstraints).toEqual({ maxHeight: 0 });
});
