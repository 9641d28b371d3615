import xml, { type Element } from '@xmpp/xml';
import { Backoff } from './backoff';
import { capsVersion } from './caps';
import { ConferenceRequestError, requestConference } from './conferenceRequest';
import type { Settings } from './config';
import type { Connection } from './connection';
import { NS } from './ns';

export interface EntranceContext {
  connection: Connection;
  settings: Settings;
  /** Bare address. */
  room: string;
  services: (services: Element) => void;
  /** The conference is open: walk in. */
  open: (way: { nick: string; focusJid: string; capsVersion: string }) => void;
  /** Whether the room has answered since. */
  isAnswered: () => boolean;
  /** It cannot be entered; only before it was entered for the first time, or when it needs a login. */
  failed: (reason: 'refused' | 'unreachable', detail: string) => void;
}

/** Milliseconds. */
const FIRST_PATIENCE = 20_000;
const AGAIN_PATIENCE = 6_000;
const FIRST_WAIT = 250;
const LONGEST_WAIT = 2_500;
/** Before focus is asked back into the room that it has left, and how long it may take to come. */
const FIRST_RECALL = 500;
const LONGEST_RECALL = 10_000;
const RECALL_PATIENCE = 6_000;
/** Refusals that do not pass by themselves. */
const FINAL_REFUSALS = new Set(['forbidden', 'registration-required', 'not-acceptable']);

/**
 * The way into the room: with each new XMPP session focus is asked for the conference, then the room
 * is entered. Whoever has been in it comes back by itself for as long as the connection is sought,
 * whichever shard answers and however empty it is.
 */
export class Entrance {
  #attempt = new AbortController();
  #recall = new AbortController();
  #wasInside = false;
  readonly #again = new Backoff(FIRST_WAIT, LONGEST_WAIT);

  constructor(private readonly context: EntranceContext) {}

  /** Asks for the conference and walks in, in the session of `jid`. */
  async enter(jid: string): Promise<void> {
    const { connection, settings, room } = this.context;
    this.stop();
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    const isOver = (): boolean => signal.aborted;
    const nick = /^[0-9a-f]{8}/.exec(jid)?.[0] ?? randomEndpointId();
    try {
      const version = await capsVersion();
      const services = await connection
        .request('get', settings.domain, xml('services', { xmlns: NS.extdisco }), 5000)
        .catch(() => null);
      if (isOver()) return;
      if (services) this.context.services(services);
      const patience = this.#wasInside ? Number.POSITIVE_INFINITY : FIRST_PATIENCE;
      const focusJid = await requestConference(connection, settings, room, signal, patience);
      if (isOver()) return;
      this.context.open({ nick, focusJid, capsVersion: version });
      const overdue = this.#wasInside ? AGAIN_PATIENCE : FIRST_PATIENCE;
      setTimeout(() => this.#overdue(signal), overdue);
    } catch (error) {
      if (isOver() || !connection.isOnline) return;
      const detail = error instanceof Error ? error.message : String(error);
      const refused =
        error instanceof ConferenceRequestError && error.condition === 'not-authorized';
      if (this.#wasInside && !refused) this.#enterAgain();
      else this.context.failed(refused ? 'refused' : 'unreachable', detail);
    }
  }

  /** The room has let us in. */
  entered(): void {
    this.#wasInside = true;
    this.#again.reset();
  }

  /** The room does not let us in. True: another attempt is made. */
  refused(condition: string): boolean {
    if (!this.#wasInside || FINAL_REFUSALS.has(condition)) return false;
    // The room is gone again, or focus has yet to open it.
    this.#enterAgain();
    return true;
  }

  stop(): void {
    this.#attempt.abort();
    this.#recall.abort();
  }

  /**
   * Focus has left the room that we are in. It, or the one that takes its place, may know nothing of
   * the conference any more, so it is asked for again until a focus is there; that one invites us.
   */
  focusLeft(): void {
    this.#recall.abort();
    this.#recall = new AbortController();
    void this.#callBack(this.#recall.signal);
  }

  focusCame(): void {
    this.#recall.abort();
  }

  async #callBack(signal: AbortSignal): Promise<void> {
    const { connection, settings, room } = this.context;
    const isOver = (): boolean => signal.aborted;
    const waits = new Backoff(FIRST_RECALL, LONGEST_RECALL);
    for (;;) {
      await sleep(waits.next());
      if (isOver()) return;
      try {
        await requestConference(connection, settings, room, signal, Number.POSITIVE_INFINITY);
        if (isOver()) return;
        await sleep(RECALL_PATIENCE);
      } catch (error) {
        if (isOver()) return;
        if (error instanceof ConferenceRequestError && error.condition === 'not-authorized') {
          this.context.failed('refused', error.message);
          return;
        }
      }
    }
  }

  /** The same session asks and walks in once more, a little later. */
  #enterAgain(): void {
    const { connection } = this.context;
    const { signal } = this.#attempt;
    setTimeout(() => {
      if (!signal.aborted && connection.isOnline) void this.enter(connection.jid);
    }, this.#again.next());
  }

  #overdue(signal: AbortSignal): void {
    if (signal.aborted || this.context.isAnswered() || !this.context.connection.isOnline) return;
    if (this.#wasInside) this.#enterAgain();
    else this.context.failed('unreachable', 'the meeting room did not answer');
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export function randomEndpointId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(4));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
