import { idPart, idParts } from '../../src/remote.ts';
import type {
  RemoteAppend,
  RemoteErasure,
  RemoteItem,
  RemoteLease,
  RemoteLog,
  RemoteLogEvents,
  RemoteRange,
} from '../../src/remote.ts';

interface Session {
  items: RemoteItem[];
  /** The highest position of each producer. */
  readonly positions: Map<string, number>;
  /** The last item that was claimed. */
  claimed: string;
  readonly aside: string[];
  readonly leases: Map<string, { producer: string; untilMillis: number; will: readonly string[] }>;
  expiresAtMillis: number;
}

/** A server in memory: what the logs of several hosts share. */
export class MemoryServer {
  #sessions = new Map<string, Session>();
  /** What a fail-over to a replica that is behind brings back. */
  #replica = new Map<string, Session>();
  readonly #watches = new Map<string, Set<RemoteLogEvents>>();
  #ids = 0;

  append(append: RemoteAppend): void {
    const { session, producer, writes, maxItems, ttlMillis, renewsTtl, renews, leaseMillis } = append;
    const found = this.find(session);
    const at: Session = found ?? {
      items: [],
      positions: new Map(),
      claimed: '',
      aside: [],
      leases: new Map(),
      expiresAtMillis: 0,
    };
    this.#sessions.set(session, at);
    if (renewsTtl || found === undefined) at.expiresAtMillis = performance.now() + ttlMillis;
    const hold = ({ name, will }: RemoteLease): void => {
      at.leases.set(name, { producer, untilMillis: performance.now() + leaseMillis, will });
    };
    const stored = at.positions.get(producer) ?? 0;
    for (const { position, fields, replacesAll, opens, closes } of writes) {
      if (position <= stored) continue;
      if (replacesAll) at.items = [];
      this.#push(at, fields);
      at.positions.set(producer, position);
      if (opens !== undefined) hold(opens);
      if (closes === true) at.leases.clear();
      else if (closes !== undefined) at.leases.delete(closes);
    }
    for (const lease of renews) if (at.leases.get(lease.name)?.producer === producer) hold(lease);
    at.items = at.items.slice(-maxItems);
    if (writes.length > 0) this.#tell(session);
  }

  lapse(session: string): number | undefined {
    const at = this.find(session);
    let left: number | undefined;
    for (const [name, { untilMillis, will }] of at?.leases ?? []) {
      const rest = untilMillis - performance.now();
      if (rest > 0) {
        left = Math.min(rest, left ?? Infinity);
      } else {
        at?.leases.delete(name);
        this.#push(at as Session, will);
        this.#tell(session);
      }
    }
    return left;
  }

  erase(session: string, { counted, farewell }: RemoteErasure): number {
    const at = this.find(session);
    const count = at?.items.filter(({ fields }) => fields.includes(counted)).length ?? 0;
    if (at === undefined) return 0;
    at.items = [];
    at.leases.clear();
    at.claimed = '';
    for (const producer of at.positions.keys()) at.positions.set(producer, Date.now() * 1_000);
    this.#push(at, farewell.fields);
    at.expiresAtMillis = performance.now() + farewell.millis;
    this.#tell(session);
    return count;
  }

  #push(session: Session, fields: readonly string[]): void {
    this.#ids += 1;
    session.items.push({ id: idPart(String(this.#ids)), fields });
  }

  #tell(session: string): void {
    for (const events of this.#watches.get(session) ?? []) queueMicrotask(() => events.wake(session));
  }

  find(session: string): Session | undefined {
    const found = this.#sessions.get(session);
    return found !== undefined && found.expiresAtMillis > performance.now() ? found : undefined;
  }

  watch(session: string, events: RemoteLogEvents): void {
    this.#watches.set(session, (this.#watches.get(session) ?? new Set()).add(events));
  }

  unwatch(session: string, events: RemoteLogEvents): void {
    this.#watches.get(session)?.delete(events);
  }

  /** From now on a fail-over brings back what is there now. */
  replicate(): void {
    this.#replica = structuredClone(this.#sessions);
  }

  /** Comes back with what was replicated, and without any watch. */
  failOver(): void {
    this.#sessions = structuredClone(this.#replica);
    this.#watches.clear();
  }

  /** Of the session's items a field of each. */
  fields(session: string, name: string): (string | undefined)[] {
    const items = this.find(session)?.items ?? [];
    return items.map(({ fields }) => fields[fields.indexOf(name) + 1]);
  }
}

/** An adapter: everything that an engine has to do for a {@link RemoteSessionStore}. */
export class MemoryLog implements RemoteLog {
  readonly name = 'Memory';
  readonly #server: MemoryServer;
  #events: RemoteLogEvents | undefined;

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  start(events: RemoteLogEvents): void {
    this.#events = events;
  }

  async append(append: RemoteAppend): Promise<void> {
    this.#server.append(append);
  }

  async read(session: string, { direction, from, limit }: RemoteRange): Promise<readonly RemoteItem[]> {
    const items = this.#server.find(session)?.items ?? [];
    if (direction === 'forward') return items.filter(({ id }) => from === undefined || id >= from).slice(0, limit);
    return items
      .toReversed()
      .filter(({ id }) => from === undefined || id <= from)
      .slice(0, limit);
  }

  async claim(session: string): Promise<RemoteItem | undefined> {
    const found = this.#server.find(session);
    const item = found?.items.find(({ id }) => id > found.claimed);
    if (found !== undefined && item !== undefined) found.claimed = item.id;
    return item;
  }

  async setAside(session: string, id: string): Promise<void> {
    this.#server.find(session)?.aside.push(id);
  }

  async watch(session: string): Promise<void> {
    this.#server.watch(session, this.#events as RemoteLogEvents);
  }

  async unwatch(session: string): Promise<void> {
    this.#server.unwatch(session, this.#events as RemoteLogEvents);
  }

  async lapse(session: string): Promise<number | undefined> {
    return this.#server.lapse(session);
  }

  async erase(session: string, erasure: RemoteErasure): Promise<number> {
    return this.#server.erase(session, erasure);
  }

  isId(text: string): boolean {
    return idParts(text)?.length === 1;
  }

  close(): void {}
}
