import type { Codec } from '../client/codecs';
import type { SessionStats } from '../client/stats';
import { conference } from './state';

/**
 * `window.shoal`: numbers for people who look into a problem from the browser's console.
 * Read-only; nothing in a meeting can be changed through it.
 */
export interface DebugInterface {
  stats: () => Promise<(SessionStats & { localId: string; preferredCodec: Codec | null }) | null>;
}

declare global {
  interface Window {
    shoal?: Readonly<DebugInterface>;
  }
}

export function installDebug(): void {
  window.shoal = Object.freeze({
    async stats() {
      const running = conference.value;
      const stats = await running?.stats();
      if (!running || !stats) return null;
      return { ...stats, localId: running.localId, preferredCodec: running.sendCodec };
    },
  });
}
