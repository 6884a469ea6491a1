import { createHash } from 'node:crypto';

import type { RemoteAppend, RemoteLease } from '../remote/remote-log.ts';
import type { SessionKeys } from './redis-keys.ts';

type Publish = 'PUBLISH' | 'SPUBLISH';

/** A script as it is called: by its hash, which a server learns with the first call by its text. */
export interface RedisScript {
  readonly byHash: readonly string[];
  readonly byText: readonly string[];
}

function script(text: string): RedisScript {
  const hash = createHash('sha1').update(text).digest('hex');
  return { byHash: ['EVALSHA', hash], byText: ['EVAL', text] };
}

/** What the scripts need to be allowed, beside the keys, the channel and to publish. */
export const SCRIPT_RIGHTS =
  '+evalsha +eval +xadd +zscore +zadd +zremrangebyrank +pexpire +hset +hget +hdel +hgetall +del +time';

/** Producers of a session whose position is kept: as many as a sorted set holds in its compact form. */
const MAX_PRODUCERS = 128;

/** Milliseconds of what TIME answers, and the parts of a lease, which is `<until> <producer> <will as JSON>`. */
const LEASES = `
local function millis(time)
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function parts(lease)
  return string.match(lease, '^(%d+) (%S+) (.*)$')
end
`;

/**
 * Appends what the session does not have of a producer. A script is carried out, replicated and written to the AOF as a
 * whole, so the positions are always those of the items that are there.
 *
 * The positions come first: they meet every refusal that passes, before anything is changed. What is done beside the items
 * may be refused without harm to them: the answer says so.
 *
 * KEYS: the stream, the positions, the leases. ARGV: producer, items kept, time to live, whether it is due, command and
 * channel of the wake-up, time of a lease, number of leases to renew, of each its name and will; and of each item its
 * position, `=` when it replaces all, the lease that it opens with its will, the one that it closes (`*`: all), the number
 * of its fields and values, and those.
 */
export const APPEND: RedisScript = script(`${LEASES}
local producer, ttl = ARGV[1], ARGV[3]
local refused = ''
local function try(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  refused = reply.err
end
local function hold(name, will)
  local time = try('TIME')
  if not time then return end
  try('HSET', KEYS[3], name, string.format('%.0f %s %s', millis(time) + ARGV[7], producer, will))
  try('PEXPIRE', KEYS[3], ttl)
end

local stored = tonumber(redis.call('ZSCORE', KEYS[2], producer) or 0)
local first = 9 + 2 * ARGV[8]
local at, last, writes = first, stored, {}
while at <= #ARGV do
  local count = tonumber(ARGV[at + 5])
  if tonumber(ARGV[at]) > stored then
    writes[#writes + 1] = { at, count }
    last = ARGV[at]
  end
  at = at + 6 + count
end
if #writes > 0 then
  redis.call('ZADD', KEYS[2], last, producer)
  if stored == 0 then redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -${MAX_PRODUCERS + 1}) end
end
for _, write in ipairs(writes) do
  local at, count = write[1], write[2]
  local how, kept = '~', ARGV[2]
  if ARGV[at + 1] == '=' then how, kept = '=', '1' end
  redis.call('XADD', KEYS[1], 'MAXLEN', how, kept, '*', unpack(ARGV, at + 6, at + 5 + count))
  if ARGV[at + 2] ~= '' then hold(ARGV[at + 2], ARGV[at + 3]) end
  local closed = ARGV[at + 4]
  if closed == '*' then try('DEL', KEYS[3])
  elseif closed ~= '' then try('HDEL', KEYS[3], closed) end
end
for at = 9, first - 1, 2 do
  local _, holder = parts(try('HGET', KEYS[3], ARGV[at]) or '')
  if holder == producer then hold(ARGV[at], ARGV[at + 1]) end
end
-- A set of positions that is new has no time to live yet.
if ARGV[4] == '1' or #writes > 0 and stored == 0 then
  try('PEXPIRE', KEYS[1], ttl)
  try('PEXPIRE', KEYS[2], ttl)
end
if first <= #ARGV then try(ARGV[5], ARGV[6], '') end
return refused
`);

/** Keys and arguments of {@link APPEND}. */
export function appendArguments(append: RemoteAppend, keys: SessionKeys, publish: Publish): string[] {
  const { producer, maxItems, ttlMillis, renewsTtl, renews, leaseMillis } = append;
  const args = ['3', keys.log, keys.producers, keys.leases];
  args.push(producer, `${maxItems}`, `${ttlMillis}`, renewsTtl ? '1' : '0', publish, keys.wake);
  args.push(`${leaseMillis === Infinity ? 0 : Math.ceil(leaseMillis)}`, `${renews.length}`);
  for (const each of renews) args.push(...leaseArguments(each));
  for (const { position, fields, replacesAll, opens, closes } of append.writes) {
    args.push(`${position}`, replacesAll ? '=' : '', ...leaseArguments(opens));
    args.push(closes === true ? '*' : (closes ?? ''), `${fields.length}`, ...fields);
  }
  return args;
}

function leaseArguments(lease: RemoteLease | undefined): [name: string, will: string] {
  return lease === undefined ? ['', ''] : [lease.name, JSON.stringify(lease.will)];
}

/**
 * Appends the wills of leases that have lapsed. KEYS: the stream, the leases. ARGV: command and channel of the wake-up.
 * Answers the milliseconds until the next may lapse, or -1.
 */
export const LAPSE: RedisScript = script(`${LEASES}
local all = redis.call('HGETALL', KEYS[2])
if #all == 0 then return -1 end
local now, left, hasLapsed = millis(redis.call('TIME')), -1, false
for at = 1, #all, 2 do
  local till, _, will = parts(all[at + 1])
  local rest = tonumber(till) - now
  if rest <= 0 then
    redis.call('HDEL', KEYS[2], all[at])
    redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', unpack(cjson.decode(will)))
    hasLapsed = true
  elseif left < 0 or rest < left then
    left = rest
  end
end
if hasLapsed then redis.pcall(ARGV[1], ARGV[2], '') end
return left
`);

/** Keys and arguments of {@link LAPSE}. */
export function lapseArguments(keys: SessionKeys, publish: Publish): string[] {
  return ['2', keys.log, keys.leases, publish, keys.wake];
}
