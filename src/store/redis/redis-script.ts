import { createHash } from 'node:crypto';

import type { RemoteAppend, RemoteErasure, RemoteWrite } from '../remote/remote-log.ts';
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
  '+evalsha +eval +xadd +xrange +zscore +zadd +zrange +zremrangebyrank +pexpire +hset +hget +hdel +hgetall +del +time';

/** Producers of a session whose position is kept. One whose clock is behind counts as silent, hence more than are promised. */
const MAX_PRODUCERS = 1_024;

/** Milliseconds of what TIME answers, and the parts of a lease, which is `<until> <producer> <will as JSON>`. */
const LEASES = `
local function millis(time)
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function parts(lease)
  return string.match(lease, '^(%d+) (%S+) (.*)$')
end
`;

/** Stands among the producers when a session was erased, as long as writes from before may be on their way. */
const ERASED = '-';
const ERASED_MICROS = 250_000;

/**
 * Appends what the session does not have of a producer. A script is carried out, replicated and written to the AOF as a
 * whole, so the positions are always those of the items that are there.
 *
 * The positions come first: they meet every refusal that passes, before anything is changed. Only what replaces all is done
 * also where the server is full, since it makes room. What is done beside the items
 * may be refused without harm to them: the answer says so. A stream that was not there has no time to live, whatever the
 * producer knew: it may have expired, or be lost, since it was written to last.
 *
 * KEYS: the stream, the positions, the leases. ARGV: producer, items kept, command and channel of the wake-up. Then for one item
 * and nothing else, which most calls are and which therefore costs half of it, its position, time to live and its fields and values. Else
 * `<time to live> <1: it is due> <time of a lease> <leases to renew>`, `+`, of each lease to renew name and will, and of each
 * item `<position> <fields and values> <= when it replaces all> <+ when leases follow>`, perhaps the lease that it opens with
 * its will and the one that it closes (`*`: all), and its fields and values.
 */
export const APPEND: RedisScript = script(`
local producer, kept = ARGV[1], ARGV[2]
local function begins(how, most, ...)
  if redis.call('XADD', KEYS[1], 'NOMKSTREAM', 'MAXLEN', how, most, '*', ...) then return false end
  redis.call('XADD', KEYS[1], '*', ...)
  return true
end
if ARGV[6] ~= '+' then
  if redis.call('ZADD', KEYS[2], 'GT', 'CH', ARGV[5], producer) == 1 and begins('~', kept, unpack(ARGV, 7)) then
    redis.pcall('PEXPIRE', KEYS[1], ARGV[6])
    redis.pcall('PEXPIRE', KEYS[2], ARGV[6])
  end
  local reply = redis.pcall(ARGV[3], ARGV[4], '')
  return type(reply) == 'table' and reply.err or ''
end
${LEASES}
local ttl, due, leaseMillis, renews = string.match(ARGV[5], '^(%d+) (%d) (%d+) (%d+)$')
local refused = ''
local function try(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  refused = reply.err
end
local function hold(name, will)
  local time = try('TIME')
  if not time then return end
  try('HSET', KEYS[3], name, string.format('%.0f %s %s', millis(time) + leaseMillis, producer, will))
  try('PEXPIRE', KEYS[3], ttl)
end

local first = 7 + 2 * renews
local items, replacing, at = {}, nil, first
while at <= #ARGV do
  local position, count, how, leases = string.match(ARGV[at], '^(%d+) (%d+)(=?)(%+?)$')
  local item = { position = position, replaces = how == '=', first = at + 1 }
  if leases ~= '' then
    item.opens, item.will, item.closes = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    item.first = at + 4
  end
  item.last = item.first + count - 1
  items[#items + 1] = item
  if item.replaces then replacing = item end
  at = item.last + 1
end

local stored, isErased = 0, false
if #items > 1 or replacing or due == '1' then
  stored = redis.call('ZSCORE', KEYS[2], producer)
  -- Its first write here may have been on its way when the session was erased.
  local erased = not stored and redis.call('ZSCORE', KEYS[2], '${ERASED}')
  local time = erased and redis.call('TIME')
  if erased and time[1] * 1000000 + time[2] - erased < ${ERASED_MICROS} then
    redis.call('ZADD', KEYS[2], erased, producer)
    -- The farewell is to expire.
    stored, isErased, due = erased, true, '0'
  end
  stored = tonumber(stored or 0)
end
-- Room is made of a server that is full: a script that has written may go on, and this takes none.
if replacing and tonumber(replacing.position) > stored then try('DEL', KEYS[3]) end
if #items == 1 then
  if redis.call('ZADD', KEYS[2], 'GT', 'CH', items[1].position, producer) == 0 then items = {} end
elseif #items > 1 then
  redis.call('ZADD', KEYS[2], 'GT', items[#items].position, producer)
end
for _, item in ipairs(items) do
  if tonumber(item.position) > stored then
    local how, most = '~', kept
    if item.replaces then how, most = '=', '1' end
    if begins(how, most, unpack(ARGV, item.first, item.last)) or isErased then due = '1' end
    if item.opens and item.opens ~= '' then hold(item.opens, item.will) end
    if item.closes == '*' then try('DEL', KEYS[3])
    elseif item.closes and item.closes ~= '' then try('HDEL', KEYS[3], item.closes) end
  end
end
for at = 7, first - 1, 2 do
  local _, holder = parts(try('HGET', KEYS[3], ARGV[at]) or '')
  if holder == producer then hold(ARGV[at], ARGV[at + 1]) end
end
if due == '1' then
  try('ZREMRANGEBYRANK', KEYS[2], 0, -${MAX_PRODUCERS + 1})
  try('PEXPIRE', KEYS[1], ttl)
  try('PEXPIRE', KEYS[2], ttl)
end
if first <= #ARGV then try(ARGV[3], ARGV[4], '') end
return refused
`);

/** Keys and arguments of {@link APPEND}. */
export function appendArguments(append: RemoteAppend, keys: SessionKeys, publish: Publish): string[] {
  const { producer, writes, maxItems, ttlMillis, renewsTtl, renews, leaseMillis } = append;
  const args = ['3', keys.log, keys.producers, keys.leases, producer, `${maxItems}`, publish, keys.wake];
  const [only] = writes;
  if (only !== undefined && writes.length === 1 && isPlain(only) && !renewsTtl && renews.length === 0) {
    args.push(`${only.position}`, `${ttlMillis}`, ...only.fields);
    return args;
  }
  const lease = leaseMillis === Infinity ? 0 : Math.ceil(leaseMillis);
  args.push(`${ttlMillis} ${renewsTtl ? 1 : 0} ${lease} ${renews.length}`, '+');
  for (const { name, will } of renews) args.push(name, JSON.stringify(will));
  for (const write of writes) {
    const { position, fields, replacesAll, opens, closes } = write;
    const hasLeases = opens !== undefined || closes !== undefined;
    args.push(`${position} ${fields.length}${replacesAll ? '=' : ''}${hasLeases ? '+' : ''}`);
    if (hasLeases) {
      args.push(opens?.name ?? '', opens === undefined ? '' : JSON.stringify(opens.will));
      args.push(closes === true ? '*' : (closes ?? ''));
    }
    args.push(...fields);
  }
  return args;
}

function isPlain({ replacesAll, opens, closes }: RemoteWrite): boolean {
  return !replacesAll && opens === undefined && closes === undefined;
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

/**
 * Removes a session, but for a farewell that expires. What producers had on their way is at or below the time in microseconds,
 * which their positions follow.
 *
 * KEYS: the stream, the positions, the leases. ARGV: the field that is counted, milliseconds of the farewell, command and channel
 * of the wake-up, fields and values of the farewell. Answers how many items had the field.
 */
export const ERASE: RedisScript = script(`
local count, from = 0, '-'
while true do
  local items = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', '1000')
  for _, item in ipairs(items) do
    for at = 1, #item[2], 2 do
      if item[2][at] == ARGV[1] then count = count + 1 end
    end
    from = '(' .. item[1]
  end
  if #items < 1000 then break end
end
-- A script that has written may go on where the server is full.
redis.call('DEL', KEYS[3])
local time = redis.call('TIME')
local position = string.format('%.0f', time[1] * 1000000 + time[2])
for _, producer in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  redis.call('ZADD', KEYS[2], 'GT', position, producer)
end
redis.call('ZADD', KEYS[2], position, '${ERASED}')
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('XADD', KEYS[1], 'MAXLEN', '=', '1', '*', unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.pcall(ARGV[3], ARGV[4], '')
return count
`);

/** Keys and arguments of {@link ERASE}. */
export function eraseArguments(
  keys: SessionKeys,
  counted: string,
  { fields, millis }: RemoteErasure['farewell'],
  publish: Publish,
): string[] {
  return ['3', keys.log, keys.producers, keys.leases, counted, `${millis}`, publish, keys.wake, ...fields];
}
