import { SessionLogs } from 'otel-session-logs';

/** A library's fake timers, which are installed. */
export interface FakeTime {
  advance(millis: number): unknown;
}

/** What a session's readers come to while time stands still: nothing of it may wait for time. */
const STANDING: Readonly<Record<string, (sessions: SessionLogs) => Promise<unknown>>> = {
  'for await over an ended session': async (sessions) => {
    const read: string[] = [];
    for await (const { message } of sessions.followSession('ended')) read.push(message);
    return read;
  },
  "until: 'caught-up'": async (sessions) => {
    const read: string[] = [];
    for await (const { message } of sessions.followSession('live', { until: 'caught-up' })) read.push(message);
    return read;
  },
  'pop with idleTimeoutMillis: 0': async (sessions) => {
    const read: string[] = [];
    for await (const message of sessions.pop('work', { idleTimeoutMillis: 0 })) read.push(message);
    return read;
  },
  'the body of an event stream': async (sessions) => {
    const response = await sessions.toEventStreamResponse('ended', { retryMillis: 1 });
    return (await response.text()).includes('event: end');
  },
};

/** What comes after a time that was set. */
const PASSING: Readonly<Record<string, (sessions: SessionLogs, time: FakeTime) => Promise<unknown>>> = {
  idleTimeoutMillis: async (sessions, time) => {
    const reader = sessions.followSession('live', { idleTimeoutMillis: 60_000 });
    await reader.next();
    const second = reader.next();
    await time.advance(59_999);
    const early = await Promise.race([second, Promise.resolve('waits')]);
    await time.advance(1);
    return [early, (await second).done];
  },
  'the keep-alive of an event stream': async (sessions, time) => {
    const response = await sessions.toEventStreamResponse('live', { keepAliveMillis: 60_000 });
    const body = (response.body as ReadableStream<Uint8Array>).getReader();
    const next = async (): Promise<string> => new TextDecoder().decode((await body.read()).value);
    while (!(await next()).includes('chunk'));
    const idle = next();
    await time.advance(60_000);
    const text = await idle;
    await body.cancel();
    return text.startsWith(':');
  },
};

export const RESULTS: Readonly<Record<string, unknown>> = {
  'for await over an ended session': ['chunk'],
  "until: 'caught-up'": ['chunk'],
  'pop with idleTimeoutMillis: 0': ['chunk'],
  'the body of an event stream': true,
  idleTimeoutMillis: ['waits', true],
  'the keep-alive of an event stream': true,
};

/** What each case came to; ends only when none waits for time that stands still. */
export async function runFakeTimeCases(time: FakeTime): Promise<Record<string, unknown>> {
  const sessions = new SessionLogs();
  for (const session of ['ended', 'live', 'work']) await sessions.logChunkToQueue('chunk', session);
  sessions.endSession('ended');
  const results: Record<string, unknown> = {};
  for (const [name, run] of Object.entries(STANDING)) results[name] = await run(sessions);
  for (const [name, run] of Object.entries(PASSING)) results[name] = await run(sessions, time);
  await sessions.forceFlush();
  await sessions.shutdown();
  return results;
}
