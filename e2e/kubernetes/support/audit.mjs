// What the API server was asked, from its audit log.

import { open, stat } from 'node:fs/promises';
import { local } from './environment.mjs';

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** A moment in the audit log of the local cluster, from which requests are counted. */
export class AuditMark {
    #offset;

    /** Now. */
    static async here() {
        const mark = new AuditMark();
        mark.#offset = (await stat(local.auditLog)).size;
        return mark;
    }

    /** Requests of a user since then that write, but for the lease of the leader. */
    async writesOf(user) {
        return (await this.#entries())
            .filter((entry) => entry.user.username === user && WRITES.has(entry.verb))
            .filter((entry) => entry.objectRef?.resource !== 'leases')
            .map((entry) => {
                const { resource, subresource, namespace, name } = entry.objectRef ?? {};
                const what = [resource, subresource].filter(Boolean).join('/');
                return `${entry.verb} ${what} ${namespace ?? ''}/${name ?? ''} -> ${entry.responseStatus?.code}`;
            });
    }

    async #entries() {
        // A log that was rotated meanwhile is shorter than the mark, and what was before is in another file.
        const { size } = await stat(local.auditLog);
        if (size < this.#offset) throw new Error('the audit log was rotated while the test ran: run it again');
        const file = await open(local.auditLog);
        try {
            const buffer = Buffer.alloc(size - this.#offset);
            await file.read(buffer, 0, buffer.length, this.#offset);
            const lines = buffer.toString().split('\n');
            // The last one may still be being written.
            lines.pop();
            return lines.map((line) => JSON.parse(line));
        } finally {
            await file.close();
        }
    }
}
