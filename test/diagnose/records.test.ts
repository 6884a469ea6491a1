import { BatchLogRecordProcessor, InMemoryLogRecordExporter, LoggerProvider } from '@opentelemetry/sdk-logs';
import { describe, expect, it } from 'vitest';

import { MAX_SESSION_ID_LENGTH } from '../../src/entry/session-id.ts';
import { SessionLogs } from '../../src/index.ts';
import type { Diagnosis } from '../../src/index.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import type { ProviderOptions } from '../support/sdk-lines.ts';
import { codesOf, foundOf } from './diagnosing.ts';

recordDiagnostics();

interface Instance {
  readonly sessions: SessionLogs;
  readonly provider: LoggerProvider;
}

function instance(options: ProviderOptions = {}): Instance {
  const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
  const batch = new BatchLogRecordProcessor({ exporter: new InMemoryLogRecordExporter() });
  const provider = new LoggerProvider({ ...options, processors: [sessions.processor, batch] });
  return { sessions, provider };
}

function limitsIn({ checked }: Diagnosis): readonly string[] {
  return checked.filter((line) => line.startsWith('the SDK keeps'));
}

describe('limits of attributes', () => {
  it('of the SDK, as it comes, keep every session id', async () => {
    const { sessions, provider } = instance();
    provider.getLogger('app').emit({ body: 'x', attributes: { 'session.id': 's'.repeat(200) } });
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual([]);
    expect(limitsIn(diagnosis)).toEqual(['the SDK keeps 128 attributes of a record, each with any length']);
  });

  it.each([
    [32, ['attribute_limits']],
    [MAX_SESSION_ID_LENGTH, ['attribute_limits']],
    [MAX_SESSION_ID_LENGTH + 1, []],
  ])('of %d characters cut longer session ids: %j', async (length, codes) => {
    const { sessions } = instance({ logRecordLimits: { attributeValueLengthLimit: length } });
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual(codes);
    expect(limitsIn(diagnosis)).toEqual([
      `the SDK keeps 128 attributes of a record, each with up to ${length} characters`,
    ]);
    for (const { problem, fix } of foundOf(diagnosis, 'attribute_limits')) {
      expect(problem).toContain(`the SDK cuts attribute values at ${length} characters`);
      expect(fix).toContain('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT');
      expect(fix).toContain(`or keep session ids shorter than ${length} characters`);
    }
  });

  it.each([0, -1])('of %d characters are none for the SDK', async (length) => {
    const { sessions, provider } = instance({ logRecordLimits: { attributeValueLengthLimit: length } });
    provider.getLogger('app').emit({ body: 'x', attributes: { 'session.id': 'a long session id' } });
    expect(sessions.allSessionsInQueue).toEqual(['a long session id']);
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual([]);
    expect(limitsIn(diagnosis)).toEqual(['the SDK keeps 128 attributes of a record, each with any length']);
  });

  it('in number are told once a record without a session has lost some, with the loggers', async () => {
    const { sessions, provider } = instance({ logRecordLimits: { attributeCountLimit: 2 } });
    const emit = (name: string, attributes: Record<string, number | string>): void =>
      provider.getLogger(name).emit({ body: 'x', attributes });
    // Cut, but with its session; and without, but whole.
    emit('well', { 'session.id': 's', a: 1, b: 2 });
    emit('whole', { a: 1, b: 2 });
    expect(codesOf(await sessions.diagnose())).toEqual([]);
    emit('app', { a: 1, b: 2, 'session.id': 's' });
    emit('app', { a: 1, b: 2, c: 3 });
    emit('lib', { a: 1, b: 2, 'session.id': 's' });
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual(['attribute_limits']);
    expect(diagnosis.findings.find(({ code }) => code === 'attribute_limits')).toMatchObject({
      problem:
        'the SDK keeps 2 attributes of a record: 2 of "app", 1 of "lib" had more and no session, whose id may be among the dropped ones',
      fix: expect.stringContaining('OTEL_ATTRIBUTE_COUNT_LIMIT') as string,
    });
  });

  it('both are told', async () => {
    const { sessions, provider } = instance({
      logRecordLimits: { attributeCountLimit: 1, attributeValueLengthLimit: 8 },
    });
    provider.getLogger('app').emit({ body: 'x', attributes: { a: 1, 'session.id': 's' } });
    expect(codesOf(await sessions.diagnose())).toEqual(['attribute_limits', 'attribute_limits']);
  });
});

describe('the records of other loggers', () => {
  const recordsIn = ({ checked }: Diagnosis): string | undefined =>
    checked.find((line) => /^(?:no )?records? of/.test(line));

  it('are told by their scope, in sessions and outside; own ones are not among them', async () => {
    const { sessions, provider } = instance();
    await sessions.logChunkToQueue('own', 's');
    expect(recordsIn(await sessions.diagnose())).toBe('no record of another logger has reached the processor');
    provider.getLogger('app').emit({ body: 'x', attributes: { 'session.id': 's' } });
    provider.getLogger('app').emit({ body: 'x' });
    provider.getLogger('li\nb').emit({ body: 'x' });
    const diagnosis = await sessions.diagnose();
    expect(recordsIn(diagnosis)).toBe(
      'records of other loggers, by their instrumentation scope: "app" 1 in sessions and 1 outside, "li\nb" 0 in sessions and 1 outside',
    );
    // No foreign name forges a line.
    expect(String(diagnosis)).toContain('"li\\u000ab" 0 in sessions');
  });

  it('of many loggers are cut', async () => {
    const { sessions, provider } = instance();
    for (let i = 1; i <= 20; i += 1) provider.getLogger(`logger ${i}`).emit({ body: 'x' });
    expect(recordsIn(await sessions.diagnose())).toMatch(/"logger 20" 0 in sessions and 1 outside$/);
    for (let i = 21; i <= 23; i += 1) provider.getLogger(`logger ${i}`).emit({ body: 'x' });
    expect(recordsIn(await sessions.diagnose())).toMatch(/"logger 20" 0 in sessions and 1 outside, and 3 more$/);
  });
});

describe('rules of the provider', () => {
  it('that stop nothing are no finding', async () => {
    const { sessions } = instance();
    expect((await sessions.diagnose()).checked).toContain('no rule of the provider stops records of a logger');
  });

  it('that stop records for two reasons are told with both', async () => {
    const rule = { enabled: true, disabled: false, minimumSeverity: 9, traceBased: true };
    const none = { enabled: true, disabled: false, minimumSeverity: 0, traceBased: false };
    const { sessions, provider } = instance({
      loggerConfigurator: ({ name }) => (name === 'app' ? rule : none),
    });
    provider.getLogger('app');
    provider.getLogger('lib');
    expect(foundOf(await sessions.diagnose(), 'logger_rules').map(({ problem }) => problem)).toEqual([
      'rules of the provider stop records before any processor gets them: records below severity 9 of "app", records in traces that are not sampled of "app"',
    ]);
  });
});

describe('losses', () => {
  it('are told by their reasons, and only those that there are', async () => {
    const { sessions, provider } = instance();
    expect((await sessions.diagnose()).checked).toContain('nothing was lost');
    provider.getLogger('app').emit({ body: 'x', attributes: { 'session.id': 7 } });
    provider.getLogger('app').emit({ body: 'x', attributes: { 'session.id': 7 } });
    const diagnosis = await sessions.diagnose();
    expect(foundOf(diagnosis, 'losses')).toEqual([
      {
        code: 'losses',
        problem: 'records or entries were lost: 2 invalid_session',
        fix: expect.stringContaining('the table "Losses" in docs/run.md') as string,
      },
    ]);
    expect(diagnosis.checked).not.toContain('nothing was lost');
  });
});
