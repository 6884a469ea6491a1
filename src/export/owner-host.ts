import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

/** Where the process of an owner runs. */
export interface OwnerHost {
  /** The name of the host or container, for people. */
  readonly name: string;
  /** Of the kernel: another one after each start of the computer. */
  readonly boot: string;
  /** The same for two processes when the kernel finds the socket of one under the path that the other knows. */
  readonly key: string;
}

/** The time since the start, where that has no id: it is computed from a clock that is corrected. */
const BOOT_ROUNDING_MILLIS = 600_000;

let known: { readonly name: string; readonly machine: string; readonly boot: string } | undefined;

/**
 * Where this process runs, as seen from a spool.
 *
 * The kernel is not enough for the key. Containers share it, and a volume that each of them mounts by itself (over FUSE, for
 * example) has sockets that the others cannot reach; such a mount has a device number of its own. The name of the host
 * and the id of its machine tell apart what has no such numbers. A difference that means nothing costs a minute, an
 * equality that means nothing costs records, so the key takes all of them.
 *
 * @throws the error of the file system.
 */
export function hostOf(root: string): OwnerHost {
  // Once, since a name that changes would make this process a stranger to itself.
  known ??= { name: hostName(), machine: machineId(), boot: bootId() };
  const { name, machine, boot } = known;
  const parts = JSON.stringify([name, machine, boot, statSync(root).dev]);
  // The id of a machine is not to be shown to others (machine-id(5)).
  return { name, boot, key: createHash('sha256').update(parts).digest('hex').slice(0, 16) };
}

function hostName(): string {
  try {
    return hostname();
  } catch {
    // A sandbox may hide it.
    return '';
  }
}

function machineId(): string {
  return textOf('/etc/machine-id') ?? textOf('/var/lib/dbus/machine-id') ?? '';
}

function bootId(): string {
  const id = textOf('/proc/sys/kernel/random/boot_id');
  if (id !== undefined) return id;
  try {
    const startedAt = Date.now() - uptime() * 1_000;
    return new Date(Math.round(startedAt / BOOT_ROUNDING_MILLIS) * BOOT_ROUNDING_MILLIS).toISOString();
  } catch {
    // Nothing tells whether another process saw the same boot.
    return randomUUID();
  }
}

/** `undefined`: there is no such file, or nothing in it. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
