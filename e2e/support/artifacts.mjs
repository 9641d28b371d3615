// Where logs and screenshots of the last run are kept.

export const ARTIFACTS = new URL('../artifacts', import.meta.url).pathname;
