import { createHash } from 'node:crypto';

import type { RemoteAppend } from '../remote/remote-log.ts';
import type { SessionKeys } from './redis-keys.ts';

/** Producers of a session whose position is kept: as many as a sorted set holds in its compact form. */
const MAX_PRODUCERS = 128;

/**
 * Appends what the session does not have of a producer. A script is carried out, replicated and written to the AOF as a
 * whole, so the positions are always those of the items that are there.
 *
 * The positions come first: they meet every refusal that passes, before anything is changed. What is done for readers and
 * for the time to live may be refused without harm to the items: the answer says so.
 *
 * KEYS: the stream, the positions. ARGV: producer, items kept, time to live, whether it is due, command and channel of
 * the wake-up, and of each item its position, `=` when it replaces all, the number of its fields and values, and those.
 */
const SCRIPT = `
local stored = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0)
local refused = ''
local function try(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then refused = reply.err end
end
local writes, at, last = {}, 7, stored
while at < #ARGV do
  local count = tonumber(ARGV[at + 2])
  local position = tonumber(ARGV[at])
  if position > stored then
    writes[#writes + 1] = { at, count }
    last = ARGV[at]
  end
  at = at + 3 + count
end
if #writes > 0 then
  redis.call('ZADD', KEYS[2], last, ARGV[1])
  if stored == 0 then redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -${MAX_PRODUCERS + 1}) end
  for _, write in ipairs(writes) do
    local at, count = write[1], write[2]
    local how, kept = '~', ARGV[2]
    if ARGV[at + 1] == '=' then how, kept = '=', '1' end
    redis.call('XADD', KEYS[1], 'MAXLEN', how, kept, '*', unpack(ARGV, at + 3, at + 2 + count))
  end
end
-- A set of positions that is new has no time to live yet.
if ARGV[4] == '1' or stored == 0 then
  try('PEXPIRE', KEYS[1], ARGV[3])
  try('PEXPIRE', KEYS[2], ARGV[3])
end
try(ARGV[5], ARGV[6], '')
return refused
`;

const SHA = createHash('sha1').update(SCRIPT).digest('hex');

/** How the script is called: by its hash, which every server learns with the first call by its text. */
export const BY_HASH: readonly string[] = ['EVALSHA', SHA];
export const BY_TEXT: readonly string[] = ['EVAL', SCRIPT];

/** What the script needs to be allowed, beside the keys and the channel. */
export const SCRIPT_RIGHTS = '+evalsha +eval +xadd +zscore +zadd +zremrangebyrank +pexpire';

/** Keys and arguments of the script. */
export function scriptArguments(append: RemoteAppend, keys: SessionKeys, publish: 'PUBLISH' | 'SPUBLISH'): string[] {
  const { producer, maxItems, ttlMillis, renewsTtl } = append;
  const args = ['2', keys.log, keys.producers, producer, `${maxItems}`, `${ttlMillis}`, renewsTtl ? '1' : '0'];
  args.push(publish, keys.wake);
  for (const { position, fields, replacesAll } of append.writes) {
    args.push(String(position), replacesAll ? '=' : '', String(fields.length), ...fields);
  }
  return args;
}
