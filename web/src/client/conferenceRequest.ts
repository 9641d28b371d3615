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
const FIRST_WAIT = 300;
const LONGEST_WAIT = 2_500;
/** Between two questions whether a conference that is not ready is ready now. */
const FIRST_POLL = 2_000;
const LONGEST_POLL = 120_000;
/** A service that does not answer for this long is asked anew. */
const ANSWER_TIMEOUT = 25_000;

/** Answers that mean "not now": the service restarts, or is not there yet. */
const PASSING = new Set([
  'remote-server-timeout',
  'remote-server-not-found',
  'recipient-unavailable',
  'service-unavailable',
  'resource-constraint',
  'internal-server-error',
  'gone',
]);

async function askOverHttp(
  settings: Settings,
  url: string,
  body: object,
  cancelled: AbortSignal,
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(settings.token ? { Authorization: `Bearer ${settings.token}` } : {}),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.any([cancelled, AbortSignal.timeout(ANSWER_TIMEOUT)]),
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
    const passing = response.status >= 500 || response.status === 429;
    throw new ConferenceRequestError(
      passing ? 'service-unavailable' : 'bad-request',
      `conference request: HTTP ${response.status}`,
    );
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
 * Answers focus's address. Over HTTP where the deployment says so, else over XMPP. A service that is
 * not there for the moment is asked again for `patience` milliseconds.
 */
export async function requestConference(
  connection: Connection,
  settings: Settings,
  room: string,
  cancelled: AbortSignal,
  patience: number,
): Promise<string> {
  const machineUid = crypto.randomUUID().replaceAll('-', '');
  const url = settings.conferenceRequestUrl;
  const failures = new Backoff(FIRST_WAIT, LONGEST_WAIT);
  const polls = new Backoff(FIRST_POLL, LONGEST_POLL);
  const begin = Date.now();
  const isOver = (): boolean => cancelled.aborted;
  for (;;) {
    let wait: number;
    try {
      const body = { room, machineUid, properties: PROPERTIES };
      const answer = url
        ? await askOverHttp(settings, url, body, cancelled)
        : await askOverXmpp(connection, settings, room, machineUid);
      if (answer.ready || isOver()) return answer.focusJid;
      failures.reset();
      wait = polls.next();
    } catch (error) {
      const passes = error instanceof ConferenceRequestError && PASSING.has(error.condition);
      if (isOver() || !passes || Date.now() - begin >= patience) throw error;
      wait = failures.next();
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (isOver()) return '';
  }
}
