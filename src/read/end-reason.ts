/** Why a reader ended. */
export type EndReason =
  | 'session-end'
  | 'stream-end'
  | 'reasoning-stop'
  | 'caught-up'
  | 'idle-timeout'
  | 'aborted'
  | 'deleted'
  | 'shutdown'
  | 'returned'
  | 'no-session'
  | 'refused'
  | 'failed';
