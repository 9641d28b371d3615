import { client, xml, type XmppClient } from '@xmpp/client';
import type { Element } from '@xmpp/xml';
import { Backoff } from './backoff';
import { Emitter } from './emitter';
import { NS } from './ns';

export interface ConnectionOptions {
  domain: string;
  websocketUrl: string;
  keepAliveUrl: string | null;
  token: string | null;
}

interface ConnectionEvents {
  /** A new session: nothing of an earlier one is left on the server. */
  online: { jid: string };
  /** The earlier session goes on; nothing was missed. */
  resumed: undefined;
  /** The socket is lost; attempts to come back are under way. */
  interrupted: undefined;
  /** Given up, or refused by the server. The connection is of no more use. */
  failed: { reason: string };
  presence: Element;
  message: Element;
}

/** Milliseconds. */
const PING_AFTER_SILENCE = 10_000;
const PING_TIMEOUT = 5_000;
const PINGS_LOST_ALLOWED = 2;
const ATTEMPT_TIMEOUT = 10_000;
/** How long the first connection is sought: a server that restarts is back by then. */
const FIRST_CONNECT_PATIENCE = 30_000;
/** How long a lost connection is sought before the person is told that the meeting is out of reach. */
const GIVE_UP_AFTER = 15 * 60_000;
/** Waits between attempts: short at first, for a server that restarts or another one that takes over. */
const FIRST_WAIT = 250;
const LONGEST_WAIT = 2_500;

/**
 * One XMPP stream over WebSocket (RFC 7395) that comes back by itself after a loss, resuming by
 * XEP-0198 where the server allows. Stanzas given while the socket is away are sent afterwards.
 */
export class Connection extends Emitter<ConnectionEvents> {
  readonly #xmpp: XmppClient;
  readonly #backoff = new Backoff(FIRST_WAIT, LONGEST_WAIT);
  #outbox: Element[] = [];
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #attemptTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #state: 'idle' | 'connecting' | 'online' | 'interrupted' | 'stopped' = 'idle';
  #lostAt = 0;
  #lastHeard = 0;
  #pingsLost = 0;
  #pinging = false;
  #lastError = '';

  constructor(private readonly options: ConnectionOptions) {
    super();
    this.#xmpp = client({ service: this.#serviceUrl(''), domain: options.domain });
    const xmpp = this.#xmpp;
    xmpp.reconnect.stop();
    // Silence is watched by pings, which close a dead socket sooner and without ending the stream.
    xmpp.streamManagement.timeout = 0;
    xmpp.timeout = 8000;
    xmpp.on('error', (error) => {
      this.#lastError = error.message;
    });
    xmpp.on('online', (jid) => this.#online(jid.toString()));
    xmpp.streamManagement.on('resumed', () => this.#resumed());
    xmpp.on('disconnect', () => this.#disconnected());
    xmpp.on('element', (element) => {
      this.#lastHeard = Date.now();
      if (element.is('presence')) this.emit('presence', element);
      else if (element.is('message')) this.emit('message', element);
      else if (element.is('failure')) this.#refused(element);
    });
    if (typeof window !== 'undefined') window.addEventListener('online', this.#retryNow);
  }

  get jid(): string {
    return this.#xmpp.jid?.toString() ?? '';
  }

  get isOnline(): boolean {
    return this.#state === 'online';
  }

  /** Handles IQs of one kind; return an element, `true` for an empty result, or nothing to refuse. */
  handleIq(
    type: 'get' | 'set',
    xmlns: string,
    name: string,
    handler: (payload: Element, from: string) => Element | true | undefined,
  ): void {
    this.#xmpp.iqCallee[type](xmlns, name, (context) =>
      handler(context.element, context.stanza.attrs.from ?? ''),
    );
  }

  connect(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'connecting';
    this.#lostAt = Date.now();
    void this.#attempt();
    this.#every(2000, () => this.#watch());
    this.#scheduleKeepAlive(5000);
  }

  send(stanza: Element): void {
    if (this.#state === 'online') {
      this.#xmpp.send(stanza).catch(() => this.#outbox.push(stanza));
    } else if (this.#state !== 'stopped' && this.#outbox.length < 500) {
      this.#outbox.push(stanza);
    }
  }

  /** Sends an IQ and waits for its result. Rejects with the stanza error, or after `timeout` ms. */
  async request(
    type: 'get' | 'set',
    to: string,
    payload: Element,
    timeout = 15_000,
  ): Promise<Element> {
    return this.#xmpp.iqCaller.request(xml('iq', { type, to }, payload), timeout);
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const wasOnline = this.#state === 'online';
    this.#state = 'stopped';
    if (typeof window !== 'undefined') window.removeEventListener('online', this.#retryNow);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#attemptTimer);
    for (const timer of this.#timers) clearTimeout(timer);
    if (wasOnline) await this.#xmpp.stop().catch(() => undefined);
    else this.#dropSocket();
  }

  #serviceUrl(previd: string): string {
    const url = new URL(this.options.websocketUrl);
    if (this.options.token) url.searchParams.set('token', this.options.token);
    if (previd) url.searchParams.set('previd', previd);
    return url.href;
  }

  async #attempt(): Promise<void> {
    const xmpp = this.#xmpp;
    // Procedures of an attempt that died half way must not answer for this one.
    xmpp.removeAllListeners('nonza');
    clearTimeout(this.#attemptTimer);
    this.#attemptTimer = setTimeout(() => this.#dropSocket(), ATTEMPT_TIMEOUT);
    try {
      await xmpp.connect(this.#serviceUrl(xmpp.streamManagement.id));
      await xmpp.open({ domain: this.options.domain });
    } catch (error) {
      this.#lastError = error instanceof Error ? error.message : String(error);
      this.#dropSocket();
    }
  }

  /** Closes the socket without `<close/>`, so that the server keeps the session for a resume. */
  #dropSocket(): void {
    const socket = this.#xmpp.socket;
    if (!socket) return;
    try {
      socket.end();
    } catch {
      // It had no connection yet.
    }
    socket.emit('close', true, 'dropped');
  }

  #online(jid: string): void {
    this.#settled();
    // What waited for the earlier session means nothing in this one.
    this.#outbox = [];
    this.emit('online', { jid });
  }

  #resumed(): void {
    this.#settled();
    const waiting = this.#outbox;
    this.#outbox = [];
    for (const stanza of waiting) this.send(stanza);
    void this.#keepAlive();
    this.emit('resumed', undefined);
  }

  #settled(): void {
    clearTimeout(this.#attemptTimer);
    this.#state = 'online';
    this.#backoff.reset();
    this.#pingsLost = 0;
    this.#lastHeard = Date.now();
  }

  #disconnected(): void {
    clearTimeout(this.#attemptTimer);
    if (this.#state === 'stopped') return;
    if (this.#state === 'online') {
      this.#state = 'interrupted';
      this.#lostAt = Date.now();
      this.emit('interrupted', undefined);
    }
    const patience = this.#state === 'connecting' ? FIRST_CONNECT_PATIENCE : GIVE_UP_AFTER;
    if (Date.now() - this.#lostAt > patience) {
      this.#fail(this.#lastError || 'connection lost');
      return;
    }
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#attempt(), this.#backoff.next());
  }

  #retryNow = (): void => {
    if (this.#state !== 'interrupted' || this.#xmpp.socket) return;
    clearTimeout(this.#retryTimer);
    void this.#attempt();
  };

  #refused(element: Element): void {
    const text = element.getChildText('text');
    const condition = element.getChildElements()[0]?.getName() ?? 'not-authorized';
    this.#fail(text ?? condition);
  }

  #fail(reason: string): void {
    this.emit('failed', { reason });
    void this.stop();
  }

  #watch(): void {
    if (this.#state !== 'online' || this.#pinging) return;
    if (Date.now() - this.#lastHeard < PING_AFTER_SILENCE) return;
    this.#pinging = true;
    this.request('get', this.options.domain, xml('ping', { xmlns: NS.ping }), PING_TIMEOUT)
      .then(
        () => (this.#pingsLost = 0),
        (error: unknown) => {
          // An error reply is a sign of life as good as a result.
          if (!(error instanceof Error) || error.name !== 'TimeoutError') return;
          this.#pingsLost += 1;
          if (this.#pingsLost >= PINGS_LOST_ALLOWED) this.#dropSocket();
        },
      )
      .finally(() => (this.#pinging = false));
  }

  #scheduleKeepAlive(delay: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#keepAlive();
      this.#scheduleKeepAlive(60_000 + Math.random() * 60_000);
    }, delay);
    this.#timers.add(timer);
  }

  /** Keeps the way through the front door (and its cookie) fresh. */
  async #keepAlive(): Promise<void> {
    if (!this.options.keepAliveUrl || this.#state === 'stopped') return;
    await fetch(this.options.keepAliveUrl, { cache: 'no-store' }).catch(() => undefined);
  }

  #every(period: number, action: () => void): void {
    const timer = setInterval(action, period);
    this.#timers.add(timer);
  }
}
