import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

/** Where the process of an owner runs. */
export interface OwnerHost {
  /** The name of the host or container, for people. */
  readonly name: string;
  /** Id of the kernel's run, which changes with each start of the computer. */
  readonly boot: string;
  /** Equal for two processes if the socket of one can be reached under the path that the other knows. */
  readonly key: string;
}

/**
 * Rounding of the time of the computer's start, if it has no id: that time is computed from a clock that may be
 * corrected.
 */
const BOOT_ROUNDING_MILLIS = 600_000;

let known: { readonly name: string; readonly machine: string; readonly boot: string } | undefined;

/**
 * Returns where this process runs, as seen from a spool.
 *
 * The kernel alone is not enough for the key. Containers share it, and if each mounts a volume by itself (over FUSE,
 * for example), the others cannot reach its sockets; such a mount has its own device number. Host name and machine id
 * distinguish hosts without such numbers. A false difference costs a minute, a false equality costs records, so the key
 * uses all of them.
 *
 * @throws the error of the file system.
 */
export function hostOf(root: string): OwnerHost {
  // Read once: if the name changed, this process would become a stranger to itself.
  known ??= { name: hostName(), machine: machineId(), boot: bootId() };
  const { name, machine, boot } = known;
  const parts = JSON.stringify([name, machine, boot, statSync(root).dev]);
  // Do not show the machine's id to others (machine-id(5)).
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
    // Nothing shows whether another process saw the same boot.
    return randomUUID();
  }
}

/** `undefined` if there is no such file, or it is empty. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
