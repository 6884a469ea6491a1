import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { ErasedPart } from '../../../src/entry/erasure.ts';
import { CoalescingLogRecordProcessor } from '../../../src/export/coalescing/coalescing.ts';
import { QueuedLogRecordProcessor } from '../../../src/export/delivery/queued.ts';
import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import type { DurableLogRecordProcessorOptions } from '../../../src/export/durable/durable-options.ts';
import { ErasureMarks } from '../../../src/export/erasure/erasure-marks.ts';
import { eraseInDirectories } from '../../../src/facade/erase-directories.ts';
import type { LogRecordExporter } from '../../../src/otel/log-record.ts';
import { SessionLogRecordProcessor, SessionLogs } from '../../../src/index.ts';
import { reporterFor } from '../../../src/support/reporter.ts';
import { bytesBelow } from '../../support/daily-file.ts';
import { cannotMount } from '../../support/loop-disk.ts';
import { ManualExporter } from '../../support/manual-exporter.ts';
import { newerFrame } from '../../support/newer-version.ts';
import { failure, ScriptedExporter } from '../../support/scripted-exporter.ts';
import { actAsAnotherProcess } from '../../support/second-process.ts';
import { segmentPaths } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

interface Writing<P> {
  readonly processor: P;
  readonly write: (sessionId: string, ...bodies: string[]) => void;
}

function writingTo<P extends DurableLogRecordProcessor | QueuedLogRecordProcessor>(processor: P): Writing<P> {
  const provider = new LoggerProvider({ processors: [new SessionLogRecordProcessor(), processor] });
  const logger = provider.getLogger('test');
  onTestFinished(async () => {
    await processor.shutdown({ timeoutMillis: 100 }).catch(() => {});
  });
  return {
    processor,
    write: (sessionId, ...bodies) => {
      for (const body of bodies) {
        logger.emit({
          body,
          timestamp: new Date(1_000_000 + Number(/\d+/.exec(body)?.[0] ?? 0)),
          attributes: { 'session.id': sessionId },
        });
      }
    },
  };
}

function durableIn(
  directory: string,
  exporter: LogRecordExporter,
  options: Partial<DurableLogRecordProcessorOptions> = {},
): Writing<DurableLogRecordProcessor> {
  return writingTo(
    new DurableLogRecordProcessor({
      exporter,
      directory,
      scheduledDelayMillis: 5,
      fsync: 'never',
      shutdownTimeoutMillis: 50,
      ...options,
    }),
  );
}

const UNAVAILABLE = (): ScriptedExporter => new ScriptedExporter(() => failure(503));
const NOTHING = {
  file: { lines: 0, files: 0 },
  spool: { records: 0 },
  dead: { records: 0 },
  unanswered: 0,
  otherProcesses: 0,
  remains: [],
};
const NOT_EXPORTED = { records: 0, firstTimestamp: undefined, lastTimestamp: undefined };

describe.each(['a spool on disk', 'a queue in memory'])('a session in %s', (place) => {
  function start(
    exporter: LogRecordExporter,
    options = {},
  ): Writing<DurableLogRecordProcessor | QueuedLogRecordProcessor> {
    if (place === 'a spool on disk') return durableIn(temporaryDirectory(), exporter, options);
    return writingTo(new QueuedLogRecordProcessor({ exporter, scheduledDelayMillis: 5, ...options }));
  }

  it('is not sent any more, and all others are, once each and in order', async () => {
    const exporter = UNAVAILABLE();
    const { processor, write } = start(exporter);
    write('s', 's1', 's2');
    write('a', 'a1');
    await until(() => exporter.calls.length > 0);
    write('a', 'a2');
    write('s', 's3');
    write('a', 'a3');
    const receipt = await processor.eraseSession('s');
    expect(receipt).toMatchObject({ spool: { records: 3 }, unanswered: 0, exported: NOT_EXPORTED });
    write('s', 'new');
    exporter.answer = () => 'ok';
    await processor.forceFlush();
    expect(exporter.bodies).toEqual(['a1', 'a2', 'a3', 'new']);
    expect(processor.stats().lost).toEqual({});
    expect(processor.stats().exported).toBe(4);
    const { pending } = processor.stats();
    expect(typeof pending === 'number' ? pending : pending.own).toBe(0);
  });

  it('that was acknowledged in part is told of, with its times', async () => {
    const exporter = new ScriptedExporter();
    const { processor, write } = start(exporter);
    write('s', 's1', 's7', 's3');
    write('a', 'a1');
    await processor.forceFlush();
    exporter.answer = () => failure(503);
    write('s', 's9');
    await expect(processor.eraseSession('s')).resolves.toMatchObject({
      spool: { records: 1 },
      exported: { records: 3, firstTimestamp: '1970-01-01T00:16:40.001Z', lastTimestamp: '1970-01-01T00:16:40.007Z' },
    });
  });

  it('waits for an export under way, and counts what it carried as exported', async () => {
    const exporter = new ManualExporter();
    exporter.hold();
    const { processor, write } = start(exporter);
    write('s', 's1', 's2');
    write('a', 'a1');
    await until(() => exporter.batches.length > 0);
    write('s', 's3');
    let isDone = false;
    const erasing: Promise<ErasedPart> = processor.eraseSession('s').finally(() => (isDone = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isDone).toBe(false);
    exporter.release();
    await expect(erasing).resolves.toMatchObject({ spool: { records: 1 }, exported: { records: 2 }, unanswered: 0 });
    await processor.forceFlush();
    expect(exporter.bodies()).toEqual(['s1', 's2', 'a1']);
  });

  it('counts what an export without an answer carried, and sends the others again', async () => {
    const exporter = new ScriptedExporter(() => 'hang');
    const { processor, write } = start(exporter, { exportTimeoutMillis: 40 });
    write('s', 's1', 's2');
    write('a', 'a1');
    await until(() => exporter.calls.length > 0);
    write('s', 's3');
    await expect(processor.eraseSession('s')).resolves.toMatchObject({
      spool: { records: 3 },
      exported: { records: 0 },
      unanswered: 2,
    });
    exporter.answer = () => 'ok';
    await processor.forceFlush();
    expect(exporter.bodies).toEqual(['a1']);
  });

  it('a flush that waits for it does not wait any longer', async () => {
    const exporter = UNAVAILABLE();
    const { processor, write } = start(exporter);
    write('s', 's1');
    const flushing = processor.flushSession('s', { timeoutMillis: 10_000 });
    await until(() => exporter.calls.length > 0);
    await processor.eraseSession('s');
    await expect(flushing).resolves.toMatchObject({ pending: 0 });
    await processor.forceFlush({ timeoutMillis: 1_000 });
  });

  it('is erased while others are erased and written', async () => {
    const exporter = UNAVAILABLE();
    const { processor, write } = start(exporter);
    const ids = Array.from({ length: 30 }, (_, n) => `session ${n}`);
    for (let n = 0; n < 5; n += 1) for (const id of ids) write(id, `${id}: ${n}`);
    const receipts = await Promise.all(
      ids.slice(0, 20).map(async (id) => {
        const erasing = processor.eraseSession(id);
        write('session 29', `meanwhile ${id}`);
        return erasing;
      }),
    );
    expect(receipts.map(({ spool }) => spool?.records)).toEqual(Array.from({ length: 20 }, () => 5));
    exporter.answer = () => 'ok';
    await processor.forceFlush();
    expect(exporter.bodies).toHaveLength(50 + 20);
    expect(new Set(exporter.bodies).size).toBe(70);
  });

  it('that is unknown gives a receipt of zeros, and changes nothing', async () => {
    const exporter = UNAVAILABLE();
    const { processor, write } = start(exporter);
    write('a', 'a1');
    const receipt = await processor.eraseSession('unknown');
    expect(receipt).toMatchObject({ spool: { records: 0 }, unanswered: 0, exported: NOT_EXPORTED });
    exporter.answer = () => 'ok';
    await processor.forceFlush();
    expect(exporter.bodies).toEqual(['a1']);
  });
});

describe('on disk', () => {
  it('nothing of it is left in any file: own, of dead processes, and rejected', async () => {
    const root = temporaryDirectory();
    const first = durableIn(root, UNAVAILABLE());
    first.write('s', 'secret 1');
    first.write('a', 'a1');
    await first.processor.shutdown();
    const rejecting = durableIn(
      root,
      new ScriptedExporter(([record]) => (String(record?.body).includes('reject') ? failure(400) : 'ok')),
      {
        maxExportBatchSize: 1,
      },
    );
    rejecting.write('s', 'secret reject 2');
    rejecting.write('a', 'reject a2');
    await rejecting.processor.forceFlush().catch(() => {});
    await rejecting.processor.shutdown();
    const again = durableIn(root, UNAVAILABLE());
    again.write('s', 'secret 3', 'secret 4');
    again.write('a', 'a3');
    await until(() => again.processor.stats().received === 3);
    expect(bytesBelow(root)).toContain('secret');

    const receipt = await again.processor.eraseSession('s');

    expect(bytesBelow(root)).not.toContain('secret');
    const dead = readdirSync(join(root, 'dead'))
      .map((name) => readFileSync(join(root, 'dead', name), 'latin1'))
      .join('');
    expect(dead).toContain('reject a2');
    expect(receipt).toEqual({
      ...NOTHING,
      spool: { records: receipt.spool?.records },
      dead: { records: 1 },
      exported: NOT_EXPORTED,
    });
    // What was delivered by the one in the middle is gone already.
    expect(receipt.spool?.records).toBeGreaterThanOrEqual(2);
  });

  it('what dead processes left is still shipped, but for the session', async () => {
    const root = temporaryDirectory();
    for (const n of [1, 2, 3]) {
      const { processor, write } = durableIn(root, UNAVAILABLE());
      write('s', `secret ${n}`);
      write('a', `a${n}`);
      await processor.shutdown();
    }
    const bodies = segmentPaths(root);
    expect(bodies.length).toBeGreaterThan(0);
    await expect(eraseInDirectories('s', { spool: root })).resolves.toMatchObject({
      spool: { records: 3 },
      otherProcesses: 0,
    });
    expect(bytesBelow(root)).not.toContain('secret');
    const exporter = new ScriptedExporter();
    const { processor } = durableIn(root, exporter);
    await until(() => exporter.bodies.length === 3);
    expect(exporter.bodies.map(String).toSorted()).toEqual(['a1', 'a2', 'a3']);
    expect(processor.stats().lost).toEqual({});
  });

  it('the records of a new session of that id outlive the process that erased the old one', async () => {
    const root = temporaryDirectory();
    const first = durableIn(root, UNAVAILABLE());
    first.write('s', 'secret 1');
    await first.processor.eraseSession('s');
    first.write('s', 'new 2');
    await first.processor.shutdown();
    const exporter = new ScriptedExporter();
    durableIn(root, exporter);
    await until(() => exporter.bodies.length > 0);
    expect(exporter.bodies).toEqual(['new 2']);
  });

  it('what a process left that was killed while it erased another session goes too', async () => {
    const root = temporaryDirectory();
    const { processor, write } = durableIn(root, UNAVAILABLE());
    write('s', 'secret 1');
    await processor.shutdown();
    const [path] = segmentPaths(root);
    copyFileSync(path as string, join(dirname(path as string), '.rewriting-0123456789abcdef'));
    await eraseInDirectories('s', { spool: root });
    expect(bytesBelow(root)).not.toContain('secret');
  });

  it('a living process on the same spool does it too, and its numbers are in the receipt', async () => {
    const root = temporaryDirectory();
    const mine = durableIn(root, UNAVAILABLE());
    actAsAnotherProcess();
    const exporter = new ScriptedExporter();
    const other = durableIn(root, exporter);
    other.write('s', 'secret 1');
    await other.processor.forceFlush();
    exporter.answer = () => failure(503);
    other.write('s', 'secret 2', 'secret 3');
    other.write('a', 'a1');
    mine.write('s', 'secret 4');

    await expect(mine.processor.eraseSession('s')).resolves.toMatchObject({
      spool: { records: 3 },
      exported: { records: 1 },
      otherProcesses: 0,
    });

    expect(bytesBelow(root)).not.toContain('secret');
    other.write('s', 'new');
    exporter.answer = () => 'ok';
    await other.processor.forceFlush();
    expect(exporter.bodies).toEqual(['secret 1', 'a1', 'new']);
  });

  it('what a process could not erase while it lived is not sent by the one that takes over from it', async () => {
    const root = temporaryDirectory();
    const stopped = durableIn(root, UNAVAILABLE());
    stopped.write('s', 'secret 1');
    stopped.write('a', 'a1');
    await until(() => segmentPaths(root).length === 1);
    // As another process asks, which it does not hear of any more.
    new ErasureMarks(root, reporterFor('test')).add('s', 5_000);
    await stopped.processor.shutdown();
    expect(bytesBelow(root)).toContain('secret 1');
    const exporter = new ScriptedExporter();
    const { processor } = durableIn(root, exporter);
    await until(() => exporter.bodies.length > 0);
    await processor.forceFlush();
    expect(exporter.bodies).toEqual(['a1']);
    expect(bytesBelow(root)).not.toContain('secret 1');
  });

  it('what a session of that id logs afterwards is sent, also by the process that takes over', async () => {
    const root = temporaryDirectory();
    const mine = durableIn(root, UNAVAILABLE());
    actAsAnotherProcess();
    const other = durableIn(root, UNAVAILABLE());
    other.write('s', 'secret 1');
    await expect(mine.processor.eraseSession('s')).resolves.toMatchObject({ spool: { records: 1 }, otherProcesses: 0 });
    other.write('s', 'new');
    await other.processor.shutdown();
    await mine.processor.shutdown();
    const exporter = new ScriptedExporter();
    durableIn(root, exporter);
    await until(() => exporter.bodies.length > 0);
    expect(exporter.bodies).toEqual(['new']);
  });

  it('what a process learns of late, after it slept, is erased but for what a new session has logged since', async () => {
    const root = temporaryDirectory();
    const exporter = UNAVAILABLE();
    const { processor, write } = durableIn(root, exporter);
    write('s', 'secret 1');
    write('a', 'a1');
    await until(() => segmentPaths(root).length === 1 && bytesBelow(root).includes('a1'));
    const elsewhere = temporaryDirectory();
    // As another process asked while this one did not run.
    new ErasureMarks(elsewhere, reporterFor('test')).add('s', 0);
    const asked = Date.now();
    await until(() => Date.now() > asked);
    write('s', 'new 2');
    await until(() => bytesBelow(root).includes('new 2'));
    copyFileSync(join(elsewhere, '.erasures'), join(root, '.erasures'));
    await until(() => !bytesBelow(root).includes('secret 1'));
    exporter.answer = () => 'ok';
    await processor.forceFlush();
    expect(exporter.bodies).toEqual(['a1', 'new 2']);
  });

  it.skipIf(cannotMount !== undefined)(
    `a directory of a dead process that cannot be moved makes the erasure incomplete; the next call completes it${cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`}`,
    async () => {
      const root = temporaryDirectory();
      const dead = durableIn(root, UNAVAILABLE());
      dead.write('s', 'secret 1');
      await dead.processor.shutdown();
      const [path = ''] = segmentPaths(root);
      const owner = dirname(path);
      for (const options of [['--bind'], ['-o', 'remount,bind,ro']]) execFileSync('mount', [...options, owner, owner]);
      const unmount = (): void => void execFileSync('umount', ['-l', owner]);
      try {
        await expect(eraseInDirectories('s', { spool: root })).rejects.toMatchObject({
          code: 'erasure_incomplete',
          message: expect.stringMatching(
            new RegExp(`could not be erased in ${root}: .*${basename(owner)} of a dead process cannot be moved`),
          ) as string,
        });
        expect(readFileSync(path, 'latin1')).toContain('secret 1');
      } finally {
        unmount();
      }
      await expect(eraseInDirectories('s', { spool: root })).resolves.toMatchObject({ spool: { records: 1 } });
      expect(bytesBelow(root)).not.toContain('secret');
    },
  );

  it('what another process has not merged yet is not exported any more', async () => {
    const root = temporaryDirectory();
    const mine = durableIn(root, UNAVAILABLE());
    actAsAnotherProcess();
    const exporter = new ScriptedExporter();
    const inner = durableIn(root, exporter).processor;
    const processor = new CoalescingLogRecordProcessor({ processor: inner });
    const provider = new LoggerProvider({ processors: [new SessionLogRecordProcessor(), processor] });
    const sessions = new SessionLogs({ loggerProvider: provider });
    for (const id of ['s', 'other']) void sessions.logChunkToQueue(`text of ${id}`, id);
    await mine.processor.eraseSession('s');
    await processor.forceFlush();
    expect(exporter.bodies).toEqual(['text of other']);
  });

  it('what a newer version wrote is left to it, and named in the receipt', async () => {
    const root = temporaryDirectory();
    const { processor, write } = durableIn(root, UNAVAILABLE());
    write('s', 'secret 1');
    await processor.shutdown();
    const [path] = segmentPaths(root);
    writeFileSync(path as string, Buffer.concat([readFileSync(path as string), newerFrame(9, 1, 2)]));
    const next = durableIn(root, UNAVAILABLE());
    const { remains, spool } = await next.processor.eraseSession('s');
    expect(remains).toEqual([expect.stringContaining('newer version')]);
    expect(spool).toEqual({ records: 0 });
    expect(bytesBelow(root)).toContain('secret 1');
  });
});
