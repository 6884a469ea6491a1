/** A build of the package, of this commit or of another one, driven through the public names that both have. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { LoggerProvider } from '@opentelemetry/sdk-logs';

import type * as Export from '../dist/export.js';
import type * as Main from '../dist/index.js';
import type * as Redis from '../dist/redis.js';
import { providerOf } from './provider.ts';

/** Its doors are loaded when they are asked for, so that a row measures with nothing else in memory. */
export interface Build {
  /** The directory of its files. */
  readonly dist: string;
  main(): Promise<typeof Main>;
  export(): Promise<typeof Export>;
  redis(): Promise<typeof Redis>;
}

export function openBuild(dist: string): Build {
  const open = (door: string) => import(pathToFileURL(join(dist, door)).href);
  return {
    dist,
    main: () => open('index.js'),
    // Early commits have these processors in the main door.
    export: () => open(existsSync(join(dist, 'export.js')) ? 'export.js' : 'index.js'),
    redis: () => open('redis.js'),
  };
}

/** Makes something with those of the options that its build knows: each build refuses names that it does not. */
export function withKnownOptions<Options extends object, Made>(
  make: (options: Options) => Made,
  options: Options,
): Made {
  try {
    return make(options);
  } catch (error) {
    const { message } = error as Error;
    if (!/unknown option|unrecognized key/i.test(message)) throw error;
    const known = Object.entries(options).filter(([name]) => !message.includes(name));
    if (known.length === Object.keys(options).length) throw error;
    return withKnownOptions(make, Object.fromEntries(known) as Options);
  }
}

/** So much that no row meets a bound. */
const ROOM: Main.MemorySessionStoreOptions = {
  maxSessions: 50_000,
  maxReaders: 50_000,
  maxEntriesPerSession: 2_000_000,
  maxBytesPerSession: 2 ** 31,
  maxBytes: 2 ** 31,
};

/** A memory store that is large enough for any row. */
export async function roomyStore(build: Build): Promise<Main.MemorySessionStore> {
  const { MemorySessionStore } = await build.main();
  return withKnownOptions((options) => new MemorySessionStore(options), ROOM);
}

export interface Sessions {
  readonly sessions: Main.SessionLogs;
  readonly store: Main.MemorySessionStore;
}

/** Sessions without a provider, for what is appended to the store itself. */
export async function startAlone(build: Build): Promise<Sessions> {
  const { SessionLogs } = await build.main();
  const store = await roomyStore(build);
  return { sessions: new SessionLogs({ store }), store };
}

/** Sessions in a provider of the SDK. */
export async function startInProvider(build: Build): Promise<Sessions & { readonly provider: LoggerProvider }> {
  const { SessionLogs } = await build.main();
  const store = await roomyStore(build);
  let made: LoggerProvider | undefined;
  const sessions = new SessionLogs({ store, loggerProvider: () => made });
  const provider = providerOf(sessions.processor);
  made = provider;
  return { sessions, store, provider };
}
