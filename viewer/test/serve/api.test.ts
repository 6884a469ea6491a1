import { describe, expect, it } from 'vitest';

import { decodeJsonLogs } from '../../src/otlp/json.ts';
import { logData } from '../../src/model/log-data.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import type { BlockDetail, EntryDetail, SearchHit } from '../../src/serve/protocol.ts';
import { blockQuery, listQuery } from '../../src/serve/queries.ts';
import { searchBlocks } from '../../src/serve/text-search.ts';
import { ask, askJson, startServer } from '../support/dev-server.ts';
import { SessionScript } from '../support/records.ts';

describe('the interface of the page', () => {
  it('shows an entry in full, with what JSON has no place for', async () => {
    const server = await startServer();
    const source = server.model.addSource('here', 'otlp');
    const { seq } = server.model.add(
      logData({
        millis: 1_790_000_000_123,
        nanos: 456_789,
        severityNumber: 17,
        severityText: 'ERROR',
        body: { big: 2n ** 60n, bytes: Uint8Array.of(1, 2), none: null, nan: Number.NaN },
        attributes: {
          'session.id': 'abc',
          'exception.type': 'TypeError',
          'exception.message': 'no',
          'exception.stacktrace': 'TypeError: no\n    at x',
        },
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
      }),
      { source },
    );
    const entry = await askJson<EntryDetail>(`${server.endpoint}/api/entry?session=s:abc&seq=${seq}`);
    expect(entry).toMatchObject({
      text: '{"big":"1152921504606846976","bytes":"AQI=","none":null,"nan":"NaN"}',
      body: { big: '1152921504606846976', bytes: 'AQI=', none: null, nan: 'NaN' },
      timeUnixNano: '1790000000123456789',
      exception: { type: 'TypeError', message: 'no', stacktrace: 'TypeError: no\n    at x' },
      traceId: '0af7651916cd43dd8448eb211c80319c',
      source: 'here',
    });
  });

  it('shows the chunks of an answer in time: the first token, the pace, the longest pause', async () => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'abc').mark('stream_start').chunk('a').chunk('bc');
    script.millis += 3_000;
    script.chunk('d').mark('stream_end');
    const [block] = server.model.find('abc')?.blocks ?? [];
    const detail = await askJson<BlockDetail>(`${server.endpoint}/api/block?session=s:abc&id=${block?.id ?? 0}`);
    expect(detail.timeline.map(([, after, chars]) => [after, chars])).toEqual([
      [1_000, 1],
      [2_000, 2],
      [6_000, 1],
    ]);
    expect(detail).toMatchObject({ timeToFirstTokenMillis: 1_000, tokensPerSecond: 0.6, longestPauseMillis: 4_000 });
  });

  it('finds a text in all entries, whatever its case, the newest sessions first', async () => {
    const server = await startServer();
    new SessionScript(server.model, 'one').log('the Order was sent').log('an order more');
    new SessionScript(server.model, 'two').log('nothing');
    new SessionScript(server.model, 'three').log('<b>ORDER</b>');
    const { hits } = await askJson<{ readonly hits: SearchHit[] }>(`${server.endpoint}/api/search?q=order`);
    const idsOf = (name: string): unknown => server.model.find(name)?.blocks.map(({ id }) => id);
    expect(hits.map(({ key, count, blocks, excerpt }) => [key, count, blocks, excerpt])).toEqual([
      ['s:three', 1, idsOf('three'), '<b>ORDER</b>'],
      ['s:one', 2, idsOf('one'), 'the Order was sent'],
    ]);
  });

  it('finds a text that spans several chunks of an answer, and says in which it begins', async () => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'one').log('before').mark('stream_start').mark('reasoning_start');
    script.chunk('half an ').mark('reasoning_stop').chunk('or').chunk('der was se').chunk('nt');
    const find = (query: string): Promise<{ readonly hits: SearchHit[] }> =>
      askJson(`${server.endpoint}/api/search?${query}`);
    const entries = server.model.find('one')?.entries ?? [];
    const seq = entries.find(({ text }) => text === 'or')?.seq;
    expect((await find('q=Order+was+sent')).hits).toEqual([
      {
        key: 's:one',
        seq,
        blocks: [entries.at(-1)?.block.id],
        times: [1],
        excerpt: '\n\nhalf an \norder was sent',
        count: 1,
      },
    ]);
    // Reasoning and what follows it are two texts.
    expect((await find('q=an+order')).hits).toEqual([]);
    expect((await find('q=order&state=failed')).hits).toEqual([]);
    expect((await find('q=order&state=live')).hits.length).toBe(1);
    // What a conversation does not show, none is led to.
    expect((await find('q=before')).hits.length).toBe(1);
    expect((await find('q=before&logType=chat')).hits).toEqual([]);
    expect((await find('q=before&severity=13')).hits).toEqual([]);
    expect((await find('q=S')).hits[0]).toMatchObject({ times: [2], count: 2 });
  });

  it('finds a text behind letters that are longer in lower case', async () => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'one').mark('stream_start').chunk('İ'.repeat(500)).chunk('an order');
    script.chunk(' more');
    const { hits } = await askJson<{ readonly hits: SearchHit[] }>(`${server.endpoint}/api/search?q=order`);
    const seq = server.model.find('one')?.entries.find(({ text }) => text === 'an order')?.seq;
    expect(hits).toMatchObject([{ seq, excerpt: `${'İ'.repeat(37)}an order more` }]);
  });

  it('lets others have a turn while it searches long texts', async () => {
    const model = new SessionModel();
    const script = new SessionScript(model, 'one');
    for (let at = 0; at < 20; at += 1) script.log('x'.repeat(1_000_000));
    const ending = new AbortController();
    setImmediate(() => ending.abort());
    const asked = new URLSearchParams();
    const query = { ...listQuery(asked), ...blockQuery(asked) };
    expect(await searchBlocks(model, 'order', query, ending.signal)).toEqual({ hits: [], isComplete: false });
  });

  it('exports a session as lines of OTLP JSON, which are read back unchanged', async () => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'a/b "c"');
    for (let at = 0; at < 1_000; at += 1) script.log(`line ${at}`, 1 + (at % 24));
    const url = `${server.endpoint}/api/export?session=${encodeURIComponent('s:a/b "c"')}`;
    const got = await ask(url);
    expect(got.headers['content-disposition']).toBe('attachment; filename="a_b__c_.otlp.jsonl"');
    const records = got.text
      .trimEnd()
      .split('\n')
      .flatMap((line) => decodeJsonLogs(line).records);
    const held = server.model.find('a/b "c"')?.entries.map(({ data }) => data);
    expect(records).toEqual(held);
  });

  it.each(['entry?session=s:no&seq=1', 'block?session=s:no&id=1', 'export?session=s:no', 'blocks?session=s:no', 'no'])(
    'answers 404 to %s',
    async (path) => {
      const server = await startServer();
      expect((await ask(`${server.endpoint}/api/${path}`)).status).toBe(404);
    },
  );

  it('is read only', async () => {
    const server = await startServer();
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect((await ask(`${server.endpoint}/api/state`, { method })).status).toBe(405);
    }
  });
});
