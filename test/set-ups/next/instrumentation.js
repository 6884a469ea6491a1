// Next.js evaluates this file for its edge runtime too: the names are there, and throw when they are used.
import { startSessionLogs } from 'otel-session-logs';

export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  globalThis.sessionLogs ??= await startSessionLogs({ console: false, streamHandler: false });
}
