import { encodeJsonLogs } from '../otlp/export-json.ts';
import type { LogData } from '../model/log-data.ts';
import type { Session } from '../model/session.ts';
import type { SessionModel } from '../model/session-model.ts';
import { MAX_TEXT } from '../model/value.ts';
import { jsonAnswer, SAFE_HEADERS, textAnswer } from '../web/exchange.ts';
import type { Answer, Asked } from '../web/exchange.ts';
import { newestChanges } from './block-pages.ts';
import { blockDetail, entryDetail, firstAfter, isShown, MAX_SHOWN, sessionRow } from './encode.ts';
import { PageStream } from './page-stream.ts';
import { blockQuery, integer, listQuery, pageCursor, sessionKeys, text, WrongQueryError } from './queries.ts';
import { replayOf } from './replay.ts';
import { listWindow } from './session-list.ts';
import { StateReport } from './state-report.ts';
import { searchBlocks } from './text-search.ts';
import { Ticker } from './ticker.ts';

const MAX_NUMBER = Number.MAX_SAFE_INTEGER;
/** Most pages at a time; each holds a connection. */
const MAX_STREAMS = 64;
const RECORDS_PER_LINE = 512;
/** About how much memory the records of a line take. The Collector cuts a line that is longer than 1 MiB. */
const BYTES_PER_LINE = 262_144;

/** Answers the requests of a page, as PROTOCOL.md describes. The caller has checked who asks. */
export class ViewerApi {
  readonly #model: SessionModel;
  readonly #report: StateReport;
  readonly #ticker: Ticker;
  #streams = 0;

  constructor(model: SessionModel, traceLink?: string) {
    this.#model = model;
    this.#report = new StateReport(model, traceLink);
    this.#ticker = new Ticker(model);
  }

  /** Answers a request below `/api/`; `undefined` for any other. */
  async handle(asked: Asked): Promise<Answer | undefined> {
    if (!asked.path.startsWith('/api/')) return undefined;
    if (asked.method !== 'GET' && asked.method !== 'HEAD') {
      return textAnswer(405, 'the viewer takes GET only', { allow: 'GET, HEAD' });
    }
    try {
      return (await this.#answer(asked)) ?? textAnswer(404, 'not found');
    } catch (error) {
      if (error instanceof WrongQueryError) return textAnswer(400, error.message);
      throw error;
    }
  }

  /** Ends the streams of all pages. */
  close(): void {
    this.#ticker.close();
  }

  #answer(asked: Asked): Promise<Answer> | Answer | undefined {
    switch (asked.path.slice('/api/'.length)) {
      case 'state':
        return jsonAnswer(200, this.#report.state());
      case 'sessions':
        return this.#sessions(asked);
      case 'stream':
        return this.#stream(asked);
      case 'blocks':
        return this.#blocks(asked);
      case 'block':
        return this.#block(asked);
      case 'entry':
        return this.#entry(asked);
      case 'search':
        return this.#search(asked);
      case 'export':
        return this.#export(asked);
      case 'replay':
        return this.#replay(asked);
      default:
        return undefined;
    }
  }

  #sessions({ query }: Asked): Answer {
    const list = listQuery(query);
    const { matching, sessions } = listWindow(this.#model, list);
    const nowMillis = this.#model.now();
    const rows = sessions.map((session) => sessionRow(session, nowMillis));
    return jsonAnswer(200, { total: this.#model.sessions.size, matching, offset: list.offset, rows });
  }

  #stream(asked: Asked): Answer {
    const { query, signal } = asked;
    const stream = new PageStream(this.#model, this.#report, {
      list: listQuery(query),
      blocks: blockQuery(query),
      follow: sessionKeys(query, 'follow'),
      anew: sessionKeys(query, 'anew'),
      tail: integer(query, 'tail', 500, 0, 10_000),
      after: pageCursor(asked.header('last-event-id') ?? query.get('after')),
    });
    if (this.#streams >= MAX_STREAMS) {
      return textAnswer(503, `${MAX_STREAMS} pages are open already`, { 'retry-after': '5' });
    }
    return {
      status: 200,
      headers: {
        ...SAFE_HEADERS,
        'content-type': 'text/event-stream; charset=utf-8',
        // Compression in between, such as that of Express, would hold events back until it has enough of them.
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      },
      body: this.#counted(stream.events(this.#ticker, signal)),
    };
  }

  async *#counted(events: AsyncIterable<string>): AsyncGenerator<string> {
    this.#streams += 1;
    try {
      yield* events;
    } finally {
      this.#streams -= 1;
    }
  }

  #blocks({ query }: Asked): Answer {
    const session = this.#sessionIn(query);
    if (session === undefined) return noSession();
    const filter = blockQuery(query);
    const before = integer(query, 'before', MAX_NUMBER, 0, MAX_NUMBER);
    const limit = integer(query, 'limit', 200, 1, 1_000);
    const chars = integer(query, 'chars', MAX_SHOWN, 1, MAX_TEXT);
    const older = session.blocks.filter((block) => block.id < before && isShown(block, filter));
    const blocks = newestChanges(older, limit, chars);
    return jsonAnswer(200, { blocks, hasOlder: older.length > blocks.length });
  }

  #block({ query }: Asked): Answer {
    const session = this.#sessionIn(query);
    const id = integer(query, 'id', 0, 0, MAX_NUMBER);
    const block = session?.blocks.find((each) => each.id === id);
    if (session === undefined || block === undefined) return textAnswer(404, 'the block is not held');
    const until = integer(query, 'until', MAX_NUMBER, 0, MAX_NUMBER);
    const count = firstAfter(block.entries, until);
    const then = count === block.entries.length ? block : { ...block, entries: block.entries.slice(0, count) };
    return jsonAnswer(200, blockDetail(then, session, this.#model));
  }

  #entry({ query }: Asked): Answer {
    const session = this.#sessionIn(query);
    const seq = integer(query, 'seq', 0, 0, MAX_NUMBER);
    const entry = session?.entries[firstAfter(session.entries, seq - 1)];
    if (session === undefined || entry?.seq !== seq) return textAnswer(404, 'the entry is not held');
    return jsonAnswer(200, entryDetail(entry, session, this.#model));
  }

  async #search({ query, signal }: Asked): Promise<Answer> {
    const wanted = text(query, 'q', 1_000);
    if (wanted === '') throw new WrongQueryError('expected `q` to be a text, got ""');
    return jsonAnswer(
      200,
      await searchBlocks(this.#model, wanted, { ...listQuery(query), ...blockQuery(query) }, signal),
    );
  }

  async #replay({ query, signal }: Asked): Promise<Answer> {
    const session = this.#sessionIn(query);
    return session === undefined ? noSession() : jsonAnswer(200, await replayOf(session, signal));
  }

  #export({ query }: Asked): Answer {
    const session = this.#sessionIn(query);
    if (session === undefined) return noSession();
    const name = session.name.replaceAll(/[^\w.-]/g, '_').slice(0, 80);
    return {
      status: 200,
      headers: {
        ...SAFE_HEADERS,
        'content-type': 'application/x-ndjson; charset=utf-8',
        'content-disposition': `attachment; filename="${name}.otlp.jsonl"`,
      },
      body: exportLines(session),
    };
  }

  #sessionIn(query: URLSearchParams): Session | undefined {
    return this.#model.sessions.get(query.get('session') ?? '');
  }
}

function noSession(): Answer {
  return textAnswer(404, 'the session is not held');
}

/** The records of a session in the form that the Collector's file exporter writes and its `otlpjsonfile` receiver reads. */
async function* exportLines(session: Session): AsyncGenerator<string> {
  let records: LogData[] = [];
  let bytes = 0;
  for (const { data, bytes: size } of session.entries.slice()) {
    if (records.length > 0 && (records.length >= RECORDS_PER_LINE || bytes + size > BYTES_PER_LINE)) {
      yield `${encodeJsonLogs(records)}\n`;
      records = [];
      bytes = 0;
    }
    records.push(data);
    bytes += size;
  }
  if (records.length > 0) yield `${encodeJsonLogs(records)}\n`;
}
