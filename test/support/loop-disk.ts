import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system that goes with the test. */
export interface Disk {
  readonly path: string;
  remove(): void;
}

function tryOut(work: () => void): string | undefined {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return 'only as root on Linux';
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}

/** @param size As mount takes it, e.g. `4m`. */
export function mountTmpfs(size: string): Disk {
  const base = mkdtempSync(join(tmpdir(), 'session-logs-disk-'));
  const path = join(base, 'mnt');
  mkdirSync(path);
  run('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', path);
  return {
    path,
    remove() {
      // Lazily: a descriptor of a shutdown that ran out of time may be open a moment longer.
      run('umount', '-l', path);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** An ext4 file system in a file. A copy of that file is the disk as a power cut at that moment would leave it. */
export class LoopDisk implements Disk {
  readonly path: string;
  readonly #base: string;
  readonly #image: string;
  readonly #device: string;
  #copies = 0;

  private constructor(base: string, image: string, name: string) {
    this.#base = base;
    this.#image = image;
    this.path = join(base, name);
    mkdirSync(this.path, { recursive: true });
    this.#device = run('losetup', '-f', '--show', image).trim();
    run('mount', this.#device, this.path);
  }

  static create(mebibytes: number): LoopDisk {
    const base = mkdtempSync(join(tmpdir(), 'session-logs-loop-'));
    const image = join(base, 'image');
    writeFileSync(image, '');
    truncateSync(image, mebibytes * 1024 * 1024);
    run('mkfs.ext4', '-q', '-F', image);
    return new LoopDisk(base, image, 'mnt');
  }

  /**
   * The disk after a power cut now: mounted anew, which replays its journal. Whoever writes to it is stopped meanwhile: a
   * copy takes a while, and one that saw half of a later write would be a disk that never was.
   */
  powerCut(): LoopDisk {
    this.#copies += 1;
    const copy = `${this.#image}-${this.#copies}`;
    const again = `${copy}-again`;
    do {
      copyFileSync(this.#image, copy);
      copyFileSync(this.#image, again);
    } while (!readFileSync(copy).equals(readFileSync(again)));
    rmSync(again);
    return new LoopDisk(this.#base, copy, `mnt-${this.#copies}`);
  }

  remove(): void {
    run('umount', this.path);
    run('losetup', '-d', this.#device);
    if (this.#image.endsWith('image')) rmSync(this.#base, { recursive: true, force: true });
  }
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Why no file system can be mounted here; `undefined` when one can. */
export const cannotMount: string | undefined = tryOut(() => mountTmpfs('1m').remove());

/** Why no loop device can be set up here; `undefined` when one can. */
export const cannotLoop: string | undefined =
  cannotMount ??
  tryOut(() => {
    const disk = LoopDisk.create(8);
    disk.remove();
  });
