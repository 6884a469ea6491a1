/** Starts where the optional peers are not installed: that builds, and what is missing is said when it is needed. */
import { startSessionLogs } from 'otel-session-logs';

startSessionLogs({ file: false }).then(
  () => console.log('started'),
  ({ code, message }) => console.log(`${code}: ${message}`),
);
