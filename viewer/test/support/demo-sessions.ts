import { logData } from '../../src/model/log-data.ts';
import type { LogData, Origin } from '../../src/model/log-data.ts';
import type { SessionModel } from '../../src/model/session-model.ts';
import type { Source } from '../../src/model/source.ts';
import type { Attributes, Value } from '../../src/model/value.ts';

/** The moment at which the sessions of the demo are looked at. */
export const DEMO_NOW: number = Date.UTC(2026, 10, 12, 14, 32, 8);
export const DEMO_SESSION = 'order-7421';

const REASONING =
  'The customer asks for a refund of one item. The order has two items; the lamp arrived broken, and photos are attached. ' +
  'The policy allows a refund within 30 days without a return for broken goods below 100 EUR. I need the price and the day of delivery.';
const CALL = '{"name":"find_order","arguments":{"order":"7421","fields":["items","delivered_at"]}}';
const RESULT = '{"items":[{"sku":"LAMP-02","price":49.9},{"sku":"BULB-10","price":8.5}],"delivered_at":"2026-11-03"}';
const ANSWER =
  'I am sorry that your lamp arrived broken. Thank you for the photos: you need not send anything back.\n\n' +
  'I have refunded 49.90 EUR for the lamp to your card; it takes two to three working days. ' +
  'Shall I send a new one at no cost, or is the refund enough?';
const SECOND = 'A new lamp leaves our warehouse today and should be with you on Saturday. ';
const STACK = `TimeoutError: warehouse did not answer within 2000 ms
    at Warehouse.reserve (/app/src/warehouse.ts:48:11)
    at async sendReplacement (/app/src/replacement.ts:21:20)
    at async Agent.runTool (/app/src/agent.ts:133:18)`;

/** Writes the records of a session, each a given time after the previous one. */
class Writer {
  millis: number;
  readonly #model: SessionModel;
  readonly #source: Source;
  readonly #id: string;
  readonly #origin: Origin;

  constructor(model: SessionModel, source: Source, id: string, service: string, millis: number) {
    this.#model = model;
    this.#source = source;
    this.#id = id;
    this.millis = millis;
    this.#origin = {
      resource: { 'service.name': service, 'service.version': '2.8.1', 'deployment.environment.name': 'staging' },
      scopeName: service,
      scopeVersion: '2.8.1',
      scopeAttributes: {},
    };
  }

  write(afterMillis: number, fields: Partial<LogData>, attributes: Attributes = {}): this {
    this.millis += afterMillis;
    const data = logData({
      millis: this.millis,
      observedMillis: this.millis,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      origin: this.#origin,
      ...fields,
      attributes: { 'session.id': this.#id, ...attributes },
    });
    this.#model.add(data, { source: this.#source, isPast: true });
    return this;
  }

  mark(afterMillis: number, name: string, attributes: Attributes = {}): this {
    return this.write(afterMillis, { eventName: `session_logs.${name}` }, attributes);
  }

  /** Word by word, as a model gives it. */
  stream(text: string, millisEach: number): this {
    const words = text.match(/\s*\S+\s*/g) ?? [];
    // Models pause, so that the timeline has something to show.
    words.forEach((body, at) => this.write(at % 17 === 16 ? millisEach * 6 : millisEach, { body }));
    return this;
  }

  says(afterMillis: number, role: 'user' | 'tool', content: string): this {
    return this.write(afterMillis, { eventName: `gen_ai.${role}.message`, body: { content } });
  }

  log(afterMillis: number, severityNumber: number, body: Value, attributes: Attributes = {}): this {
    const severityText = severityNumber >= 17 ? 'ERROR' : severityNumber >= 13 ? 'WARN' : 'INFO';
    return this.write(afterMillis, { severityNumber, severityText, body }, attributes);
  }
}

/** An agent's session with all that a session can have, still being written; and others, live, ended and failed. */
export function writeDemoSessions(model: SessionModel): void {
  const source = model.addSource('http://127.0.0.1:4318', 'otlp');
  writeOthers(model, source);
  const agent = new Writer(model, source, DEMO_SESSION, 'support-agent', DEMO_NOW - 64_000);
  agent
    .says(0, 'user', 'My lamp from order 7421 arrived broken. Can I have my money back? I have attached photos.')
    .log(40, 9, 'agent run started', { 'gen_ai.request.model': 'large-3', 'user.tier': 'plus' })
    .mark(120, 'stream_start')
    .mark(300, 'reasoning_start')
    .stream(REASONING, 45)
    .mark(5, 'reasoning_stop')
    .mark(60, 'tool_call_start')
    .stream(CALL, 30)
    .mark(5, 'tool_call_end')
    .mark(5, 'stream_end', { 'gen_ai.response.finish_reasons': ['tool_calls'] })
    .log(900, 13, 'orders-db answered after 880 ms, the limit is 500 ms', { 'db.system.name': 'postgresql' })
    .says(20, 'tool', RESULT);
  model.find(DEMO_SESSION)?.addGap(12, 'the queue of the exporter was full', agent.millis + 400);
  agent
    .mark(700, 'stream_start')
    .stream(ANSWER, 55)
    .mark(10, 'stream_end', {
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 1_284,
      'gen_ai.usage.output_tokens': 61,
    });
  const session = model.find(DEMO_SESSION);
  const delivered = session?.entries.at(-1);
  if (session !== undefined && delivered !== undefined)
    session.delivered = { seq: delivered.seq, millis: agent.millis };
  agent
    .says(9_000, 'user', 'Please send a new one.')
    .log(1_400, 17, 'the replacement could not be reserved', {
      'exception.type': 'TimeoutError',
      'exception.message': 'warehouse did not answer within 2000 ms',
      'exception.stacktrace': STACK,
    })
    .log(30, 9, 'asked again, after 250 ms')
    .mark(260, 'stream_start')
    .stream(SECOND, 60);
}

function writeOthers(model: SessionModel, source: Source): void {
  const names = [
    'refund-310',
    'chat-5f0c',
    'order-7398',
    'chat-5ef7',
    'refund-309',
    'order-7377',
    'chat-5e9a',
    'nightly-import',
  ];
  names.forEach((name, at) => {
    const isJob = name.startsWith('nightly');
    const writer = new Writer(
      model,
      source,
      name,
      isJob ? 'importer' : 'support-agent',
      DEMO_NOW - 3_600_000 + at * 420_000,
    );
    writer
      .says(0, 'user', 'Where is my parcel?')
      .mark(200, 'stream_start')
      .stream(SECOND.repeat(1 + (at % 3)), 50);
    if (at % 4 === 2)
      writer
        .log(10, 17, 'the model is overloaded')
        .mark(5, 'stream_end', { 'gen_ai.response.finish_reasons': ['error'] });
    else
      writer.mark(10, 'stream_end', {
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.usage.output_tokens': 14 * (1 + (at % 3)),
      });
  });
}
