import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { anything, assert, asyncProperty, constantFrom, dictionary, oneof } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CoalescingLogRecordProcessor, DateFileLogRecordProcessor, DurableLogRecordProcessor } from '../src/export.ts';
import {
  MemorySessionStore,
  SessionLogRecordProcessor,
  SessionLogs,
  SessionLogsError,
  startSessionLogs,
} from '../src/index.ts';
import { runs } from './support/properties.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

interface Subject {
  /** Options that are right, which the fuzzed ones are laid over. */
  readonly base: () => object;
  readonly names: readonly string[];
  readonly make: (options: never) => unknown;
}

const exporter = new InMemoryLogRecordExporter();
const inner = { onEmit() {}, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };

const SUBJECTS: Readonly<Record<string, Subject>> = {
  MemorySessionStore: {
    base: () => ({}),
    names: [
      'maxEntriesPerSession',
      'maxBytes',
      'maxSessions',
      'maxReaders',
      'reservedShare',
      'overflow',
      'idleTtlMillis',
      'now',
    ],
    make: (options) => new MemorySessionStore(options),
  },
  SessionLogRecordProcessor: {
    base: () => ({}),
    names: ['store', 'redact', 'sessionIdKeys', 'sessionId', 'baggage', 'selfObsMeterProvider'],
    make: (options) => new SessionLogRecordProcessor(options),
  },
  SessionLogs: {
    base: () => ({}),
    names: ['store', 'redact', 'streamHandler', 'loggerProvider', 'durable', 'baggage'],
    make: (options) => new SessionLogs(options),
  },
  DateFileLogRecordProcessor: {
    base: () => ({ directory: temporaryDirectory() }),
    names: [
      'fileName',
      'format',
      'attributes',
      'fileMode',
      'directoryMode',
      'currentLink',
      'maxFileBytes',
      'retentionDays',
      'compress',
      'maxPendingBytes',
      'fsync',
      'minimumSeverity',
    ],
    make: (options) => new DateFileLogRecordProcessor(options),
  },
  DurableLogRecordProcessor: {
    base: () => ({ directory: temporaryDirectory(), exporter }),
    names: ['exporter', 'maxBytes', 'flush', 'fsync', 'maxExportBatchSize', 'maxAgeMillis', 'onLoss', 'recordUid'],
    make: (options) => new DurableLogRecordProcessor(options),
  },
  CoalescingLogRecordProcessor: {
    base: () => ({ processor: inner }),
    names: ['processor', 'maxChars', 'maxDelayMillis', 'content'],
    make: (options) => new CoalescingLogRecordProcessor(options),
  },
  startSessionLogs: {
    base: () => ({ directory: temporaryDirectory(), console: false, streamHandler: false }),
    names: [
      'file',
      'retentionDays',
      'endpoint',
      'exporter',
      'minimumSeverity',
      'coalesce',
      'resource',
      'store',
      'redact',
    ],
    make: (options) => startSessionLogs(options),
  },
};

async function end(made: unknown): Promise<void> {
  if (typeof made !== 'object' || made === null) return;
  if ('shutdown' in made && typeof made.shutdown === 'function') await (made.shutdown() as Promise<void>);
  else if ('close' in made && typeof made.close === 'function') await (made.close() as Promise<void>);
}

describe.each(Object.entries(SUBJECTS))('%s', (owner, { base, names, make }) => {
  it('takes any options object, or says which option is wrong', async () => {
    const name = oneof(
      { weight: 4, arbitrary: constantFrom(...names) },
      { weight: 1, arbitrary: constantFrom('__proto__', 'toString', 'max') },
    );
    const value = oneof(
      anything(),
      constantFrom(Number.NaN, -1, 0, 0.5, Infinity, '', '1', null, true, [], {}, () => undefined, Symbol('s'), 10n),
    );
    await assert(
      asyncProperty(dictionary(name, value, { maxKeys: 2 }), async (fuzzed) => {
        const options = { ...base(), ...fuzzed };
        let made: unknown;
        try {
          made = await make(options as never);
        } catch (error) {
          expect(error).toSatisfy((thrown) => thrown instanceof TypeError || thrown instanceof SessionLogsError);
          const { message } = error as Error;
          if (error instanceof TypeError) {
            expect(message.startsWith(`${owner}: `) || /^\w+: /.test(message)).toBe(true);
            expect(Object.keys(options).some((key) => message.includes(`\`${key}`) || message.includes(key))).toBe(
              true,
            );
          }
          return;
        }
        // What was accepted works, and ends.
        await end(made).catch((error: unknown) => expect(error).toBeInstanceOf(Error));
      }),
      runs(120),
    );
  });

  it.each([null, 3, 'options', [], () => undefined])('refuses %s in the place of options', async (wrong) => {
    await expect((async () => make(wrong as never))()).rejects.toThrow(TypeError);
  });
});
