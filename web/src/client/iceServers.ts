import type { Element } from '@xmpp/xml';
import { NS } from './ns';

/** TURN and STUN servers of an external service discovery reply (XEP-0215). */
export function iceServersFrom(reply: Element): RTCIceServer[] {
  const services = reply.getChild('services', NS.extdisco);
  const servers: RTCIceServer[] = [];
  for (const service of services?.getChildren('service') ?? []) {
    const { type, host, port, transport, username, password } = service.attrs;
    if (!host) continue;
    const place = `${host.includes(':') ? `[${host}]` : host}${port ? `:${port}` : ''}`;
    if (type === 'stun') {
      servers.push({ urls: `stun:${place}` });
    } else if ((type === 'turn' || type === 'turns') && username && password) {
      const query = transport ? `?transport=${transport}` : '';
      servers.push({ urls: `${type}:${place}${query}`, username, credential: password });
    }
  }
  return servers;
}
