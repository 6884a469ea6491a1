import { RoutingLogRecordProcessor } from '../route/processor.ts';
import type { SessionLogRecordProcessorOptions } from '../route/processor.ts';
import { MemorySessionStore } from '../store/memory/memory.ts';

/**
 * Routes every log record of a session into a store, where readers follow it live, and sets its `session.id` for the
 * processors registered after this one.
 *
 * Put it before your exporters' processors and after any that set attributes. It copies what can still change, keeps no
 * record, and never throws or waits. Records without a session pass unchanged.
 *
 * @throws TypeError for a wrong option.
 */
export class SessionLogRecordProcessor extends RoutingLogRecordProcessor {
  constructor(options: SessionLogRecordProcessorOptions = {}) {
    super(options, () => new MemorySessionStore());
  }
}
