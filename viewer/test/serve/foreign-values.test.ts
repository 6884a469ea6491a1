import { describe, expect, it } from 'vitest';

import { logData } from '../../src/model/log-data.ts';
import type { DevServer } from '../../src/dev/dev-server.ts';
import type { BlockDetail, ListEvent } from '../../src/serve/protocol.ts';
import { LogLineReader } from '../../src/sources/log-line.ts';
import { ask, askJson, postLogs, startServer } from '../support/dev-server.ts';
import { SessionScript } from '../support/records.ts';

/** A logs request of one record in OTLP's JSON. */
function requestOf(record: string): string {
  return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${record}]}]}]}`;
}

async function onlyRow({ endpoint }: DevServer): Promise<ListEvent['rows'][number]> {
  const { rows } = await askJson<ListEvent>(`${endpoint}/api/sessions`);
  if (rows[0] === undefined || rows.length > 1) throw new Error(`there are ${rows.length} sessions`);
  return rows[0];
}

describe('what a record says of itself', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 9e15, -9e15])(
    'is shown with the time of its arrival where its own is %d',
    async (millis) => {
      const now = 1_790_000_000_000;
      const { endpoint, model } = await startServer({ now: () => now });
      new SessionScript(model, 'abc').add({ millis, body: 'x', severityNumber: 9 });
      const block = model.find('abc')?.blocks[0];
      const detail = await askJson<BlockDetail>(`${endpoint}/api/block?session=s:abc&id=${block?.id}`);
      expect(detail.block.millis).toBe(now);
      expect(detail.entry?.timeUnixNano).toBe('0');
      const exported = await ask(`${endpoint}/api/export?session=s:abc`);
      expect(exported.text).toContain('"timeUnixNano":"0"');
      expect((await ask(`${endpoint}/api/replay?session=s:abc`)).text).toContain(`"millis":${now}`);
    },
  );

  it.each([
    [1_790_000_000_000.5, '1790000000000000000'],
    [-1, '0'],
    [18_446_744_073_709, '0'],
  ])('has the nanoseconds of a time that OTLP can say: %d', async (millis, timeUnixNano) => {
    const { endpoint, model } = await startServer();
    new SessionScript(model, 'abc').add({ millis, body: 'x' });
    const block = model.find('abc')?.blocks[0];
    const { entry } = await askJson<BlockDetail>(`${endpoint}/api/block?session=s:abc&id=${block?.id}`);
    expect(entry?.timeUnixNano).toBe(timeUnixNano);
    expect(entry?.millis).toBe(Math.floor(millis));
  });

  it('is accepted even if a number of its JSON is beyond all numbers', async () => {
    const server = await startServer();
    const sent = await postLogs(server, requestOf('{"timeUnixNano":1e400,"observedTimeUnixNano":-1e400}'));
    expect([sent.status, sent.text]).toEqual([200, '{}']);
    expect((await onlyRow(server)).entries).toBe(1);
  });

  it('has a session that an address can name, whatever its id', async () => {
    const server = await startServer();
    const id = JSON.stringify({ key: 'session.id', value: { stringValue: '\ud800 half' } });
    await postLogs(server, requestOf(`{"attributes":[${id}]}`));
    const session = new URLSearchParams({ session: (await onlyRow(server)).key }).toString();
    expect((await ask(`${server.endpoint}/api/blocks?${session}`)).status).toBe(200);
  });

  it('belongs to another session if long ids differ only where they are cut', async () => {
    const { model } = await startServer();
    const id = 'x'.repeat(300);
    new SessionScript(model, `${id}1`).log('one');
    new SessionScript(model, `${id}2`).log('two');
    expect(model.sessions.size).toBe(2);
    expect(model.find(`${id}2`)?.entries.map(({ text }) => text)).toEqual(['two']);
  });

  it('has no trace if the ids of a line are invalid', () => {
    const line = {
      time: '2026-11-23T10:00:00.000Z',
      message: 'x',
      trace_id: '\ud800',
      span_id: 'no',
      severity_number: 1.5,
    };
    const [record] = new LogLineReader().read(JSON.stringify(line)) ?? [];
    expect(record).toMatchObject({ traceId: '', spanId: '', severityNumber: 0 });
  });

  it('is cut in a conversation, since each change of a block repeats it', async () => {
    const { endpoint, model } = await startServer();
    const long = 'x'.repeat(100_000);
    new SessionScript(model, 'abc').add(
      { eventName: 'session_logs.stream_end' },
      { 'session_logs.stream_id': long, 'gen_ai.response.finish_reasons': Array.from({ length: 1_000 }, () => long) },
    );
    new SessionScript(model, 'abc').add(
      { severityNumber: 17, severityText: long, eventName: long, origin: logData({}).origin },
      { 'exception.type': long, 'exception.message': long },
    );
    expect((await ask(`${endpoint}/api/blocks?session=s:abc`)).text.length).toBeLessThan(25_000);
  });
});

describe('the export', () => {
  it('has lines that the receiver of the Collector takes whole: none is longer than 1 MiB', async () => {
    const { endpoint, model } = await startServer();
    const script = new SessionScript(model, 'abc');
    for (let at = 0; at < 200; at += 1) script.log('x'.repeat(20_000));
    const { text } = await ask(`${endpoint}/api/export?session=s:abc`);
    const lines = text.trimEnd().split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(1_048_576);
    expect(text.match(/"timeUnixNano"/g)).toHaveLength(200);
  });
});

describe('a block in full', () => {
  it('ends with the entry that `until` names, as in a replay', async () => {
    const { endpoint, model } = await startServer();
    new SessionScript(model, 'abc').mark('stream_start').chunk('one ').chunk('two ').mark('stream_end');
    const [block] = model.find('abc')?.blocks ?? [];
    const until = block?.entries[1]?.seq;
    const detail = await askJson<BlockDetail>(`${endpoint}/api/block?session=s:abc&id=${block?.id}&until=${until}`);
    expect(detail.block.parts.map(({ text }) => text)).toEqual(['one ']);
    expect(detail.timeline).toHaveLength(1);
  });
});
