import type { Element } from '@xmpp/xml';
import Parser from '@xmpp/websocket/lib/FramedParser.js';

/** One element out of its text, as it would arrive in a WebSocket frame. */
export function parseXml(text: string): Element {
  const parser = new Parser();
  let result: Element | undefined;
  parser.on('element', (element) => (result = element));
  parser.write(text);
  if (!result) throw new Error(`not one XML element: ${text.slice(0, 80)}`);
  return result;
}
