/** The viewer inside an application. The command `otel-session-logs dev` runs it by itself. */
export { sessionViewer } from './session-viewer.ts';
export type { SessionViewer, SessionViewerOptions } from './session-viewer.ts';
export type { ViewedEntry, ViewedSessions } from './sources/viewed-sessions.ts';
