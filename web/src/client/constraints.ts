/** How much of a source a receiver shows. */
export interface ShownSource {
  name: string;
  /** CSS pixels of the tile, the smaller dimension. */
  height: number;
  onStage: boolean;
}

/** The message that tells the bridge what this receiver wants. */
export interface ReceiverVideoConstraints {
  colibriClass: 'ReceiverVideoConstraints';
  lastN: number;
  selectedSources: string[];
  onStageSources: string[];
  defaultConstraints: { maxHeight: number };
  constraints: Record<string, { maxHeight: number }>;
}

/** Heights that senders' layers have. */
const STEPS = [180, 360, 720, 1080, 2160];

/** The smallest step that fills a tile of `height` without looking soft: an eighth may be missing. */
function stepFor(height: number, max: number): number {
  const step = STEPS.find((candidate) => candidate * 1.125 >= height) ?? 2160;
  return max < 0 ? step : Math.min(step, max);
}

/**
 * Wishes for the sources on screen; what is not shown is not asked for. `maxHeight` is the
 * person's own limit on quality, `pixelRatio` that of the display (more than 2 brings nothing).
 */
export function receiverConstraints(
  shown: readonly ShownSource[],
  lastN: number,
  maxHeight: number,
  pixelRatio: number,
): ReceiverVideoConstraints {
  const scale = Math.min(Math.max(pixelRatio, 1), 2);
  const constraints: Record<string, { maxHeight: number }> = {};
  for (const { name, height, onStage } of shown) {
    const wanted = onStage ? Math.max(height * scale, 500) : height * scale;
    constraints[name] = { maxHeight: stepFor(wanted, maxHeight) };
  }
  return {
    colibriClass: 'ReceiverVideoConstraints',
    lastN,
    selectedSources: shown.filter((source) => !source.onStage).map((source) => source.name),
    onStageSources: shown.filter((source) => source.onStage).map((source) => source.name),
    defaultConstraints: { maxHeight: 0 },
    constraints,
  };
}
