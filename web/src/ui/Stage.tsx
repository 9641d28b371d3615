import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ShownSource } from '../client/constraints';
import { Icon } from './icons';
import { tileGrid, tilesPerPage, type Size } from './layout';
import { preferences } from './preferences';
import * as state from './state';
import type { Tile } from './state';
import { t } from './strings';
import { TileView } from './TileView';
import { useSize } from './useSize';

/** Tells the bridge which pictures are on screen and how large. */
function useShown(shown: ShownSource[]): void {
  const key = JSON.stringify(shown);
  const limit = preferences.value.receiveHeight;
  const conference = state.conference.value;
  const ready = state.hasJoined.value;
  useEffect(() => {
    if (ready) conference?.setShown(JSON.parse(key) as ShownSource[], limit);
  }, [key, limit, conference, ready]);
}

function shownSource(tile: Tile, size: Size, onStage: boolean): ShownSource {
  return { name: tile.source, height: Math.min(size.width, size.height), onStage };
}

function TileStage({ tiles }: { tiles: readonly Tile[] }): JSX.Element {
  const area = useRef<HTMLDivElement>(null);
  const size = useSize(area);
  const [wantedPage, setPage] = useState(0);
  const perPage = size.width > 0 ? tilesPerPage(size) : tiles.length;
  const pages = Math.max(1, Math.ceil(tiles.length / Math.max(1, perPage)));
  const page = Math.min(wantedPage, pages - 1);
  const visible = tiles.slice(page * perPage, (page + 1) * perPage);
  const grid = tileGrid(visible.length, size);
  useShown(
    visible.filter((tile) => !tile.isLocal).map((tile) => shownSource(tile, grid.tile, false)),
  );
  return (
    <div class="stage">
      <div class="tiles" ref={area} style={{ '--columns': grid.columns }}>
        {visible.map((tile) => (
          <TileView key={tile.source} tile={tile} size={grid.tile} />
        ))}
      </div>
      {pages > 1 && (
        <nav class="pages" aria-label={t.tile.pages(page + 1, pages)}>
          <button
            type="button"
            class="plain"
            aria-label={t.tile.previous}
            disabled={page === 0}
            onClick={() => setPage(page - 1)}
          >
            <Icon name="left" />
          </button>
          <span>{t.tile.pages(page + 1, pages)}</span>
          <button
            type="button"
            class="plain"
            aria-label={t.tile.next}
            disabled={page === pages - 1}
            onClick={() => setPage(page + 1)}
          >
            <Icon name="right" />
          </button>
        </nav>
      )}
    </div>
  );
}

/** Pixels of a picture in the strip beside the stage. */
const STRIP: Size = { width: 176, height: 99 };

function SpeakerStage({ tiles }: { tiles: readonly Tile[] }): JSX.Element {
  const area = useRef<HTMLDivElement>(null);
  const size = useSize(area);
  const stage = tiles.find((tile) => tile.source === state.onStage.value);
  const others = tiles.filter((tile) => tile !== stage);
  const shown = others
    .filter((tile) => !tile.isLocal)
    .map((tile) => shownSource(tile, STRIP, false));
  if (stage && !stage.isLocal) shown.unshift(shownSource(stage, size, true));
  useShown(shown);
  return (
    <div class="stage speaker">
      <div class="large-area" ref={area}>
        {stage && <TileView key={stage.source} tile={stage} size={null} large />}
      </div>
      {others.length > 0 && (
        <div class="strip">
          {others.map((tile) => (
            <TileView key={tile.source} tile={tile} size={STRIP} />
          ))}
        </div>
      )}
    </div>
  );
}

export function Stage(): JSX.Element {
  const tiles = state.tiles.value;
  return state.layout.value === 'tiles' || tiles.length < 2 ? (
    <TileStage tiles={tiles} />
  ) : (
    <SpeakerStage tiles={tiles} />
  );
}
