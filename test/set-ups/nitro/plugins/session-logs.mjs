import { startSessionLogs } from 'otel-session-logs';

export default () => {
  globalThis.sessionLogs = startSessionLogs({ console: false, streamHandler: false });
};
