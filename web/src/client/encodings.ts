import { isScalable, type Codec } from './codecs';

/** What the encodings of a camera's sender shall be. */
export interface Encoding {
  active: boolean;
  scaleResolutionDownBy?: number;
  maxBitrate?: number;
  scalabilityMode?: string;
}

/** Bits per second by the smaller dimension of the picture. */
const CEILINGS: readonly (readonly [number, number])[] = [
  [180, 200_000],
  [360, 600_000],
  [540, 1_000_000],
  [720, 1_800_000],
  [1080, 3_500_000],
];

function ceiling(height: number): number {
  return CEILINGS.find(([upTo]) => height <= upTo)?.[1] ?? 6_000_000;
}

const SCALABILITY = ['L1T3', 'L2T3_KEY', 'L3T3_KEY'] as const;

/**
 * Encodings for a camera of which receivers together want at most `maxHeight` (smaller dimension
 * in pixels; 0 is nothing, negative is no limit), captured at `height`. `count` is the number of
 * encodings that the sender has.
 */
export function cameraEncodings(
  codec: Codec,
  height: number,
  maxHeight: number,
  count: number,
): Encoding[] {
  const wanted = maxHeight < 0 ? Infinity : maxHeight;
  const off: Encoding = { active: false };
  if (wanted === 0) return Array.from({ length: count }, () => off);
  if (isScalable(codec)) {
    const scale = Math.max(1, Math.min(4, 2 ** Math.floor(Math.log2(height / wanted) || 0)));
    const layers = Math.max(0, 2 - Math.log2(scale));
    const first: Encoding = {
      active: true,
      scaleResolutionDownBy: Number.isFinite(wanted) ? scale : 1,
      scalabilityMode: SCALABILITY[Number.isFinite(wanted) ? layers : 2] ?? 'L3T3_KEY',
      maxBitrate: ceiling(Number.isFinite(wanted) ? height / scale : height),
    };
    return Array.from({ length: count }, (_, index) => (index === 0 ? first : off));
  }
  return Array.from({ length: count }, (_, index) => {
    const scale = 2 ** (count - 1 - index);
    const layerHeight = height / scale;
    return {
      active: index === 0 || layerHeight <= wanted,
      scaleResolutionDownBy: scale,
      maxBitrate: ceiling(layerHeight),
    };
  });
}

/** A shared screen goes out as one stream, or not at all. */
export function screenEncodings(maxHeight: number, count: number): Encoding[] {
  return Array.from({ length: count }, (_, index) => ({
    active: index === 0 && maxHeight !== 0,
    scaleResolutionDownBy: 1,
    maxBitrate: 2_500_000,
  }));
}
