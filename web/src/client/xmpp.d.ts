// The parts of xmpp.js that this client uses; the library ships no types of its own.

declare module '@xmpp/xml' {
  export type Child = Element | string | number | null | undefined | false | Child[];
  export class Element {
    constructor(name: string, attrs?: Record<string, unknown>);
    name: string;
    attrs: Record<string, string | undefined>;
    children: (Element | string)[];
    parent: Element | null;
    is(name: string, xmlns?: string): boolean;
    getName(): string;
    getNS(): string | undefined;
    getChild(name: string, xmlns?: string): Element | undefined;
    getChildren(name: string, xmlns?: string): Element[];
    getChildText(name: string, xmlns?: string): string | null;
    getChildElements(): Element[];
    text(): string;
    append(...children: Child[]): this;
    toString(): string;
  }
  export default function xml(
    name: string,
    attrs?: Record<string, string | number | undefined | null>,
    ...children: Child[]
  ): Element;
}

declare module '@xmpp/client' {
  import xml, { type Element } from '@xmpp/xml';
  export interface Jid {
    local: string;
    domain: string;
    resource: string;
    bare(): Jid;
    toString(): string;
  }
  export interface IqContext {
    stanza: Element;
    element: Element;
    from: Jid | null;
  }
  type IqHandler = (
    context: IqContext,
  ) => Element | true | undefined | Promise<Element | true | undefined>;
  export interface XmppClient {
    status: string;
    jid: Jid | null;
    options: { service: string; domain: string; lang?: string };
    socket: {
      socket: WebSocket | null;
      end(): void;
      emit(event: string, ...args: unknown[]): void;
    } | null;
    timeout: number;
    on(event: 'online', listener: (jid: Jid) => void): void;
    on(event: 'stanza' | 'element', listener: (element: Element) => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
    on(event: 'disconnect' | 'offline', listener: () => void): void;
    removeAllListeners(event: string): void;
    connect(service: string): Promise<void>;
    open(options: { domain: string; lang?: string }): Promise<unknown>;
    stop(): Promise<unknown>;
    send(element: Element): Promise<void>;
    iqCaller: { request(stanza: Element, timeout?: number): Promise<Element> };
    iqCallee: {
      get(xmlns: string, name: string, handler: IqHandler): void;
      set(xmlns: string, name: string, handler: IqHandler): void;
    };
    reconnect: { stop(): void };
    streamManagement: {
      id: string;
      max: string | null;
      enabled: boolean;
      timeout: number;
      on(event: 'resumed', listener: () => void): void;
      on(event: 'fail', listener: (stanza: Element) => void): void;
    };
  }
  export function client(options: { service: string; domain: string }): XmppClient;
  export { xml };
}

declare module '@xmpp/websocket/lib/FramedParser.js' {
  import type { Element } from '@xmpp/xml';
  export default class FramedParser {
    on(event: 'element' | 'start' | 'end', listener: (element: Element) => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
    write(text: string): void;
  }
}
