import { CODECS, type Codec } from './codecs';

/** What the page needs to know about its deployment; `config.json` of the web server. */
export interface Settings {
  readonly domain: string;
  readonly muc: string;
  readonly focus: string;
  /** Absolute `ws:` or `wss:` address. */
  readonly websocketUrl: string;
  /** Absolute address, or null when the request goes over XMPP. */
  readonly conferenceRequestUrl: string | null;
  readonly keepAliveUrl: string | null;
  readonly codecs: readonly Codec[];
  /** Height in pixels that the camera is opened with. */
  readonly resolution: number;
  /** -1 is "all". */
  readonly lastN: number;
  readonly token: string | null;
}

export class ConfigError extends Error {}

function text(source: Record<string, unknown>, key: string): string {
  const value = source[key];
  if (typeof value !== 'string' || value === '') {
    throw new ConfigError(`config.json: "${key}" must be a non-empty text`);
  }
  return value;
}

function optionalText(source: Record<string, unknown>, key: string): string | null {
  return source[key] === undefined || source[key] === null ? null : text(source, key);
}

function integer(source: Record<string, unknown>, key: string, otherwise: number): number {
  const value = source[key];
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new ConfigError(`config.json: "${key}" must be a whole number`);
  }
  return value;
}

/**
 * Reads `config.json`; addresses in it may be relative to `page`. The query parameters `codec`
 * (preferred codec) and `jwt` (token) of the page's own address win over the file.
 */
export function parseConfig(json: unknown, page: URL): Settings {
  if (typeof json !== 'object' || json === null) {
    throw new ConfigError('config.json must be a JSON object');
  }
  const source = json as Record<string, unknown>;
  const domain = text(source, 'domain');
  const websocket = new URL(text(source, 'websocketUrl'), page);
  websocket.protocol = /^(https|wss):$/.test(websocket.protocol) ? 'wss:' : 'ws:';
  const address = (key: string): string | null => {
    const value = optionalText(source, key);
    return value === null ? null : new URL(value, page).href;
  };
  const listed = Array.isArray(source.codecs)
    ? CODECS.filter((codec) => (source.codecs as unknown[]).includes(codec))
    : [];
  listed.sort(
    (a, b) => (source.codecs as unknown[]).indexOf(a) - (source.codecs as unknown[]).indexOf(b),
  );
  const codecs = listed.length > 0 ? listed : [...CODECS];
  const wished = page.searchParams.get('codec')?.toLowerCase();
  const first = CODECS.find((codec) => codec === wished);
  return {
    domain,
    muc: text(source, 'muc'),
    focus: optionalText(source, 'focus') ?? `focus.${domain}`,
    websocketUrl: websocket.href,
    conferenceRequestUrl: address('conferenceRequestUrl'),
    keepAliveUrl: address('keepAliveUrl'),
    codecs: first ? [first, ...codecs.filter((codec) => codec !== first)] : codecs,
    resolution: integer(source, 'resolution', 720),
    lastN: integer(source, 'lastN', -1),
    token: page.searchParams.get('jwt') ?? optionalText(source, 'token'),
  };
}
