import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  track: MediaStreamTrack | null;
  mirrored?: boolean;
  /** Show all of the picture rather than fill the tile. */
  whole?: boolean;
  label: string;
}

/**
 * A picture that stays on screen until its successor has a frame, so that a change of track (a
 * move to another bridge, another camera) does not flash.
 */
export function VideoView({ track, mirrored, whole, label }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const parent = box.current;
    if (!parent) return undefined;
    if (!track) {
      parent.replaceChildren();
      return undefined;
    }
    const video = document.createElement('video');
    video.autoplay = true;
    video.muted = true;
    video.playsInline = true;
    video.disablePictureInPicture = true;
    video.srcObject = new MediaStream([track]);
    const settle = (): void => {
      for (const other of [...parent.children]) if (other !== video) other.remove();
      video.classList.add('shown');
    };
    video.addEventListener('loadeddata', settle, { once: true });
    parent.append(video);
    video.play().catch(() => undefined);
    return () => {
      video.removeEventListener('loadeddata', settle);
      // What never showed anything is in the way of its successor.
      if (!video.classList.contains('shown')) video.remove();
    };
  }, [track]);

  const classes = ['video', mirrored ? 'mirrored' : '', whole ? 'whole' : ''];
  return <div ref={box} class={classes.filter(Boolean).join(' ')} role="img" aria-label={label} />;
}
