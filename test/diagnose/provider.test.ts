import {
  BatchLogRecordProcessor,
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import {
  CoalescingLogRecordProcessor,
  DateFileLogRecordProcessor,
  DurableLogRecordProcessor,
} from '../../src/export.ts';
import { SessionLogRecordProcessor, SessionLogs, startSessionLogs } from '../../src/index.ts';
import type { Diagnosis, Finding } from '../../src/index.ts';
import { builtSource } from '../support/built-source.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { processorThat } from '../support/sdk-lines.ts';
import type { Processor } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { codesOf, foundOf, withEnvironment } from './diagnosing.ts';

recordDiagnostics();

const exporter = (): InMemoryLogRecordExporter => new InMemoryLogRecordExporter();
const batch = (): Processor => new BatchLogRecordProcessor({ exporter: exporter() });

/** Of an instance whose provider has these processors, in this order. */
function diagnosedIn(processors: (own: SessionLogs) => readonly Processor[]): Promise<Diagnosis> {
  const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
  const provider = new LoggerProvider({ processors: [...processors(sessions)] });
  onTestFinished(() => provider.shutdown());
  return sessions.diagnose();
}

function only(diagnosis: Diagnosis, code: Finding['code']): Finding {
  const found = foundOf(diagnosis, code);
  expect(found, String(diagnosis)).toHaveLength(1);
  return found[0] as Finding;
}

const CONFIG_FILE = { OTEL_CONFIG_FILE: '/etc/otel.yaml' };

describe('without a provider', () => {
  const diagnosed = (): Promise<Diagnosis> => new SessionLogs().diagnose();

  it('says what to start', async () => {
    const { problem, fix } = only(await diagnosed(), 'no_provider');
    expect(problem).toBe(
      'no logger provider is registered: chunks reach readers only, and records of other loggers are lost',
    );
    expect(fix).toContain('`logRecordProcessors: [sessions.processor, ...]`');
    expect(fix).toContain('startSessionLogs({ registerGlobally: true })');
  });

  it('names OTEL_LOGS_EXPORTER=none, with which an SDK makes none', async () => {
    withEnvironment({ OTEL_LOGS_EXPORTER: 'none' });
    expect(only(await diagnosed(), 'no_provider').problem).toContain('With OTEL_LOGS_EXPORTER=none a NodeSDK makes');
  });

  it('names a configuration file, from which an SDK takes no processor of the program', async () => {
    withEnvironment(CONFIG_FILE);
    const diagnosis = await diagnosed();
    expect(codesOf(diagnosis)).toEqual(['no_provider', 'config_file']);
    expect(only(diagnosis, 'config_file').fix).toContain('remove `logger_provider` from the file');
  });

  it('with a function that returns one later', async () => {
    let provider: LoggerProvider | undefined;
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    expect(codesOf(await sessions.diagnose())).toEqual(['no_provider']);
    provider = new LoggerProvider({ processors: [sessions.processor, batch()] });
    expect(codesOf(await sessions.diagnose())).toEqual([]);
  });
});

describe('a provider without the processor of this instance', () => {
  it.each<[string, () => Processor[]]>([
    ['it has none', () => []],
    ['it has BatchLogRecordProcessor, SimpleLogRecordProcessor', () => [batch(), simple()]],
  ])('says what it has instead: %s', async (text, processors) => {
    const { problem, fix } = only(await diagnosedIn(processors), 'not_attached');
    expect(problem).toBe(`the provider's processors do not include this instance's processor: ${text}`);
    expect(fix).toContain('put `sessions.processor` into the provider');
    expect(fix).toContain('another SDK was started before yours');
  });

  const simple = (): Processor => new SimpleLogRecordProcessor({ exporter: exporter() });

  it('names a configuration file too', async () => {
    withEnvironment(CONFIG_FILE);
    expect(codesOf(await diagnosedIn(() => [batch()]))).toEqual(['not_attached', 'config_file']);
    expect(codesOf(await diagnosedIn((own) => [own.processor, batch()]))).toEqual([]);
  });

  it('is not accused where a processor may hold it where nobody can see it', async () => {
    const diagnosis = await diagnosedIn(() => [batch(), processorThat(() => {})]);
    expect(codesOf(diagnosis)).toEqual([]);
    expect(diagnosis.unchecked.join()).toContain(
      "whether the provider has this instance's processor: it does not show its processors",
    );
  });
});

describe('a provider with the processor of this instance', () => {
  const ATTACHED = "the provider passes records to this instance's processor";

  function holding(own: Processor, hold: (outer: object) => unknown): Processor {
    const outer: Processor & { held?: unknown } = processorThat((...record) => own.onEmit(...record));
    outer.held = hold(outer);
    return outer;
  }

  it('as one of a list of another processor, which is in it too', async () => {
    const diagnosis = await diagnosedIn(({ processor }) => [
      holding(processor, (outer) => [outer, { processor }]),
      batch(),
    ]);
    expect(codesOf(diagnosis)).toEqual([]);
    expect(diagnosis.checked).toContain(ATTACHED);
  });

  it('too deep within others is not found, and not missed', async () => {
    const diagnosis = await diagnosedIn(({ processor }) => [
      holding(processor, () => ({ a: { b: { c: { processor } } } })),
      batch(),
    ]);
    expect(codesOf(diagnosis)).toEqual([]);
    expect(diagnosis.checked).not.toContain(ATTACHED);
    expect(diagnosis.unchecked.join()).toContain("whether the provider has this instance's processor");
  });

  it('is looked for without calling a getter of the application', async () => {
    let calls = 0;
    const withGetter = {
      ...processorThat(() => {}),
      get own(): undefined {
        calls += 1;
        return undefined;
      },
    };
    await diagnosedIn(() => [withGetter, batch()]);
    expect(calls).toBe(0);
  });

  it('that is shut down takes no more records', async () => {
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    const provider = new LoggerProvider({ processors: [sessions.processor] });
    await provider.shutdown();
    const { problem, fix } = only(await sessions.diagnose(), 'not_attached');
    expect(problem).toContain("this instance's processor is shut down");
    expect(fix).toContain('make a new SessionLogs');
  });
});

describe('the order of processors', () => {
  class KafkaExportingProcessor {
    readonly onEmit = (): void => {};
    readonly forceFlush = (): Promise<void> => Promise.resolve();
    readonly shutdown = (): Promise<void> => Promise.resolve();
  }

  /** With a name that does not tell what it does. */
  class Loki extends SimpleLogRecordProcessor {}

  it.each<[string, () => Processor]>([
    ['BatchLogRecordProcessor', batch],
    ['SimpleLogRecordProcessor', () => new SimpleLogRecordProcessor({ exporter: exporter() })],
    ['DateFileLogRecordProcessor', () => new DateFileLogRecordProcessor({ directory: temporaryDirectory() })],
    [
      'DurableLogRecordProcessor',
      () => new DurableLogRecordProcessor({ exporter: exporter(), directory: temporaryDirectory() }),
    ],
    ['CoalescingLogRecordProcessor', () => new CoalescingLogRecordProcessor({ processor: batch() })],
    ['KafkaExportingProcessor', () => new KafkaExportingProcessor()],
    ['Loki', () => new Loki({ exporter: exporter() })],
  ])('%s before the session processor exports what it should not', async (name, made) => {
    const diagnosis = await diagnosedIn((own) => [made(), own.processor, batch()]);
    const { problem, fix } = only(diagnosis, 'processor_order');
    expect(problem).toBe(
      `${name} comes before the session processor: what it exports lacks the added \`session.id\` and is not redacted`,
    );
    expect(fix).toBe('put `sessions.processor` first in the list');
    expect(codesOf(await diagnosedIn((own) => [own.processor, made(), batch()]))).toEqual([]);
  });

  it('names all that come before', async () => {
    const diagnosis = await diagnosedIn((own) => [batch(), new KafkaExportingProcessor(), own.processor]);
    expect(only(diagnosis, 'processor_order').problem).toContain(
      'BatchLogRecordProcessor, KafkaExportingProcessor comes',
    );
  });

  it('one that only sets attributes belongs before', async () => {
    const enriching = processorThat((record) => void record.setAttribute('host', 'a'));
    expect(codesOf(await diagnosedIn((own) => [enriching, own.processor, batch()]))).toEqual([]);
  });
});

describe('another instance of the process', () => {
  it('whose processor the provider has is the one to ask; what is wrong with its order is told too', async () => {
    const other = new SessionLogs();
    const diagnosis = await diagnosedIn(() => [batch(), other.processor]);
    expect(codesOf(diagnosis)).toEqual(['other_instance', 'processor_order']);
    const { problem, fix } = only(diagnosis, 'other_instance');
    expect(problem).toContain('the provider has the processor of another SessionLogs of this process');
    expect(fix).toContain('diagnose with the instance whose `processor` the provider has');
  });

  it('that is a processor alone counts, one that is shut down does not', async () => {
    const other = new SessionLogRecordProcessor();
    expect(codesOf(await diagnosedIn(() => [other, batch()]))).toEqual(['other_instance']);
    await other.shutdown();
    expect(codesOf(await diagnosedIn(() => [other, batch()]))).toEqual(['not_attached']);
  });

  it('of another copy of this package counts', async () => {
    const copy = (await import(builtSource().url('index.js'))) as {
      SessionLogRecordProcessor: typeof SessionLogRecordProcessor;
    };
    expect(copy.SessionLogRecordProcessor).not.toBe(SessionLogRecordProcessor);
    const other = new copy.SessionLogRecordProcessor();
    expect(codesOf(await diagnosedIn(() => [other as unknown as Processor, batch()]))).toEqual(['other_instance']);
    await other.shutdown();
    expect(codesOf(await diagnosedIn(() => [other as unknown as Processor, batch()]))).toEqual(['not_attached']);
  });

  it('that a start made, in no provider that this one sees, is the one to ask', async () => {
    const started = await startSessionLogs({ file: false, console: false, streamHandler: false });
    for (const sessions of [new SessionLogs(), new SessionLogs({ loggerProvider: () => new LoggerProvider() })]) {
      const diagnosis = await sessions.diagnose();
      expect(codesOf(diagnosis)).toEqual(['other_instance']);
      const { problem, fix } = only(diagnosis, 'other_instance');
      expect(problem).toContain('startSessionLogs or register has started another one in this process');
      expect(fix).toContain('use the result of `startSessionLogs()`');
    }
    await started.shutdown();
    expect(codesOf(await new SessionLogs().diagnose())).toEqual(['no_provider']);
  });
});
