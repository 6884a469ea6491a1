import type { Session } from '../../src/model/session.ts';
import type { SessionScript } from './records.ts';

/** What may happen to a session: what is logged in it, a gap, an end. */
export const SESSION_STEPS: readonly ((script: SessionScript, session: Session) => unknown)[] = [
  (script) => script.log('a log'),
  (script) => script.chunk('text'),
  (script) => script.mark('stream_start'),
  (script) => script.mark('stream_end'),
  (script) => script.add({ body: 'over' }, { 'gen_ai.response.finish_reasons': ['stop'] }),
  (script) => script.mark('tool_call_end'),
  (script) => script.mark('reasoning_start'),
  (script) => script.mark('tool_call_start'),
  (script) => script.mark('error'),
  ...['a', 'b'].flatMap((id) => [
    (script: SessionScript) => script.mark('stream_start', { 'session_logs.stream_id': id }),
    (script: SessionScript) => script.chunk('text', id),
    (script: SessionScript) => script.mark('stream_end', { 'session_logs.stream_id': id }),
  ]),
  (script) => script.add({ eventName: 'gen_ai.user.message', body: { content: 'And?' } }),
  (_script, session) => session.addGap(1, 'evicted', 1),
  (_script, session) => session.end(1),
];
