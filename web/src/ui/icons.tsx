import type { JSX } from 'preact';

/** Line drawings on a 24-unit grid, drawn with `currentColor`. */
const PATHS = {
  mic: 'M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3Zm-6-3a6 6 0 0 0 12 0M12 18v3m-3 0h6',
  'mic-off':
    'M9 9v3a3 3 0 0 0 4.6 2.5M15 11V6a3 3 0 0 0-5.8-1M6 12a6 6 0 0 0 9.6 4.8M18 12a6 6 0 0 1-.4 2.1M12 18v3m-3 0h6M4 4l16 16',
  camera: 'M4 7h9a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2Zm11 4 6-3v8l-6-3',
  'camera-off':
    'M8 7h5a2 2 0 0 1 2 2v5m-1.2 2.8A2 2 0 0 1 13 17H4a2 2 0 0 1-2-2V9a2 2 0 0 1 1.6-2M15 11l6-3v8l-4-2M3 3l18 18',
  screen: 'M3 5h18v11H3V5Zm6 15h6m-3-4v4m0-6V8m-3 3 3-3 3 3',
  'screen-off': 'M3 5h18v11H3V5Zm6 15h6m-3-4v4M9.5 8l5 5m0-5-5 5',
  hand: 'M8 12V5.5a1.5 1.5 0 0 1 3 0V11m0-6.5v-1a1.5 1.5 0 0 1 3 0V11m0-6a1.5 1.5 0 0 1 3 0v7m0-4.5a1.5 1.5 0 0 1 3 0V15a6 6 0 0 1-6 6h-1.5a6 6 0 0 1-4.6-2.2L4.6 14.500a1.600 1.600 0 0 1 2.400-2L8 13.500',
  chat: 'M4 5h16v11H10l-4 4v-4H4V5Z',
  people:
    'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Zm-6 9c0-3.300 2.700-6 6-6s6 2.700 6 6M16 4.500a3.500 3.500 0 0 1 0 6.300M18 14.500c1.800.900 3 3 3 5.500',
  tiles: 'M4 5h7v6H4V5Zm9 0h7v6h-7V5Zm-9 8h7v6H4v-6Zm9 0h7v6h-7v-6Z',
  speaker: 'M3 5h18v10H3V5Zm0 13h5m3 0h4m3 0h3',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  leave:
    'M3 14c5-5.300 13-5.300 18 0l-2.500 2.500-3.500-2v-2.800a13 13 0 0 0-6 0v2.800l-3.500 2L3 14Z',
  link: 'M10 14a4 4 0 0 0 6 .400l3-3a4 4 0 0 0-5.700-5.700L12 7m2 3a4 4 0 0 0-6-.400l-3 3a4 4 0 0 0 5.700 5.700L12 17',
  lock: 'M6 11h12v9H6v-9Zm2.500 0V8a3.500 3.500 0 0 1 7 0v3',
  settings:
    'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm0-12v3m0 12v3m9-9h-3M6 12H3m15.400-6.400-2.100 2.100M7.700 16.300l-2.100 2.100m12.800 0-2.100-2.100M7.700 7.700 5.600 5.600',
  keyboard: 'M3 6h18v12H3V6Zm3 4h.01M10 10h.01M14 10h.01M18 10h.01M6 14h.01M18 14h.01M9 14h6',
  fullscreen: 'M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5',
  close: 'M6 6l12 12M18 6 6 18',
  pin: 'M9 4h6l-1 6 3 3v2H7v-2l3-3-1-6Zm3 11v5',
  send: 'M4 12 20 4l-5 16-3-7-8-1Z',
  left: 'm14 6-6 6 6 6',
  right: 'm10 6 6 6-6 6',
  star: 'm12 4 2.400 5 5.600.700-4.100 3.800 1.100 5.500-5-2.800L7 19l1.100-5.500L4 9.700 9.600 9 12 4Z',
  sound: 'M4 10v4h3l5 4V6L7 10H4Zm11.500-1.500a5 5 0 0 1 0 7M18 6a8.500 8.500 0 0 1 0 12',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M3 11c5-6 13-6 18 0-5 6-13 6-18 0Zm18 0 6-4v8l-6-4Z" fill="currentColor" />
      <path
        d="M9 23c4-4.500 10-4.500 14 0-4 4.500-10 4.500-14 0Zm14 0 4-3v6l-4-3Z"
        fill="currentColor"
        opacity="0.6"
      />
    </svg>
  );
}
