/**
 * Sessions that several hosts share, in a server of your own: what its adapter has to do.
 *
 * @module otel-session-logs/remote
 */
export { RemoteSessionStore } from './store/remote/remote-store.ts';
export { RemoteRefusal } from './store/remote/remote-log.ts';
export type {
  RemoteAppend,
  RemoteItem,
  RemoteErasure,
  RemoteLease,
  RemoteLog,
  RemoteLogEvents,
  RemoteRange,
  RemoteWrite,
} from './store/remote/remote-log.ts';
export type { RemoteSessionStoreOptions, RemoteStoreOptions } from './store/remote/remote-options.ts';
export { idPart, idParts } from './store/entry-id.ts';
