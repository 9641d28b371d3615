import xml, { type Element } from '@xmpp/xml';
import { NS } from './ns';

/** A chat message of ours. */
export interface OwnMessage {
  readonly id: string;
  readonly text: string;
}

/** More than anybody types during an outage. */
const MOST = 100;

export function buildChat(
  to: string,
  type: 'chat' | 'groupchat',
  { id, text }: OwnMessage,
  name: string,
): Element {
  return xml(
    'message',
    { to, type, id },
    xml('body', {}, text),
    xml('nick', { xmlns: NS.nick }, name),
  );
}

/**
 * Messages to the room that have not come back from it: when the room is lost they are said again
 * in the new one.
 */
export class Unsent {
  #waiting: OwnMessage[] = [];

  said(message: OwnMessage): void {
    this.#waiting.push(message);
    if (this.#waiting.length > MOST) this.#waiting.shift();
  }

  /** The room has shown the message with this id to everybody. */
  shown(id: string): void {
    this.#waiting = this.#waiting.filter((message) => message.id !== id);
  }

  waiting(): readonly OwnMessage[] {
    return this.#waiting;
  }
}
