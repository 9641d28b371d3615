import type { VideoType } from './presence';
import type { Kind, RemoteSource } from './sources';

/** An m-line that receives. Its track stays the same while sources come and go in it. */
export interface Slot {
  readonly mid: string;
  readonly kind: Kind;
  ssrc: number | null;
  rtx: number | null;
  source: string | null;
  owner: string | null;
  videoType: VideoType;
}

/** One entry of a bridge's VideoSourcesMap or AudioSourcesMap. */
export interface MappedSource {
  source: string;
  owner: string;
  ssrc: number;
  rtx?: number;
  videoType?: string;
}

/** More receiving m-lines than a bridge has slots, whoever asks for them. */
const MAX_SLOTS_PER_KIND = 200;

/**
 * Which source is received in which m-line. With SSRC rewriting the bridge names sources by its
 * fixed SSRCs, so a slot keeps its SSRC and changes its source; without, a slot gets the SSRC of
 * the source it carries and is free again when that is removed.
 */
export class SlotTable {
  readonly slots: Slot[] = [];

  /** `firstMid` is the number of m-lines that stand before the receiving ones. */
  constructor(private readonly firstMid: number) {}

  /** True when the remote description has to change. */
  applyMap(kind: Kind, mapped: readonly MappedSource[]): boolean {
    let changed = false;
    for (const entry of mapped) {
      const videoType = entry.videoType?.toLowerCase().startsWith('desktop') ? 'desktop' : 'camera';
      for (const other of this.slots) {
        if (other.source === entry.source && other.ssrc !== entry.ssrc) clearSource(other);
      }
      let slot = this.slots.find((candidate) => candidate.ssrc === entry.ssrc);
      if (!slot) {
        slot = this.#place(kind, entry.ssrc, entry.rtx ?? null);
        if (!slot) continue;
        changed = true;
      }
      slot.source = entry.source;
      slot.owner = entry.owner;
      slot.videoType = videoType;
    }
    return changed;
  }

  /** Sources signalled in Jingle. True when the remote description has to change. */
  add(sources: readonly RemoteSource[]): boolean {
    let changed = false;
    for (const source of sources) {
      const known = this.slots.find((slot) => slot.source === source.name);
      if (known) {
        known.videoType = source.videoType;
        if (known.ssrc === source.ssrc) continue;
        known.ssrc = source.ssrc;
        known.rtx = source.rtx;
        changed = true;
        continue;
      }
      const slot = this.#place(source.kind, source.ssrc, source.rtx);
      if (!slot) continue;
      slot.source = source.name;
      slot.owner = source.owner;
      slot.videoType = source.videoType;
      changed = true;
    }
    return changed;
  }

  /** Sources that are gone, by SSRC as Jingle names them. True when the description has to change. */
  remove(sources: readonly RemoteSource[]): boolean {
    const gone = new Set(sources.map((source) => source.ssrc));
    return this.#free((slot) => slot.ssrc !== null && gone.has(slot.ssrc));
  }

  /**
   * Somebody left. With rewriting their slots only lose their source: the bridge goes on to use
   * the SSRC for somebody else.
   */
  removeOwner(owner: string, rewriting: boolean): boolean {
    if (!rewriting) return this.#free((slot) => slot.owner === owner);
    for (const slot of this.slots) {
      if (slot.owner === owner) clearSource(slot);
    }
    return false;
  }

  bySource(name: string): Slot | undefined {
    return this.slots.find((slot) => slot.source === name);
  }

  #free(isGone: (slot: Slot) => boolean): boolean {
    let changed = false;
    for (const slot of this.slots) {
      if (!isGone(slot)) continue;
      clearSource(slot);
      slot.ssrc = null;
      slot.rtx = null;
      changed = true;
    }
    return changed;
  }

  #place(kind: Kind, ssrc: number, rtx: number | null): Slot | undefined {
    const free = this.slots.find((slot) => slot.kind === kind && slot.ssrc === null);
    if (free) {
      free.ssrc = ssrc;
      free.rtx = rtx;
      return free;
    }
    if (this.slots.filter((slot) => slot.kind === kind).length >= MAX_SLOTS_PER_KIND) {
      return undefined;
    }
    const slot: Slot = {
      mid: String(this.firstMid + this.slots.length),
      kind,
      ssrc,
      rtx,
      source: null,
      owner: null,
      videoType: 'camera',
    };
    this.slots.push(slot);
    return slot;
  }
}

function clearSource(slot: Slot): void {
  slot.source = null;
  slot.owner = null;
}
