/** Pure arithmetic of the stage: which tiles, how large. */

export interface Size {
  width: number;
  height: number;
}

export interface Grid {
  columns: number;
  rows: number;
  tile: Size;
}

export const GAP = 8;
const RATIO = 16 / 9;

/**
 * The arrangement of `count` tiles that gives each the largest picture. Tiles are at most 16:9 wide
 * and at least square, so that a tall screen is filled as well.
 */
export function tileGrid(count: number, area: Size): Grid {
  let best: Grid = { columns: 1, rows: 1, tile: { width: 0, height: 0 } };
  let bestSurface = -1;
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(Math.max(1, count) / columns);
    const width = (area.width - GAP * (columns - 1)) / columns;
    const height = (area.height - GAP * (rows - 1)) / rows;
    if (width <= 0 || height <= 0) continue;
    const tile: Size = {
      width: Math.floor(Math.min(width, height * RATIO)),
      height: Math.floor(Math.min(height, width)),
    };
    const surface = tile.width * tile.height;
    if (surface > bestSurface) {
      bestSurface = surface;
      best = { columns, rows, tile };
    }
  }
  return best;
}

/** How many tiles a page of the grid holds before faces become too small to read. */
export function tilesPerPage(area: Size): number {
  const smallest = area.width < 600 ? 130 : 200;
  const columns = Math.max(1, Math.floor((area.width + GAP) / (smallest + GAP)));
  const tileHeight = area.width < 600 ? smallest : smallest / RATIO;
  const rows = Math.max(1, Math.floor((area.height + GAP) / (tileHeight + GAP)));
  return Math.max(1, Math.min(49, columns * rows));
}

/** One picture on the stage: a participant's camera, or a screen. */
export interface TileKey {
  /** Source name; stands for the tile. */
  source: string;
  participant: string;
  isScreen: boolean;
  isLocal: boolean;
}

/** Which tile the speaker view shows large. */
export function stageTile(
  tiles: readonly TileKey[],
  pinned: string | null,
  dominant: string | null,
  last: string | null,
): TileKey | null {
  const bySource = (source: string | null): TileKey | undefined =>
    tiles.find((tile) => tile.source === source);
  const remote = tiles.filter((tile) => !tile.isLocal);
  return (
    bySource(pinned) ??
    remote.findLast((tile) => tile.isScreen) ??
    remote.find((tile) => tile.participant === dominant) ??
    remote.find((tile) => tile.source === last) ??
    remote[0] ??
    tiles[0] ??
    null
  );
}

/** Two letters to stand for somebody without a picture. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters
    .map((word) => Array.from(word ?? '')[0] ?? '')
    .join('')
    .toUpperCase();
}

/** A hue of one's own, the same for everybody who sees the person. */
export function hueOf(id: string): number {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return hash;
}
