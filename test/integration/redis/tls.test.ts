import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import type { RedisSessionStoreOptions } from '../../../src/redis.ts';
import { readCount } from '../../../src/store/contract/contract-kit.ts';
import { noOpenssl, selfSigned } from '../../support/self-signed.ts';
import { freePorts } from '../free-ports.ts';
import { REDIS, TestServer } from './server.ts';

const REASON = REDIS === undefined ? 'no redis-server' : noOpenssl;

describe.skipIf(REASON !== undefined)(
  `Redis over TLS${REASON === undefined ? '' : ` (skipped: ${REASON} on this machine)`}`,
  () => {
    let directory: string;
    let server: TestServer;
    let tlsPort: number;
    let ca: Buffer;

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'osl-tls-'));
      const { key, cert } = selfSigned(directory);
      ca = readFileSync(cert);
      [tlsPort] = (await freePorts(1)) as [number];
      const tls = ['--tls-port', String(tlsPort), '--tls-cert-file', cert, '--tls-key-file', key];
      const trust = ['--tls-ca-cert-file', cert, '--tls-auth-clients', 'no', '--requirepass', 'secret'];
      server = await TestServer.start([...tls, ...trust]);
    });
    afterAll(async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    const clients: Readonly<Record<string, () => RedisSessionStoreOptions['client']>> = {
      redis: () =>
        createClient({ url: `rediss://:secret@127.0.0.1:${tlsPort}`, socket: { tls: true, ca: ca.toString() } }),
      ioredis: () => new Redis(tlsPort, '127.0.0.1', { lazyConnect: true, password: 'secret', tls: { ca } }),
    };

    for (const [name, makeClient] of Object.entries(clients)) {
      it(`the options of a client of ${name} hold for the store's connections: certificate and password`, async () => {
        const store = new RedisSessionStore({ client: makeClient() });
        const cursor = store.open(name, { from: 'start' });
        const arrives = readCount(cursor, 2);
        store.append(name, 'a', 0, undefined);
        store.append(name, 'b', 0, undefined);
        expect(await arrives).toEqual(['a', 'b']);
        cursor.leave();
        await store.close();
      });
    }
  },
);
