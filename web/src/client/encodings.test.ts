import { expect, test } from 'vitest';
import { cameraEncodings, screenEncodings } from './encodings';

test.each([
  [-1, [true, true, true]],
  [720, [true, true, true]],
  [360, [true, true, false]],
  [180, [true, false, false]],
  [90, [true, false, false]],
  [0, [false, false, false]],
])('simulcast_of_720_with_a_wish_of_%d_sends_the_layers_%j', (wish, active) => {
  const encodings = cameraEncodings('vp8', 720, wish, 3);
  expect(encodings.map((encoding) => encoding.active)).toEqual(active);
});

test('simulcast_layers_are_a_quarter_a_half_and_the_whole', () => {
  const encodings = cameraEncodings('h264', 720, -1, 3);
  expect(encodings.map((encoding) => encoding.scaleResolutionDownBy)).toEqual([4, 2, 1]);
  expect(encodings.every((encoding) => encoding.scalabilityMode === undefined)).toBe(true);
});

test.each([
  [-1, 1, 'L3T3_KEY'],
  [720, 1, 'L3T3_KEY'],
  [360, 2, 'L2T3_KEY'],
  [180, 4, 'L1T3'],
  [1, 4, 'L1T3'],
])('scalable_codecs_with_a_wish_of_%d_scale_by_%d_in_mode_%s', (wish, scale, mode) => {
  for (const codec of ['vp9', 'av1'] as const) {
    const [first, ...rest] = cameraEncodings(codec, 720, wish, 3);
    expect(first).toMatchObject({
      active: true,
      scaleResolutionDownBy: scale,
      scalabilityMode: mode,
    });
    expect(rest.every((encoding) => !encoding.active)).toBe(true);
  }
});

test('a_screen_that_nobody_looks_at_is_not_sent', () => {
  expect(screenEncodings(0, 1)[0]?.active).toBe(false);
  expect(screenEncodings(-1, 1)[0]?.active).toBe(true);
});
