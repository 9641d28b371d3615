/** The server's end of a WebSocket, in a script. */
export class ServerSocket extends EventTarget {
  static all: ServerSocket[] = [];
  static resumes = true;
  /** What a test answers beyond the login; by default nothing. */
  static onStanza: (text: string, socket: ServerSocket) => void = () => undefined;
  static jid = (login: number): string => `user${login}@meet.shoal/r`;
  received: string[] = [];
  readyState = 0;
  #opens = 0;
  constructor(readonly url: string) {
    super();
    ServerSocket.all.push(this);
    setTimeout(() => {
      this.readyState = 1;
      this.dispatchEvent(new Event('open'));
    }, 1);
  }
  send(text: string): void {
    this.received.push(text);
    setTimeout(() => this.#answer(text), 1);
  }
  close(): void {
    this.cut();
  }
  cut(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { wasClean: false }));
  }
  say(text: string): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: text }));
  }

  #answer(text: string): void {
    if (this.readyState !== 1) return;
    if (text.startsWith('<open')) {
      this.#opens += 1;
      const features =
        this.#opens === 1
          ? "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>"
          : "<sm xmlns='urn:xmpp:sm:3'/><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
      this.say(
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' from='meet.shoal'/>",
      );
      this.say(
        `<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>${features}</stream:features>`,
      );
    } else if (text.startsWith('<auth')) {
      this.say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    } else if (text.includes('xmpp-bind')) {
      const id = /id="([^"]+)"/.exec(text)?.[1] ?? '';
      const user = ServerSocket.all.length;
      this.say(
        `<iq xmlns='jabber:client' type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${ServerSocket.jid(user)}</jid></bind></iq>`,
      );
    } else if (text.startsWith('<enable')) {
      this.say("<enabled xmlns='urn:xmpp:sm:3' id='SM1' resume='true' max='60'/>");
    } else if (text.startsWith('<resume')) {
      this.say(
        ServerSocket.resumes
          ? "<resumed xmlns='urn:xmpp:sm:3' previd='SM1' h='0'/>"
          : "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
      );
    } else {
      ServerSocket.onStanza(text, this);
    }
  }
}
