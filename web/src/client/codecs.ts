/** Video codecs that the whole path knows, by their name in presence (`jitsi_participant_codecList`). */
export const CODECS = ['vp8', 'vp9', 'h264', 'av1'] as const;

export type Codec = (typeof CODECS)[number];

export function codecFromName(name: string | undefined): Codec | undefined {
  const lower = name?.toLowerCase();
  return CODECS.find((codec) => codec === lower);
}

/** Codecs whose layers travel inside one stream rather than as simulcast. */
export function isScalable(codec: Codec): boolean {
  return codec === 'vp9' || codec === 'av1';
}
