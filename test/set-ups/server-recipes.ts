import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { signSessionLink } from '../../src/serve/session-link.ts';
import { programsOf } from '../support/page-programs.ts';
import { cell, report } from './matrix.ts';
import { ServerProcess } from './server-process.ts';
import { command } from './set-up.ts';

export const PAGE = 'recipes-servers.md';

/** What the recipes of the page import, of the versions that are current. */
export const PACKAGES = {
  '@elysiajs/node': '^1.4.0',
  '@fastify/cors': '^11.0.0',
  '@hono/node-server': '^2.1.9',
  '@nestjs/common': '^12.0.0',
  '@nestjs/core': '^12.0.0',
  '@nestjs/platform-express': '^12.0.0',
  '@trpc/server': '^11.0.0',
  '@types/express': '^5.0.0',
  '@types/koa': '^3.0.0',
  elysia: '^1.4.0',
  express: '^5.0.0',
  fastify: '^5.0.0',
  h3: '^1.15.0',
  hono: '^4.0.0',
  koa: '^3.0.0',
  'reflect-metadata': '^0.2.0',
  rxjs: '^7.8.0',
  zod: '^4.0.0',
};

interface Server {
  readonly heading: string;
  /** The package whose version is told. */
  readonly framework?: string;
  /** Packages of this recipe alone. */
  readonly packages?: Readonly<Record<string, string>>;
  readonly path?: (id: string) => string;
  /** Of each request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Looks at what only this recipe shows. */
  readonly check?: (server: ServerProcess) => Promise<void>;
}

const secret = 'of the recipes: 0123456789abcdefghijklmnopqrstuvwxyz';

export const SERVERS: readonly Server[] = [
  { heading: 'node:http', check: checkNoSession },
  { heading: 'Express', framework: 'express', check: checkMiddleware },
  {
    heading: 'Express, who may read',
    framework: 'express',
    headers: { cookie: 'a=b; token=token-of-alice' },
    check: checkOwners,
  },
  { heading: 'Fastify', framework: 'fastify', check: checkCors },
  {
    heading: 'Fastify, signed links',
    framework: 'fastify',
    path: (id) => `/events?link=${signSessionLink(id, { secret, expiresInSeconds: 600 })}`,
    env: { SESSION_LINK_SECRET: secret },
    check: checkLinks,
  },
  { heading: 'Hono', framework: 'hono' },
  { heading: 'Koa', framework: 'koa', check: checkNoSession },
  { heading: 'h3 1', framework: 'h3' },
  { heading: 'h3 2', framework: 'h3', packages: { h3: '^2.0.0' } },
  { heading: 'Elysia', framework: 'elysia' },
  { heading: "NestJS, a controller's handler", framework: '@nestjs/core' },
  { heading: 'NestJS, @Sse', framework: '@nestjs/core' },
  {
    heading: 'tRPC',
    framework: '@trpc/server',
    path: (id) => `/events?input=${encodeURIComponent(JSON.stringify({ id }))}`,
  },
  { heading: 'SIGTERM', check: checkEnd },
];

/** What the recipe leaves out, to see what it is there for: such a program need not free its readers. */
interface Variant {
  readonly of: string;
  readonly name: string;
  readonly change: (code: string) => string;
  /** Why the reader stays, where it does. */
  readonly reason: string;
}

const VARIANTS: readonly Variant[] = [
  {
    of: 'h3 1',
    name: 'h3 1, without `response`',
    change: (code) => code.replace('      response: event.node.res,\n', ''),
    reason: 'h3 1 goes on reading the body when its client is gone',
  },
  {
    of: 'Koa',
    name: 'Koa, a `Response` as its body',
    change: (code) =>
      code
        .replace('  ctx.respond = false;\n', '')
        .replace('await sessions.sendEventStream(ctx.res, id,', 'ctx.body = await sessions.toEventStreamResponse(id,'),
    reason: 'Koa does not cancel the body',
  },
  {
    of: 'tRPC',
    name: 'tRPC, a generator without `signal`',
    change: (code) => code.replace('lastEventId }, signal }', 'lastEventId } }').replace('from, signal }', 'from }'),
    reason: 'a generator that waits cannot be left',
  },
  {
    of: 'tRPC',
    name: 'tRPC, the reader itself',
    change: (code) =>
      code.replace(
        /async function\*[^]*?\n    \}\),/u,
        "({ input: { id } }) => sessions.followSession(id, { logType: 'chat' })),",
      ),
    reason: 'tRPC reads it in a generator of its own',
  },
];

/** How a client goes. */
const LEAVINGS = ['destroy', 'resetAndDestroy'] as const;

/** A reader has to be free within seconds. */
const FREE_MILLIS = 5_000;

/** Writes the recipes into the host, each into a folder of its own; gives the folder of each. */
export async function writeServers(host: string): Promise<Map<string, string>> {
  const programs = programsOf(PAGE);
  const [shared] = programs;
  assert.deepEqual(
    programs.slice(1).map(({ heading }) => heading),
    SERVERS.map(({ heading }) => heading),
    'the recipes of the page, and those that are run',
  );
  const folders = new Map<string, string>();
  const write = async (name: string, files: ReadonlyMap<string, string>): Promise<void> => {
    const folder = join(host, name.replaceAll(/\W+/g, '-').toLowerCase());
    for (const [file, code] of [...(shared?.files ?? []), ...files]) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), code);
    }
    folders.set(name, folder);
  };
  for (const { heading, files } of programs.slice(1)) await write(heading, files);
  for (const { of, name, change } of VARIANTS) {
    const files = programs.find(({ heading }) => heading === of)?.files ?? new Map<string, string>();
    const changed = new Map([...files].map(([file, code]) => [file, change(code)]));
    assert.notDeepEqual(changed, files, name);
    await write(name, changed);
  }
  for (const { heading, packages } of SERVERS) {
    if (packages === undefined) continue;
    const folder = folders.get(heading) ?? '';
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies: packages }));
    await command(['npm', 'install', '--no-audit', '--no-fund', '--install-links'], folder);
  }
  return folders;
}

/** Runs them, compiled. */
export async function runServers(
  host: string,
  folders: ReadonlyMap<string, string>,
  isWanted: (name: string) => boolean,
): Promise<void> {
  const rows: Record<string, string>[] = [];
  for (const server of SERVERS.filter(({ heading }) => isWanted(heading))) {
    const folder = folders.get(server.heading) ?? '';
    const version = await versionOf(server, host, folder);
    const row: Record<string, string> = { recipe: server.heading, version };
    row['streams, resumes, ends'] = await cell(`${server.heading}, streams`, () =>
      withServer(folder, host, server, (running) => streams(running, server)),
    );
    row['frees the readers of clients that hang up'] = await cell(`${server.heading}, hang-ups`, () =>
      withServer(folder, host, server, (running) => hangUps(running, server)),
    );
    rows.push(row);
  }
  for (const { of, name, reason } of VARIANTS.filter(({ of: heading }) => isWanted(heading))) {
    const server = SERVERS.find(({ heading }) => heading === of) ?? { heading: of };
    const folder = folders.get(name) ?? '';
    const result = await withServer(folder, host, server, (running) => hangUps(running, server)).then(
      () => 'ok',
      (error: unknown) => {
        // Anything else is no answer to what is asked.
        if (!/^\d+ readers where 0 are expected/.test((error as Error).message)) throw error;
        return `no: ${reason}`;
      },
    );
    console.log(`${name}: ${result}`);
    const version = await versionOf(server, host, folder);
    rows.push({
      recipe: name,
      version,
      'streams, resumes, ends': '-',
      'frees the readers of clients that hang up': result,
    });
  }
  await report('clients that hang up', rows);
}

async function withServer(
  folder: string,
  host: string,
  { env }: Server,
  work: (server: ServerProcess) => Promise<void>,
): Promise<void> {
  const args = ['--import', join(host, 'probe.mjs'), join(folder, 'server.js')];
  const server = await ServerProcess.start(args, folder, join(folder, 'sessions.js'), env);
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

const byId = (id: string): string => `/events/${id}`;

/** A client gets what is logged, goes on where it was, and is told of the end. */
async function streams(server: ServerProcess, { path = byId, headers = {}, check }: Server): Promise<void> {
  await server.ask('logChunkToQueue', '<start>', 'abc');
  await server.ask('logChunkToQueue', 'one', 'abc');
  const client = await server.open(path('abc'), headers);
  await client.until('one');
  await server.ask('logChunkToQueue', 'two', 'abc');
  await client.until('two');
  assert.match(client.received, /^HTTP\/1\.1 200/);
  const id = idOf(client.received, 'one');
  client.socket.destroy();
  await server.untilReaders(0, FREE_MILLIS);
  const again = await server.open(path('abc'), { ...headers, 'last-event-id': id });
  await again.until('two');
  assert.ok(!again.received.includes('"one"'), `it begins anew after ${id}: ${again.received}`);
  await server.untilReaders(1, FREE_MILLIS);
  await server.ask('endSession', 'abc');
  await server.untilReaders(0, FREE_MILLIS);
  again.socket.destroy();
  await check?.(server);
}

/** The id of the event with that message, whichever comes first in it. */
function idOf(received: string, message: string): string {
  const event = received.split(/\r?\n\r?\n/).find((text) => text.includes(`"${message}"`)) ?? '';
  return /(?:^|\n)id: ?(\S+)/.exec(event)?.[1] ?? '';
}

/** Clients go in every way from a session that is silent, from its start or since an event. */
async function hangUps(server: ServerProcess, { path = byId, headers = {} }: Server): Promise<void> {
  for (const leaves of LEAVINGS) {
    for (const hasEvent of [false, true]) {
      const id = `${leaves}-${hasEvent}`;
      const clients = await Promise.all(Array.from({ length: 3 }, () => server.open(path(id), headers)));
      await server.untilReaders(3, FREE_MILLIS);
      if (hasEvent) {
        await server.ask('logChunkToQueue', 'one', id);
        for (const client of clients) await client.until('one');
      }
      for (const { socket } of clients) socket[leaves]();
      const millis = await server.untilReaders(0, FREE_MILLIS);
      console.log(`  ${leaves}, ${hasEvent ? 'after an event' : 'silent from the start'}: ${Math.round(millis)} ms`);
    }
  }
}

async function checkMiddleware(server: ServerProcess): Promise<void> {
  const say = (id: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}/say`, { method: 'POST', headers: { 'x-session-id': id } });
  assert.equal((await say('by-header')).status, 204);
  const entries = await server.ask<{ message: string }[]>('getAllLogsInQueue', { sessionId: 'by-header' });
  assert.deepEqual(
    entries.map(({ message }) => message),
    ['asked', 'said'],
  );
  const client = await server.open('/events/by-header');
  await client.until('said');
  client.socket.destroy();
  assert.ok(!client.received.includes('asked'), client.received);
  const long = 'x'.repeat(257);
  for (const wrong of [await say(long), await say(''), await get(server, `/events/${long}`)])
    assert.deepEqual([wrong.status, await wrong.text()], [400, 'Bad Request']);
}

const get = (server: ServerProcess, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port}${path}`, { headers });

/** What names no session opens no reader; a query and escapes are no part of the id. */
async function checkNoSession(server: ServerProcess): Promise<void> {
  for (const path of ['/', '/favicon.ico', '/events/', '/events/a/b', '/events/%', '//', `/events/${'x'.repeat(257)}`])
    assert.equal((await get(server, path)).status, 404, path);
  assert.equal(await server.readers(), 0);
  await server.ask('logChunkToQueue', 'escaped', 'a b/c');
  const client = await server.open('/events/a%20b%2Fc?theme=dark');
  await client.until('escaped');
  client.socket.destroy();
}

async function checkOwners(server: ServerProcess): Promise<void> {
  const cookie = 'token=token-of-alice';
  assert.equal((await get(server, '/events/bob-1', { cookie })).status, 403);
  for (const stranger of [{}, { cookie: 'token=' }, { cookie: 'token=x' }])
    assert.equal((await get(server, '/events/abc', stranger)).status, 403);
}

async function checkLinks(server: ServerProcess): Promise<void> {
  const token = signSessionLink('abc', { secret: secret.toUpperCase(), expiresInSeconds: 600 });
  for (const query of ['', '?link=', `?link=${token}`])
    assert.equal((await get(server, `/events${query}`)).status, 403);
}

/** The process ends by itself, with a stream open, whose client is not told that all is over. */
async function checkEnd(server: ServerProcess): Promise<void> {
  await server.ask('logChunkToQueue', 'last', 'open');
  const client = await server.open('/events/open');
  await client.until('last');
  assert.equal(await server.ended('SIGTERM'), 0);
  assert.ok(!client.received.includes('event: end'), client.received);
}

async function checkCors(server: ServerProcess): Promise<void> {
  const client = await server.open('/events/cors', { origin: 'https://app.example.com' });
  await client.until('\r\n\r\n');
  client.socket.destroy();
  assert.match(client.received, /access-control-allow-origin: https:\/\/app\.example\.com/i);
}

async function versionOf({ framework }: Server, host: string, folder: string): Promise<string> {
  if (framework === undefined) return `Node.js ${process.versions.node}`;
  for (const place of [folder, host]) {
    const manifest = await readFile(join(place, 'node_modules', framework, 'package.json'), 'utf8').catch(
      () => undefined,
    );
    if (manifest !== undefined) return (JSON.parse(manifest) as { version: string }).version;
  }
  return '';
}
