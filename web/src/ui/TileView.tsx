import type { JSX } from 'preact';
import { Icon } from './icons';
import { hueOf, initials } from './layout';
import { preferences } from './preferences';
import * as state from './state';
import type { Tile } from './state';
import { t } from './strings';
import { VideoView } from './VideoView';

function trackOf(tile: Tile): MediaStreamTrack | null {
  if (tile.isLocal) return tile.isScreen ? state.screen.value : state.camera.value;
  return state.received.value.get(tile.source)?.track ?? null;
}

function togglePin(source: string): void {
  const pinned = state.pinned.value === source;
  state.pinned.value = pinned ? null : source;
  state.layout.value = 'speaker';
}

interface Props {
  tile: Tile;
  size: { width: number; height: number } | null;
  /** Large in the speaker view. */
  large?: boolean;
}

export function TileView({ tile, size, large }: Props): JSX.Element {
  const person = tile.name || t.guest;
  const name = tile.isScreen ? t.tile.screenOf(person) : person;
  const track = trackOf(tile);
  const isDominant = !tile.isScreen && state.dominant.value === tile.participant;
  const isLost = !tile.isLocal && state.inactive.value.has(tile.participant);
  const isPinned = state.pinned.value === tile.source;
  const showsVideo = track !== null && !tile.videoOff;
  const pinLabel = isPinned ? t.tile.unpin(name) : t.tile.pin(name);
  return (
    <article
      class={`tile ${isDominant ? 'dominant' : ''} ${large ? 'large' : ''}`}
      style={{
        '--hue': hueOf(tile.participant),
        ...(size ? { width: `${size.width}px`, height: `${size.height}px` } : {}),
      }}
      aria-label={t.tile.label(name, tile.audioMuted && !tile.isScreen, tile.handRaised)}
      data-participant-id={tile.participant}
      data-source={tile.source}
      data-name={person}
      data-local={tile.isLocal}
      data-screen={tile.isScreen}
      data-dominant={isDominant}
      data-audio-muted={tile.audioMuted}
      data-video-muted={tile.videoOff}
      data-hand={tile.handRaised}
    >
      {showsVideo ? (
        <VideoView
          track={track}
          mirrored={tile.isLocal && !tile.isScreen && preferences.value.mirror}
          whole={tile.isScreen}
          label={name}
        />
      ) : (
        <div class="tile-avatar" aria-hidden="true">
          <span class="avatar">{initials(person)}</span>
        </div>
      )}
      {tile.handRaised && !tile.isScreen && (
        <span class="tile-hand" title={t.tile.hand}>
          <Icon name="hand" />
        </span>
      )}
      {isLost && <span class="tile-lost">{t.tile.lost}</span>}
      <div class="tile-label">
        {tile.audioMuted && !tile.isScreen && (
          <span class="tile-muted" title={t.tile.muted}>
            <Icon name="mic-off" />
          </span>
        )}
        <span class="tile-name">
          {name}
          {tile.isLocal && !tile.isScreen ? ` (${t.tile.you})` : ''}
        </span>
      </div>
      <button
        type="button"
        class="tile-pin"
        aria-label={pinLabel}
        aria-pressed={isPinned}
        title={pinLabel}
        onClick={() => togglePin(tile.source)}
      >
        <Icon name="pin" />
      </button>
    </article>
  );
}
