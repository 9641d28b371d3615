import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConferenceRequestError, requestConference } from './conferenceRequest';
import { parseConfig } from './config';
import type { Connection } from './connection';

const settings = parseConfig(
  {
    domain: 'meet.shoal',
    muc: 'muc.meet.shoal',
    websocketUrl: '/ws',
    conferenceRequestUrl: '/conference-request/v1',
  },
  new URL('https://meet.example/'),
);

/** Answers of the service, one after the other; the last one stays. */
function serve(...answers: (number | 'no network' | 'not ready')[]): ReturnType<typeof vi.fn> {
  const fetch = vi.fn(() => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === 'no network') return Promise.reject(new TypeError('failed to fetch'));
    if (typeof answer === 'number' && answer !== 200) {
      return Promise.resolve(new Response('', { status: answer }));
    }
    const ready = answer === 200;
    return Promise.resolve(Response.json({ ready, focusJid: 'focus@auth.meet.shoal' }));
  });
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

function ask(patience: number, signal = new AbortController().signal): Promise<string> {
  const room = 'r@muc.meet.shoal';
  return requestConference(null as unknown as Connection, settings, room, signal, patience);
}

async function failure(patience: number): Promise<string> {
  const asked = ask(patience).then(
    () => 'answered',
    (error: unknown) => (error as ConferenceRequestError).condition,
  );
  await vi.advanceTimersByTimeAsync(120_000);
  return asked;
}

describe('the conference request', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('is_repeated_while_the_service_is_not_there', async () => {
    const fetch = serve('no network', 502, 503, 'no network', 504, 429, 200);
    const asked = ask(20_000);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await asked).toBe('focus@auth.meet.shoal');
    expect(fetch).toHaveBeenCalledTimes(7);
  });

  test('is_repeated_within_a_second_at_first', async () => {
    serve(503, 200);
    const asked = ask(20_000);
    await vi.advanceTimersByTimeAsync(300);
    expect(await asked).toBe('focus@auth.meet.shoal');
  });

  test('waits_for_a_room_that_is_not_ready', async () => {
    const fetch = serve('not ready', 'not ready', 200);
    const asked = ask(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await asked).toBe('focus@auth.meet.shoal');
    expect(fetch).toHaveBeenCalledTimes(3);
  });

  test('fails_at_once_where_asking_again_does_not_help', async () => {
    for (const [status, condition] of [
      [400, 'bad-request'],
      [403, 'not-authorized'],
      [401, 'not-authorized'],
    ] as const) {
      const fetch = serve(status);
      expect(await failure(Number.POSITIVE_INFINITY)).toBe(condition);
      expect(fetch).toHaveBeenCalledTimes(1);
    }
  });

  test('fails_after_its_patience', async () => {
    serve(503);
    expect(await failure(5_000)).toBe('service-unavailable');
  });

  test('ends_when_nobody_wants_it_any_more', async () => {
    const fetch = serve(503);
    const cancelled = new AbortController();
    const asked = ask(Number.POSITIVE_INFINITY, cancelled.signal);
    await vi.advanceTimersByTimeAsync(1000);
    cancelled.abort();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await asked).toBe('');
    const calls = fetch.mock.calls.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(fetch).toHaveBeenCalledTimes(calls);
  });
});
