import xml from '@xmpp/xml';
import { Backoff } from './backoff';
import type { Settings } from './config';
import type { Connection } from './connection';
import { NS } from './ns';

export class ConferenceRequestError extends Error {
  constructor(
    /** `not-authorized` asks for a login; the rest is told as it is. */
    readonly condition: string,
    detail: string,
  ) {
    super(detail);
  }
}

interface Answer {
  ready: boolean;
  focusJid: string;
}

const PROPERTIES = { 'visitors-version': '1', rtcstatsEnabled: 'false' };

/** Milliseconds. */
const MAX_WAIT = 120_000;

async function askOverHttp(settings: Settings, url: string, body: object): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(settings.token ? { Authorization: `Bearer ${settings.token}` } : {}),
      },
      body: JSON.stringify(body),
    });
  } catch {
    throw new ConferenceRequestError(
      'remote-server-timeout',
      'no answer to the conference request',
    );
  }
  if (response.status === 403 || response.status === 401) {
    throw new ConferenceRequestError('not-authorized', 'this meeting needs a login');
  }
  if (!response.ok) {
    throw new ConferenceRequestError('bad-request', `conference request: HTTP ${response.status}`);
  }
  const answer = (await response.json()) as { ready?: unknown; focusJid?: unknown };
  return {
    ready: answer.ready === true || answer.ready === 'true',
    focusJid: typeof answer.focusJid === 'string' ? answer.focusJid : '',
  };
}

async function askOverXmpp(
  connection: Connection,
  settings: Settings,
  room: string,
  machineUid: string,
): Promise<Answer> {
  const request = xml(
    'conference',
    { xmlns: NS.focus, room, 'machine-uid': machineUid, token: settings.token },
    ...Object.entries(PROPERTIES).map(([name, value]) => xml('property', { name, value })),
  );
  try {
    const reply = await connection.request('set', settings.focus, request);
    const conference = reply.getChild('conference', NS.focus);
    return {
      ready: conference?.attrs.ready === 'true',
      focusJid: conference?.attrs.focusjid ?? '',
    };
  } catch (error) {
    const condition = (error as { condition?: string }).condition ?? 'remote-server-timeout';
    throw new ConferenceRequestError(condition, `the meeting service refused: ${condition}`);
  }
}

/**
 * Asks focus to open the conference in `room` (a bare address) and waits until it is ready.
 * Answers focus's address. Over HTTP where the deployment says so, else over XMPP.
 */
export async function requestConference(
  connection: Connection,
  settings: Settings,
  room: string,
  cancelled: AbortSignal,
): Promise<string> {
  const machineUid = crypto.randomUUID().replaceAll('-', '');
  const backoff = new Backoff(2000, MAX_WAIT);
  for (;;) {
    const answer = settings.conferenceRequestUrl
      ? await askOverHttp(settings, withRoom(settings.conferenceRequestUrl, room), {
          room,
          machineUid,
          properties: PROPERTIES,
        })
      : await askOverXmpp(connection, settings, room, machineUid);
    if (answer.ready || cancelled.aborted) return answer.focusJid;
    await new Promise((resolve) => setTimeout(resolve, backoff.next()));
  }
}

function withRoom(address: string, room: string): string {
  const url = new URL(address);
  url.searchParams.set('room', room.split('@')[0] ?? room);
  return url.href;
}
