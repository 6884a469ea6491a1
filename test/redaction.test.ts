import { CREDIT_CARD_NUMBER_PATTERN, EMAIL_ADDRESS_PATTERN, JWT_PATTERN, US_SSN_PATTERN } from '@logtape/redaction';
import { afterEach, describe, expect, it } from 'vitest';

import { DurableLogRecordProcessor, SessionLogs, startSessionLogs } from '../src/index.ts';
import type { Redact } from '../src/index.ts';
import { bytesBelow } from './support/daily-file.ts';
import { recordDiagnostics } from './support/diagnostics.ts';
import { startOtlpReceiver } from './support/otlp-receiver.ts';
import { newerLine, sdkLines } from './support/sdk-lines.ts';
import type { SdkLine } from './support/sdk-lines.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

// The README's recipe.
const PATTERNS = [EMAIL_ADDRESS_PATTERN, CREDIT_CARD_NUMBER_PATTERN, JWT_PATTERN, US_SSN_PATTERN];
const clean = (text: string): string =>
  PATTERNS.reduce((rest, { pattern, replacement }) => rest.replace(pattern, replacement as string), text);
const redact: Redact = (entry) => ({
  ...entry,
  message: clean(entry.message),
  attributes: JSON.parse(clean(JSON.stringify(entry.attributes ?? {}))) as NonNullable<typeof entry.attributes>,
});

const CARD = '4111 1111 1111 1111';
const MAIL = 'ada@example.org';
const JWT =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';
const SECRETS = [CARD, MAIL, JWT];

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function withProvider(
  line: SdkLine,
  options: { redact: Redact },
): { sessions: SessionLogs; provider: InstanceType<SdkLine['sdk']['LoggerProvider']>; seen: () => Seen[] } {
  const exporter = new line.sdk.InMemoryLogRecordExporter();
  let provider: InstanceType<typeof line.sdk.LoggerProvider> | undefined;
  const sessions = new SessionLogs({ ...options, loggerProvider: () => provider });
  provider = new line.sdk.LoggerProvider({
    processors: [sessions.processor, new line.sdk.SimpleLogRecordProcessor({ exporter })],
  });
  ends.push(() => sessions.shutdown());
  return {
    sessions,
    provider,
    seen: () =>
      exporter.getFinishedLogRecords().map(({ body, attributes }) => ({ body, attributes: { ...attributes } })),
  };
}

interface Seen {
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
}

describe.each(sdkLines)('redaction in a provider of SDK %s', (_name, line) => {
  const diagnostics = recordDiagnostics();

  it('rewrites message and attributes for the store and for the processors after ours', async () => {
    const { sessions, seen } = withProvider(line, { redact });
    await sessions.logChunkToQueue(`write to ${MAIL}`, 's', {
      attributes: { card: CARD, nested: { token: JWT }, plain: 1 },
    });
    sessions.logger.error(`no session, ${CARD}`, {}, { exception: new Error(`failed for ${MAIL}`) });
    const everything = JSON.stringify([sessions.getAllLogsInQueue(), seen()]);
    for (const secret of SECRETS) expect(everything).not.toContain(secret);
    expect(sessions.getAllLogsInQueue()[0]?.attributes).toMatchObject({ plain: 1 });
    expect(seen()).toHaveLength(2);
    expect(seen()[0]?.attributes['session.id']).toBe('s');
  });

  it('nested attributes are redacted too', async () => {
    const { sessions, seen } = withProvider(line, { redact });
    sessions.withSession('s', () => sessions.logger.info('x', { deep: { mails: [MAIL, { again: MAIL }] } }));
    expect(JSON.stringify([sessions.getAllLogsInQueue(), seen()])).not.toContain(MAIL);
  });

  it.each<[string, Redact, string]>([
    ['undefined', () => undefined, 'redacted'],
    [
      'a throw',
      () => {
        throw new Error(`cannot handle ${CARD}`);
      },
      'redaction_failed',
    ],
    ['no entry', () => 'text' as never, 'redaction_failed'],
    ['a promise', (async (entry: unknown) => entry) as never, 'redaction_failed'],
    ['an entry without a message', () => ({}) as never, 'redaction_failed'],
  ])(
    '%s: nothing is stored, and what goes on is empty, counted and without a word of it',
    async (_what, failing, reason) => {
      const { sessions, provider, seen } = withProvider(line, { redact: failing });
      await sessions.logChunkToQueue(CARD, 's', { attributes: { mail: MAIL } });
      sessions.withSession('s', () => sessions.logger.info(CARD, { mail: MAIL }));
      // What our writers emit is redacted before; of another logger's record the SDK lets only its content be taken.
      expect(seen()).toEqual([]);
      sessions.withSession('s', () => provider.getLogger('other').emit({ body: CARD, attributes: { mail: MAIL } }));
      expect(seen()).toHaveLength(1);
      expect(sessions.getAllLogsInQueue()).toEqual([]);
      const everything = JSON.stringify(seen()) + diagnostics.lines.join();
      for (const secret of SECRETS) expect(everything).not.toContain(secret);
      for (const { body, attributes } of seen()) {
        expect(body).toBe('');
        expect(Object.entries(attributes).filter(([key, value]) => key !== 'session.id' && value !== '')).toEqual([]);
      }
      expect(sessions.stats().lost).toEqual({ [reason]: 3 });
    },
  );
});

describe('redaction on the other ways', () => {
  it('without a provider, and on a provider without our processor: also the first record', async () => {
    const { sdk } = newerLine;
    const exporter = new sdk.InMemoryLogRecordExporter();
    const provider = new sdk.LoggerProvider({ processors: [new sdk.SimpleLogRecordProcessor({ exporter })] });
    for (const loggerProvider of [() => undefined, provider]) {
      const sessions = new SessionLogs({ redact, loggerProvider });
      await sessions.logChunkToQueue(`a ${MAIL}`, 's', { attributes: { card: CARD } });
      await sessions.logChunkToQueue(`b ${MAIL}`, 's');
      expect(sessions.getAllLogsInQueue()).toHaveLength(2);
      expect(JSON.stringify(sessions.getAllLogsInQueue())).not.toMatch(new RegExp(`${MAIL}|${CARD}`));
      await sessions.shutdown();
    }
    const exported = exporter.getFinishedLogRecords();
    expect(exported).toHaveLength(2);
    expect(JSON.stringify(exported.map(({ body, attributes }) => [body, attributes]))).not.toMatch(
      new RegExp(`${MAIL}|${CARD}`),
    );
  });

  it('startSessionLogs: not in the store, the file, the spool or at the collector; what is dropped is nowhere', async () => {
    const receiver = await startOtlpReceiver();
    ends.push(() => receiver.close());
    const [directory, spool] = [temporaryDirectory(), temporaryDirectory()];
    const sessions = await startSessionLogs({
      directory,
      endpoint: receiver.url,
      spool: { directory: spool },
      console: false,
      streamHandler: false,
      redact: (entry) => (entry.message.startsWith('unwanted') ? undefined : redact(entry)),
    });
    ends.push(() => sessions.shutdown());
    await sessions.logChunkToQueue(`keep ${MAIL} ${JWT}`, 's', { attributes: { card: CARD } });
    await sessions.logChunkToQueue(`unwanted ${MAIL}`, 's');
    sessions.logger.warn(`unwanted ${CARD}`);
    await new Promise(setImmediate);
    const onDisk = bytesBelow(directory) + bytesBelow(spool);
    expect(onDisk).toContain('keep');
    await sessions.forceFlush();
    const everything =
      onDisk + bytesBelow(directory) + JSON.stringify([sessions.getAllLogsInQueue(), receiver.records()]);
    for (const secret of [...SECRETS, 'unwanted']) expect(everything).not.toContain(secret);
    expect(receiver.records()).toHaveLength(1);
    expect(sessions.stats().lost).toEqual({ redacted: 2 });
  });

  it('a durable processor of your own spools what the redaction left', async () => {
    const { sdk } = newerLine;
    const directory = temporaryDirectory();
    const never = { export: () => undefined, shutdown: () => Promise.resolve(), forceFlush: () => Promise.resolve() };
    const durable = new DurableLogRecordProcessor({ exporter: never, directory, shutdownTimeoutMillis: 100 });
    ends.push(() => durable.shutdown());
    let provider: InstanceType<typeof sdk.LoggerProvider> | undefined;
    const sessions = new SessionLogs({ redact, loggerProvider: () => provider });
    provider = new sdk.LoggerProvider({ processors: [sessions.processor, durable] });
    await sessions.logChunkToQueue(`spooled ${MAIL}`, 's', { attributes: { card: CARD } });
    await new Promise(setImmediate);
    const bytes = bytesBelow(directory);
    expect(bytes).toContain('spooled');
    for (const secret of SECRETS) expect(bytes).not.toContain(secret);
  });
});
