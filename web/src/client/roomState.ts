import type { Element } from '@xmpp/xml';
import { NS } from './ns';
import {
  bareOf,
  parsePresence,
  resourceOf,
  type OccupantPresence,
  type SourceInfo,
} from './presence';

/** Somebody in the meeting, as presence tells. */
export interface Participant {
  id: string;
  name: string;
  isLocal: boolean;
  isModerator: boolean;
  realJid: string | null;
  sources: SourceInfo;
  raisedHandAt: number;
}

export type RemovalReason = 'kicked' | 'banned' | 'destroyed' | 'members-only' | 'lost';

export interface ChatMessage {
  id: string;
  /** What its author called it. */
  stanzaId: string;
  from: string;
  name: string;
  text: string;
  /** The other side of a private message; null for one to all. */
  privateWith: string | null;
  isLocal: boolean;
  /** Milliseconds since the epoch. */
  at: number;
}

export type RoomEvent =
  | { type: 'joined' }
  | { type: 'refused'; condition: string }
  | { type: 'participant-joined'; participant: Participant }
  | { type: 'participant-changed'; participant: Participant; previous: Participant }
  | { type: 'participant-left'; participant: Participant; kicked: boolean }
  | { type: 'removed'; reason: RemovalReason; actor: string | null; text: string | null }
  | { type: 'focus-present'; bridgeMissing: boolean }
  | { type: 'focus-left' }
  | { type: 'configuration-changed' }
  | { type: 'memory'; sealed: string }
  | { type: 'chat'; message: ChatMessage };

/** The room as seen by one occupant: presence and messages in, what happened out (XEP-0045). */
export class RoomState {
  readonly participants = new Map<string, Participant>();
  focusNick: string | null = null;
  joined = false;
  #counter = 0;
  /** The room has told what was said before, and says what is said now. */
  #isLive = false;

  constructor(
    readonly room: string,
    readonly nick: string,
    readonly focusJid: string,
    /** Ids of the messages that are known, kept from one stay in the room to the next. */
    private readonly known: Set<string> = new Set(),
  ) {}

  get focusOccupant(): string {
    return `${this.room}/${this.focusNick ?? 'focus'}`;
  }

  handlePresence(stanza: Element): RoomEvent[] {
    const from = stanza.attrs.from ?? '';
    if (bareOf(from) !== this.room) return [];
    if (stanza.attrs.type === 'error') return this.#handleError(stanza);
    const presence = parsePresence(stanza);
    if (this.#isFocus(presence)) return this.#handleFocus(presence);
    const isSelf = presence.nick === this.nick || presence.statusCodes.includes(110);
    if (!presence.available) return this.#handleLeaving(presence, isSelf);
    const participant: Participant = {
      id: presence.nick,
      name: presence.name,
      isLocal: isSelf,
      isModerator: presence.role === 'moderator' || presence.affiliation === 'owner',
      realJid: presence.realJid,
      sources: presence.sources,
      raisedHandAt: presence.raisedHandAt,
    };
    const previous = this.participants.get(participant.id);
    this.participants.set(participant.id, participant);
    if (isSelf && !this.joined) {
      this.joined = true;
      return [{ type: 'joined' }];
    }
    if (previous) return [{ type: 'participant-changed', participant, previous }];
    return isSelf ? [] : [{ type: 'participant-joined', participant }];
  }

  handleMessage(stanza: Element, now: number): RoomEvent[] {
    const from = stanza.attrs.from ?? '';
    if (bareOf(from) !== this.room || stanza.attrs.type === 'error') return [];
    const sender = resourceOf(from);
    // What the room itself says has no sender; an occupant cannot say it.
    const codes = stanza.getChild('x', NS.mucUser)?.getChildren('status') ?? [];
    if (!sender && codes.some((status) => status.attrs.code === '104')) {
      return [{ type: 'configuration-changed' }];
    }
    const memory = sender ? undefined : stanza.getChild('memory', NS.roomMemory);
    if (memory) return [{ type: 'memory', sealed: memory.text() }];
    // The room sends a message of any other type to one occupant only (XEP-0045 §7.5, RFC 6121 §5.2.2).
    const isPrivate = stanza.attrs.type !== 'groupchat';
    const text = stanza.getChildText('body');
    // The subject ends the history (XEP-0045 §7.2.15).
    if (!isPrivate && !text && stanza.getChild('subject')) this.#isLive = true;
    if (!text || !sender) return [];
    const at = isPrivate ? now : this.#saidAt(stanza, now);
    const said = stanza.attrs.id;
    if (said) {
      // The history of a room that we enter again holds what we have read already, and who was not
      // sure whether it was heard says it again.
      if (this.known.has(said)) return [];
      this.known.add(said);
    }
    this.#counter += 1;
    const message: ChatMessage = {
      id: `${stanza.attrs.id ?? 'm'}-${this.#counter}`,
      stanzaId: said ?? '',
      from: sender,
      name: this.participants.get(sender)?.name ?? stanza.getChildText('nick', NS.nick) ?? '',
      text: text.slice(0, 20_000),
      privateWith: isPrivate ? sender : null,
      isLocal: sender === this.nick,
      at,
    };
    return [{ type: 'chat', message }];
  }

  /**
   * When a message to all was said. Of the past only the room may speak, and only before it is live; its
   * own stamp follows those that came with the message.
   */
  #saidAt(stanza: Element, now: number): number {
    if (this.#isLive) return now;
    const delays = stanza.getChildren('delay', NS.delay);
    const delay = delays.filter(({ attrs }) => attrs.from === this.room).at(-1);
    const stamp = Date.parse(delay?.attrs.stamp ?? '');
    return stamp < now ? stamp : now;
  }

  #isFocus(presence: OccupantPresence): boolean {
    if (this.focusNick !== null && presence.nick === this.focusNick) return true;
    if (this.focusJid !== '' && presence.realJid !== null) {
      return presence.realJid.startsWith(`${this.focusJid}/`) || presence.realJid === this.focusJid;
    }
    return presence.nick === 'focus';
  }

  #handleFocus(presence: OccupantPresence): RoomEvent[] {
    if (!presence.available) {
      this.focusNick = null;
      return [{ type: 'focus-left' }];
    }
    this.focusNick = presence.nick;
    return [{ type: 'focus-present', bridgeMissing: presence.bridgeMissing }];
  }

  #handleError(stanza: Element): RoomEvent[] {
    if (this.joined) return [];
    const condition = stanza
      .getChild('error')
      ?.getChildElements()
      .find((child) => child.getNS() === NS.stanzaErrors);
    return [{ type: 'refused', condition: condition?.getName() ?? 'undefined-condition' }];
  }

  #handleLeaving(presence: OccupantPresence, isSelf: boolean): RoomEvent[] {
    const codes = presence.statusCodes;
    if (isSelf) {
      if (!this.joined) return [];
      this.joined = false;
      const reason: RemovalReason = presence.destroyed
        ? 'destroyed'
        : codes.includes(307) && !codes.includes(333)
          ? 'kicked'
          : codes.includes(301)
            ? 'banned'
            : codes.includes(322)
              ? 'members-only'
              : 'lost';
      return [{ type: 'removed', reason, actor: presence.actor, text: presence.reason }];
    }
    const participant = this.participants.get(presence.nick);
    if (!participant) return [];
    this.participants.delete(presence.nick);
    return [{ type: 'participant-left', participant, kicked: codes.includes(307) }];
  }
}
