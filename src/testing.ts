/**
 * What was logged as plain data, for the tests of an application, and the tests that a store has to pass.
 *
 * @module otel-session-logs/testing
 */
export { recordSessionLogs } from './start/record-session-logs.ts';
export type { RecordSessionLogsOptions, SessionLogsRecorder } from './start/record-session-logs.ts';
export type { RecordedLog } from './start/recorded-log.ts';
export type { Truthy, UntilOptions } from './start/recorded-until.ts';
export { describeSessionStore } from './store/contract/contract.ts';
export type { ContractRunner, ContractStoreOptions, MakeSessionStore } from './store/contract/contract-kit.ts';
export { describeRemoteLog } from './store/contract/contract-log.ts';
export type { MakeRemoteLog } from './store/contract/contract-log.ts';
