import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Cluster, Command, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis';
import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis-5';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import { readAll, readCount, readFrom } from '../../../src/store/contract/contract-kit.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { until } from '../../support/until.ts';
import type { Client } from './clients.ts';
import { REDIS, startCluster, TestServer, WITHOUT_SERVER } from './server.ts';

const run = promisify(execFile);

type Options = Readonly<Record<string, unknown>>;
type MakeWith = (port: number, options: Options) => Client;

/** Longer than each time-out below, shorter than the store's own. */
const PAUSE_MILLIS = 150;
const AWAY: AbortSignal = AbortSignal.abort(new Error('of the application'));
const fail = (): never => {
  throw new Error('of the application');
};

/** Options of both majors of node-redis that change replies, connections or commands; in each the store works. */
const NODE_REDIS: Readonly<Record<string, Options>> = {
  'RESP 2': { RESP: 2 },
  'RESP 3': { RESP: 3 },
  clientSideCache: { RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } },
  emitInvalidate: { RESP: 3, emitInvalidate: true },
  'typeMapping of texts': { commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } },
  'typeMapping of all': {
    RESP: 3,
    commandOptions: {
      typeMapping: {
        [RESP_TYPES.BLOB_STRING]: Buffer,
        [RESP_TYPES.SIMPLE_STRING]: Buffer,
        [RESP_TYPES.NUMBER]: String,
        [RESP_TYPES.ARRAY]: Set,
      },
    },
  },
  'commandOptions.asap': { commandOptions: { asap: true } },
  'commandOptions.timeout': { commandOptions: { timeout: 20 } },
  'commandOptions.abortSignal': { commandOptions: { abortSignal: AWAY } },
  disableOfflineQueue: { disableOfflineQueue: true },
  commandsQueueMaxLength: { commandsQueueMaxLength: 1 },
  readonly: { readonly: true },
  pingInterval: { pingInterval: 10 },
  name: { name: 'app' },
  database: { database: 3 },
  keyPrefix: { keyPrefix: 'app:' },
  disableClientInfo: { disableClientInfo: true },
  clientInfoTag: { clientInfoTag: 'tag' },
  maintNotifications: {
    RESP: 3,
    maintNotifications: 'auto',
    maintEndpointType: 'none',
    maintRelaxedCommandTimeout: 10,
  },
  'socket.socketTimeout': { socket: { socketTimeout: 30 } },
  'socket.connectTimeout': { socket: { connectTimeout: 1 } },
  'socket.reconnectStrategy': { socket: { reconnectStrategy: fail } },
  'socket.keepAlive and noDelay': { socket: { keepAlive: false, noDelay: false, family: 4 } },
  'modules, scripts and functions': { modules: {}, scripts: {}, functions: {} },
  credentialsProvider: {
    credentialsProvider: {
      type: 'async-credentials-provider',
      credentials: () => Promise.resolve({ username: 'default', password: 'any' }),
    },
  },
  'credentialsProvider, streaming': {
    credentialsProvider: {
      type: 'streaming-credentials-provider',
      subscribe: () => Promise.resolve([{ username: 'default', password: 'any' }, { dispose() {} }]),
      onReAuthenticationError() {},
    },
  },
};

/** The same of ioredis. */
const IOREDIS: Readonly<Record<string, Options>> = {
  commandTimeout: { commandTimeout: 20 },
  blockingTimeout: { blockingTimeout: 20, blockingTimeoutGrace: 1 },
  socketTimeout: { socketTimeout: 30 },
  keyPrefix: { keyPrefix: 'app:' },
  'enableReadyCheck: false': { enableReadyCheck: false },
  'enableOfflineQueue: false': { enableOfflineQueue: false },
  'enableOfflineQueue: true': { enableOfflineQueue: true, offlineQueue: true, commandQueue: true },
  enableAutoPipelining: { enableAutoPipelining: true, autoPipeliningIgnoredCommands: ['xadd'] },
  stringNumbers: { stringNumbers: true },
  readOnly: { readOnly: true },
  monitor: { monitor: true },
  db: { db: 3 },
  'lazyConnect: false': { lazyConnect: false },
  'retryStrategy: null': { retryStrategy: null },
  'retryStrategy that throws': { retryStrategy: fail },
  reconnectOnError: { reconnectOnError: () => 2 },
  'maxRetriesPerRequest: null': { maxRetriesPerRequest: null },
  'maxRetriesPerRequest: 0': { maxRetriesPerRequest: 0 },
  maxLoadingRetryTime: { maxLoadingRetryTime: 1 },
  autoResend: { autoResendUnfulfilledCommands: true, autoResubscribe: true },
  showFriendlyErrorStack: { showFriendlyErrorStack: true },
  connectTimeout: { connectTimeout: 1, disconnectTimeout: 1 },
  'keepAlive and noDelay': { keepAlive: 0, noDelay: false, family: 4 },
  connectionName: { connectionName: 'app', clientInfoTag: 'tag' },
  disableClientInfo: { disableClientInfo: true },
  protocol: { protocol: 3 },
  replyMapping: { protocol: 3, replyMapping: 'resp3' },
  'username and password': { username: 'default', password: 'any' },
  role: { role: 'slave', failoverDetector: true, updateSentinels: false },
  scripts: { scripts: { xadd: { lua: 'return 1', numberOfKeys: 1 }, xrange: { lua: 'return 1', numberOfKeys: 1 } } },
};

const STANDALONE: Readonly<Record<string, readonly [MakeWith, Readonly<Record<string, Options>>]>> = {
  'redis 6': [(port, { socket, ...rest }) => createClient(nodeOptions(port, socket, rest)), NODE_REDIS],
  'redis 5': [(port, { socket, ...rest }) => createClient5(nodeOptions(port, socket, rest)), NODE_REDIS],
  'ioredis 6': [(port, options) => new Redis({ port, host: '127.0.0.1', lazyConnect: true, ...options }), IOREDIS],
  'ioredis 5': [(port, options) => new Redis5({ port, host: '127.0.0.1', lazyConnect: true, ...options }), IOREDIS],
};

function nodeOptions(port: number, socket: unknown, rest: Options): object {
  return { socket: { host: '127.0.0.1', port, ...(socket as object | undefined) }, ...rest };
}

/** Writes, follows, resumes and claims, with a server that pauses in between: everything once and in order, at once, without a word. */
async function expectToWork(client: Client, pause: () => Promise<void>): Promise<void> {
  const store = new RedisSessionStore({ client, prefix: `options:${randomUUID()}` });
  const texts = Array.from({ length: 300 }, (_, index) => String(index));
  const cursor = store.open('s', { from: 'start' });
  try {
    expect(await cursor.step()).toBe('unknown');
    // Connected, with a time to live that is set.
    store.append('s', 'first', 0, undefined);
    await store.flush();
    expect(await readCount(cursor, 1)).toEqual(['first']);
    const arrive = readCount(cursor, texts.length);
    const paused = pause();
    for (const text of texts) store.append('s', text, 0, undefined);
    await paused;
    await store.flush();
    expect(await arrive).toEqual(texts);
    // By a message: without one a reader looks again after a longer time than this waits.
    const last = readCount(cursor, 1);
    store.append('s', 'last', 0, undefined);
    expect(await last).toEqual(['last']);
    const { ids } = await readFrom(store, 's', 'start');
    expect((await readFrom(store, 's', { after: ids.at(-2) as string })).messages).toEqual(['last']);
    expect(cursor.missed).toBe(0);
    const claim = store.claim('s');
    expect((await readAll(claim)).messages).toEqual(['first', ...texts, 'last']);
    claim.leave();
    expect(store.stats()).toMatchObject({ entries: 0, lost: {}, unreadable: {} });
  } finally {
    cursor.leave();
    await store.close(1_000).catch(() => {});
    endClient(client);
  }
}

function endClient(client: Client): void {
  const { status, disconnect } = client as { status?: string; disconnect?: () => unknown };
  if (status !== undefined && status !== 'wait') disconnect?.call(client);
}

describe.skipIf(REDIS === undefined)(`a client with options of its own${WITHOUT_SERVER}`, () => {
  const diagnostics = recordDiagnostics();
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  async function pause(): Promise<void> {
    server.signal('SIGSTOP');
    await sleep(PAUSE_MILLIS);
    server.signal('SIGCONT');
  }

  for (const [name, [make, cases]] of Object.entries(STANDALONE)) {
    describe(`over ${name}`, () => {
      for (const [title, options] of Object.entries(cases)) {
        it(`works with ${title}`, async () => {
          await expectToWork(make(server.port, options), pause);
          expect(diagnostics.lines).toEqual([]);
        });
      }

      it('what sends nothing for long keeps its connections', async () => {
        const option = name.startsWith('redis') ? { socket: { socketTimeout: 20 } } : { socketTimeout: 20 };
        const prefix = `idle:${randomUUID()}`;
        const store = new RedisSessionStore({ client: make(server.port, option), prefix });
        const cursor = store.open('s', { from: 'now' });
        await cursor.step();
        cursor.wait({ wake() {} });
        store.append('idle', 'x', 0, undefined);
        await store.flush();
        await isSubscribed(`${prefix}:{s}:w`);
        const before = await connectionsEver();
        await sleep(PAUSE_MILLIS);
        // The one that asks.
        expect((await connectionsEver()) - before).toBe(1);
        cursor.leave();
        await store.close();
      });

      it('a client that cannot be duplicated is refused at once, with its reason', () => {
        const client = make(server.port, {}) as { duplicate: unknown };
        for (const [duplicate, reason] of [
          [fail, /`client`.*duplicated.*: of the application/],
          [() => undefined, /`client`.*duplicated/],
          [() => Promise.resolve(client), /`client`.*duplicated/],
        ] as const) {
          client.duplicate = duplicate;
          expect(() => new RedisSessionStore({ client: client as never })).toThrow(TypeError);
          expect(() => new RedisSessionStore({ client: client as never })).toThrow(reason);
        }
      });

      it('one that fails later does not end the process: entries wait, and arrive when it works again', async () => {
        const client = make(server.port, {}) as { duplicate: unknown };
        const { duplicate } = client;
        const store = new RedisSessionStore({ client: client as never, prefix: `later:${randomUUID()}` });
        let calls = 0;
        client.duplicate = () => {
          calls += 1;
          return fail();
        };
        store.append('s', 'x', 0, undefined);
        const told = (): string[] => diagnostics.lines.filter((line) => line.includes('cannot be reached'));
        await until(() => calls >= 5 && told().length > 0);
        expect(store.stats()).toMatchObject({ entries: 1, lost: {} });
        expect(told()).toHaveLength(1);
        client.duplicate = duplicate;
        await store.flush();
        expect((await readFrom(store, 's', 'start')).messages).toEqual(['x']);
        await store.close();
      });
    });
  }

  async function isSubscribed(channel: string): Promise<void> {
    for (let attempt = 0; attempt < 2_000; attempt += 1) {
      if ((await server.command('PUBSUB', 'NUMSUB', channel)).endsWith(':1\r\n')) return;
      await sleep(5);
    }
    throw new Error(`nobody subscribed to ${channel}`);
  }

  async function connectionsEver(): Promise<number> {
    return Number(/total_connections_received:(\d+)/.exec(await server.command('INFO', 'stats'))?.[1]);
  }

  for (const [name, makeClient, makePool, makeSentinel] of [
    ['redis 6', createClient, createClientPool, createSentinel],
    [
      'redis 5',
      createClient5 as unknown as typeof createClient,
      createClientPool5 as unknown as typeof createClientPool,
      createSentinel5 as unknown as typeof createSentinel,
    ],
  ] as const) {
    describe(`over ${name}`, () => {
      const make = () => makeClient({ url: server.url });
      const derived: Readonly<Record<string, () => object>> = {
        'withTypeMapping()': () => make().withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }),
        'withCommandOptions()': () => make().withCommandOptions({ timeout: 20 }),
        'withAbortSignal()': () => make().withAbortSignal(AWAY),
        'asap()': () => make().asap(),
      };
      for (const [title, derive] of Object.entries(derived)) {
        it(`works with what ${title} returns`, async () => {
          await expectToWork(derive() as never, pause);
          expect(diagnostics.lines).toEqual([]);
        });
      }

      const refused: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
        'a pool': [() => makePool({ url: server.url }), /`client`.*not a pool/],
        'a pool of a client': [() => make().createPool(), /`client`.*not a pool/],
        'a sentinel client': [
          () => makeSentinel({ name: 'm', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }),
          /`client`.*not a sentinel client/,
        ],
        'the legacy interface': [() => make().legacy(), /`client`.*not its `legacy\(\)` interface/],
      };
      for (const [title, [makeOther, message]] of Object.entries(refused)) {
        it(`refuses ${title}`, () => {
          expect(() => new RedisSessionStore({ client: makeOther() as never })).toThrow(TypeError);
          expect(() => new RedisSessionStore({ client: makeOther() as never })).toThrow(message);
        });
      }

      for (const [title, credentials] of [
        ['throws', fail],
        ['rejects', () => Promise.reject(new Error('of the application'))],
      ] as const) {
        it(`credentials that a provider ${title} are waited for`, async () => {
          let isAway = true;
          const client = makeClient({
            url: server.url,
            credentialsProvider: {
              type: 'async-credentials-provider',
              credentials: () => (isAway ? credentials() : Promise.resolve({})),
            },
          });
          const store = new RedisSessionStore({ client, prefix: `credentials:${randomUUID()}` });
          store.append('s', 'x', 0, undefined);
          await until(() => diagnostics.lines.length > 0);
          expect(diagnostics.lines).toEqual([expect.stringContaining('of the application')]);
          isAway = false;
          await store.flush();
          expect(store.stats()).toMatchObject({ entries: 0, lost: {} });
          await store.close();
        });
      }
    });
  }

  describe('over ioredis 6', () => {
    afterEach(() => {
      delete (Command as unknown as { _transformer: { reply: Record<string, unknown> } })._transformer.reply['xrange'];
    });

    it('a reply that something has changed is said, and read when it is not changed any more', async () => {
      const store = new RedisSessionStore({
        client: new Redis({ port: server.port, host: '127.0.0.1', lazyConnect: true }),
        prefix: `transformed:${randomUUID()}`,
      });
      Command.setReplyTransformer('xrange', (reply: unknown) => (Array.isArray(reply) ? new Set(reply) : reply));
      store.append('s', 'x', 0, undefined);
      await store.flush();
      const cursor = store.open('s', { from: 'start' });
      expect(await cursor.step()).toBe('none');
      expect(diagnostics.lines).toEqual([expect.stringMatching(/cannot be read \(UNEXPECTED_REPLY\)/)]);
      Command.setReplyTransformer('xrange', (reply: unknown) => reply);
      expect(await readCount(cursor, 1)).toEqual(['x']);
      cursor.leave();
      await store.close();
    });

    it('a database that its user may not select is said, and nothing goes to another one', async () => {
      await server.command('ACL', 'SETUSER', 'elsewhere', 'on', 'nopass', '~*', '&*', '+@all', '-select');
      const login = { username: 'elsewhere', password: 'x', db: 1 };
      const prefix = `elsewhere:${randomUUID()}`;
      for (const IoRedis of [Redis, Redis5 as unknown as typeof Redis]) {
        const client = new IoRedis({ port: server.port, host: '127.0.0.1', lazyConnect: true, ...login });
        const store = new RedisSessionStore({ client, prefix });
        store.append('s', 'x', 0, undefined);
        await until(() => diagnostics.lines.some((line) => line.includes('NOPERM')), 'that it may not');
        await store.close(0).catch(() => {});
        diagnostics.lines.length = 0;
      }
      expect(await server.command('KEYS', `${prefix}*`)).toBe('*0\r\n');
    });

    it('a right that is missing to read is said', async () => {
      await server.command('ACL', 'SETUSER', 'writer', 'on', 'nopass', '~*', '&*', '+@all', '-xrange', '-xrevrange');
      const client = new Redis({
        port: server.port,
        host: '127.0.0.1',
        lazyConnect: true,
        username: 'writer',
        password: 'x',
      });
      const store = new RedisSessionStore({ client });
      const cursor = store.open('s', { from: 'start' });
      expect(await cursor.step()).toBe('none');
      expect(diagnostics.lines).toEqual([expect.stringMatching(/cannot be read \(NOPERM\)/)]);
      cursor.leave();
      await store.close();
    });
  });

  it('options that have timers do not keep a process that is done', async () => {
    const script = fileURLToPath(new URL('script.ts', import.meta.url));
    const options = JSON.stringify({ pingInterval: 3_600_000 });
    const { stdout } = await run(process.execPath, ['--import', 'tsx', script, 'redis', String(server.port), options], {
      timeout: 60_000,
    });
    expect(stdout).toBe('Hello\nworld\n');
  });
});

const CLUSTER_NODE_REDIS: Readonly<Record<string, (port: number) => Options>> = {
  clientSideCache: () => ({ RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } }),
  'commandOptions.typeMapping': () => ({ commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } }),
  'commandOptions.asap and abortSignal': () => ({ commandOptions: { asap: true, abortSignal: AWAY } }),
  'useReplicas and minimizeConnections': () => ({ useReplicas: true, minimizeConnections: true }),
  keyPrefix: () => ({ keyPrefix: 'app:' }),
  nodeAddressMap: () => ({ nodeAddressMap: (address: string) => split(address) }),
  'defaults of each node': () => ({
    defaults: {
      readonly: true,
      pingInterval: 10,
      commandsQueueMaxLength: 1,
      commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
      socket: { socketTimeout: 60, reconnectStrategy: fail },
    },
  }),
  'options of a root node': (port) => ({
    RESP: 3,
    rootNodes: [
      {
        url: `redis://127.0.0.1:${port}`,
        clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' },
        emitInvalidate: false,
        commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer }, abortSignal: AWAY },
        socket: { reconnectStrategy: fail },
      },
    ],
  }),
};

const CLUSTER_IOREDIS: Readonly<Record<string, (port: number) => Options>> = {
  redisOptions: () => ({
    redisOptions: {
      commandTimeout: 20,
      socketTimeout: 60,
      stringNumbers: true,
      readOnly: true,
      reconnectOnError: () => 2,
      enableReadyCheck: false,
      enableAutoPipelining: true,
      connectionName: 'app',
      keyPrefix: 'app:',
      protocol: 3,
      replyMapping: 'resp3',
    },
  }),
  'options of a startup node': (port) => ({
    nodes: [{ host: '127.0.0.1', port, commandTimeout: 20, keyPrefix: 'app:', stringNumbers: true, readOnly: false }],
  }),
  scaleReads: () => ({ scaleReads: 'all' }),
  'scaleReads, a function': () => ({ scaleReads: fail }),
  natMap: () => ({ natMap: (address: string) => split(address) }),
  'keyPrefix, replyMapping': () => ({ keyPrefix: 'app:', replyMapping: 'resp3' }),
  'shardedSubscribers: false': () => ({ shardedSubscribers: false }),
  enableAutoPipelining: () => ({ enableAutoPipelining: true }),
  'retry strategies': () => ({ clusterRetryStrategy: fail, clusterNodeRetryStrategy: () => 10 }),
  'retry delays': () => ({
    retryDelayOnFailover: 1,
    retryDelayOnClusterDown: 1,
    retryDelayOnTryAgain: 1,
    maxRedirections: 5,
  }),
  slotsRefresh: () => ({ slotsRefreshInterval: 10, slotsRefreshTimeout: 2_000 }),
  'enableReadyCheck and enableOfflineQueue': () => ({ enableReadyCheck: false, enableOfflineQueue: true }),
};

function split(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

const CLUSTERS: Readonly<Record<string, readonly [MakeWith, Readonly<Record<string, (port: number) => Options>>]>> = {
  'redis 6': [(port, options) => createCluster(clusterOptions(port, options)), CLUSTER_NODE_REDIS],
  'redis 5': [(port, options) => createCluster5(clusterOptions(port, options)), CLUSTER_NODE_REDIS],
  'ioredis 6': [
    (port, { nodes, ...rest }) => new Cluster(startupNodes(port, nodes), { lazyConnect: true, ...rest }),
    CLUSTER_IOREDIS,
  ],
  'ioredis 5': [
    (port, { nodes, ...rest }) => new Cluster5(startupNodes(port, nodes), { lazyConnect: true, ...rest }),
    CLUSTER_IOREDIS,
  ],
};

function clusterOptions(port: number, options: Options): { readonly rootNodes: { readonly url: string }[] } {
  return { rootNodes: [{ url: `redis://127.0.0.1:${port}` }], ...options };
}

function startupNodes(port: number, nodes: unknown): { host: string; port: number }[] {
  return (nodes as { host: string; port: number }[] | undefined) ?? [{ host: '127.0.0.1', port }];
}

describe.skipIf(REDIS === undefined)(`a cluster client with options of its own${WITHOUT_SERVER}`, () => {
  const diagnostics = recordDiagnostics();
  let nodes: TestServer[] = [];
  beforeAll(async () => {
    nodes = await startCluster();
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });

  async function pause(): Promise<void> {
    for (const node of nodes) node.signal('SIGSTOP');
    await sleep(PAUSE_MILLIS);
    for (const node of nodes) node.signal('SIGCONT');
  }

  for (const [name, [make, cases]] of Object.entries(CLUSTERS)) {
    for (const [title, optionsOf] of Object.entries(cases)) {
      it(`works with ${title} over ${name}`, async () => {
        const port = nodes[0]?.port as number;
        await expectToWork(make(port, optionsOf(port)), pause);
        expect(diagnostics.lines).toEqual([]);
      });
    }
  }
});
