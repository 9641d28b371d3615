import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { preferences } from './preferences';
import { received, soundBlocked } from './state';

function Sink({
  track,
  speaker,
}: {
  track: MediaStreamTrack;
  speaker: string | null;
}): JSX.Element {
  const element = useRef<HTMLAudioElement>(null);

  useEffect(() => {
    const audio = element.current;
    if (!audio) return;
    audio.srcObject = new MediaStream([track]);
    audio.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') {
        soundBlocked.value = true;
      }
    });
  }, [track]);

  useEffect(() => {
    const audio = element.current;
    if (audio && 'setSinkId' in audio) audio.setSinkId(speaker ?? '').catch(() => undefined);
  }, [speaker]);

  return <audio ref={element} autoplay />;
}

/** Starts what the browser held back until the person did something. */
export function playAll(): void {
  soundBlocked.value = false;
  for (const audio of document.querySelectorAll('audio')) {
    audio.play().catch(() => (soundBlocked.value = true));
  }
}

/** The sound of everybody else. */
export function AudioSinks(): JSX.Element {
  const tracks = new Map<string, MediaStreamTrack>();
  for (const source of received.value.values()) {
    if (source.kind === 'audio') tracks.set(source.track.id, source.track);
  }
  return (
    <div hidden>
      {[...tracks].map(([id, track]) => (
        <Sink key={id} track={track} speaker={preferences.value.speaker} />
      ))}
    </div>
  );
}
