/** The viewer inside an application. By itself it is the command `otel-session-logs dev`. */
export { sessionViewer } from './session-viewer.ts';
export type { SessionViewer, SessionViewerOptions } from './session-viewer.ts';
export type { ViewedEntry, ViewedSessions } from './sources/viewed-sessions.ts';
