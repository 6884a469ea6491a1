import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { builtSource } from '../../support/built-source.ts';
import { drain, missing, promised, startChild } from '../../support/durable-process.ts';
import type { RunningChild } from '../../support/durable-process.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import type { Answer } from '../../support/otlp-receiver.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { randomNumbers } from '../../support/properties.ts';

const source = builtSource();

const WAVES = Number(process.env['DURABLE_KILL_WAVES'] ?? 4);
const PROCESSES = 3;

/** What the collector does, in turn: every way in which it was seen to fail. */
const WEATHER: readonly Answer[] = [
  'ok',
  'ok',
  { status: 503 },
  'answer-lost',
  { slow: 60 },
  'ok',
  'reset',
  { status: 500 },
];

describe.each(['3.x', '0.2xx'] as const)('on the %s line', (line) => {
  test(
    `${WAVES * PROCESSES} processes on one root, killed at random moments, also while they start and adopt: nothing written is missing`,
    async () => {
      const root = join(temporaryDirectory(), 'spool');
      const marks = temporaryDirectory();
      const receiver = await startOtlpReceiver({ answer: ({ index }) => WEATHER[index % WEATHER.length] as Answer });
      const children: { readonly prefix: string; readonly markFile: string }[] = [];
      const random = randomNumbers();
      let killed = 0;

      async function runOne(prefix: string): Promise<void> {
        const markFile = join(marks, prefix);
        children.push({ prefix, markFile });
        const child: RunningChild = startChild({
          mode: 'stream',
          line,
          url: receiver.logsUrl,
          module: source.url('export/durable/durable.js'),
          directory: root,
          prefix,
          markFile,
          exporterTimeoutMillis: 300,
        });
        // Every third is killed while it starts or takes over what the others left.
        if (random() < 0.33) await delay(50 + random() * 250);
        else {
          await child.told('ready');
          await delay(random() * 300);
        }
        child.process.kill('SIGKILL');
        const { signal, errors } = await child.ended;
        expect(errors).toBe('');
        if (signal === 'SIGKILL') killed += 1;
      }

      for (let wave = 0; wave < WAVES; wave += 1) {
        await Promise.all(Array.from({ length: PROCESSES }, (_, i) => runOne(`w${wave}p${i}`)));
      }
      expect(killed).toBe(WAVES * PROCESSES);
      receiver.answer('ok');
      const stats = await drain(root, receiver.logsUrl);
      const arrived = receiver.records().map((record) => record.body);
      const unique = new Set<unknown>(arrived);
      let written = 0;
      const lost = children.flatMap(({ prefix, markFile }) => {
        const count = promised(markFile);
        written += count;
        return missing(unique, prefix, count);
      });
      await receiver.close();
      console.log(
        `${line}: ${written} written records of ${killed} killed processes, ${lost.length} missing, ${arrived.length - unique.size} sent twice`,
      );
      expect(lost).toStrictEqual([]);
      expect(written).toBeGreaterThan(WAVES * 50);
      // A kill can cut the entry that is being written; nothing else may be damaged.
      expect(Object.keys(stats.lost).filter((reason) => reason !== 'damaged')).toStrictEqual([]);
    },
    60_000 + WAVES * 3_000,
  );
});
