import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from './strings';

/** How loud the microphone is, as a bar that follows the voice. */
export function MicMeter({ track }: { track: MediaStreamTrack | null }): JSX.Element {
  const bar = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!track) return undefined;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let level = 0;
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const energy = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const loud = Math.min(1, Math.max(0, (Math.log10(energy + 1e-7) + 6) / 5));
      level = Math.max(loud, level * 0.85);
      if (bar.current) bar.current.style.transform = `scaleX(${level.toFixed(3)})`;
    }, 66);
    return () => {
      clearInterval(timer);
      void context.close();
    };
  }, [track]);

  return (
    <div class="meter" role="img" aria-label={t.prejoin.level}>
      <div class="meter-bar" ref={bar} />
    </div>
  );
}
