import { recordSessionLogs } from 'otel-session-logs/testing';

/**
 * What a user's test does with a recorder; ends only when nothing of it waits for time that stands still.
 *
 * @param whenMade Called once the recorder is there: fake timers may come then.
 */
export async function runRecorderCases(whenMade: () => void = () => {}): Promise<unknown> {
  const { sessions, records, until, shutdown } = recordSessionLogs({ coalesce: true });
  whenMade();
  const source = async function* (): AsyncGenerator<string> {
    // More than one turn of the event loop.
    for (let n = 0; n < 300; n += 1) yield `${n} `;
  };
  const consumed = sessions.consume('s', source());
  const reading = (async () => {
    let text = '';
    for await (const message of sessions.getSessionLogs('s', { tokens: false })) text += message;
    return text;
  })();
  const answer = await until((logged) => logged.find(({ message }) => message.includes('299')));
  const { finishReason = 'none' } = await consumed;
  sessions.endSession('s');
  const text = await reading;
  const late = await until(() => false, { timeoutMillis: 5 }).catch((error: { code: string }) => error.code);
  await shutdown();
  return { isWhole: text === answer.message, records: records.length, finishReason, late };
}

export const RECORDED = { isWhole: true, records: 1, finishReason: 'none', late: 'until_timeout' };
