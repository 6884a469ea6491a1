import { RoutingLogRecordProcessor } from '../route/processor.ts';
import type { SessionLogRecordProcessorOptions } from '../route/processor.ts';
import { MemorySessionStore } from '../store/memory/memory.ts';

/**
 * Routes every log record of a session into a store, where readers follow it live, and stamps
 * `session.id` on it for the processors registered after this one.
 *
 * Put it before your exporters' processors, and after any that set attributes. It copies what can still change, keeps no
 * record, and never throws or waits. A record without a session passes untouched.
 *
 * @throws TypeError for a wrong option.
 */
export class SessionLogRecordProcessor extends RoutingLogRecordProcessor {
  constructor(options: SessionLogRecordProcessorOptions = {}) {
    super(options, () => new MemorySessionStore());
  }
}
