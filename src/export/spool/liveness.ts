import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { basename, join } from 'node:path';

import { SessionLogsError } from '../../support/errors.ts';

/** Name of the socket in an owner's directory. */
export const SOCKET_NAME = 's';

/** The longest path in a socket address: 108 bytes with the final zero on Linux, 104 on macOS and the BSDs. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/**
 * The sign that an owner is alive: a Unix socket that accepts connections. The kernel accepts for a process that is
 * busy or stopped, and no longer once the process has died in any way. Process ids and lock files can do neither.
 */
export class Liveness {
  readonly #server: Server;
  readonly #directoryFd: number | undefined;
  readonly #inode: bigint | undefined;
  #isClosed = false;

  private constructor(server: Server, directoryFd: number | undefined, inode: bigint | undefined) {
    this.#server = server;
    this.#directoryFd = directoryFd;
    this.#inode = inode;
  }

  /**
   * Listens on a socket in the directory; the socket exists when this returns.
   *
   * @param onKnock Called when another process checks this one.
   *
   * @throws SessionLogsError `path_too_long` if the path is too long for a socket and the system offers no way around
   * that.
   */
  static announce(directory: string, owner: string, onKnock: () => void): Liveness {
    const address = socketAddress(directory, owner);
    const server = createServer((socket) => {
      socket.destroy();
      onKnock();
    });
    let failure: unknown;
    server.on('error', (error) => {
      failure = error;
    });
    // Without `exclusive` a cluster worker would ask its primary to listen for it, which happens later.
    server.listen({ path: address.path, exclusive: true });
    server.unref();
    const inode = socketInode(directory);
    if (process.platform !== 'win32' && inode === undefined) {
      server.close();
      address.release();
      throw new Error(`no socket can be created in ${directory}`, { cause: failure });
    }
    // The descriptor stays open as long as the server, because it is part of the path that Node removes when the server
    // closes.
    return new Liveness(server, address.fd, inode);
  }

  /**
   * Whether the owner of a directory is alive. It counts as dead only if the connection is refused or there is no
   * socket.
   */
  static async isAlive(directory: string): Promise<boolean> {
    let address: SocketAddress;
    try {
      address = socketAddress(directory, basename(directory).slice(2));
    } catch {
      // That is unknown, so the directory must not be touched.
      return true;
    }
    const { path, release } = address;
    return new Promise<boolean>((resolve) => {
      const socket = connect({ path });
      socket.unref();
      const settle = (isAlive: boolean): void => {
        socket.destroy();
        release();
        resolve(isAlive);
      };
      socket.once('connect', () => settle(true));
      socket.once('error', (error: NodeJS.ErrnoException) => {
        settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
      });
    });
  }

  /** Whether its socket is still in the directory. */
  isIn(directory: string): boolean {
    return !this.#isClosed && socketInode(directory) === this.#inode;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.close();
    if (this.#directoryFd !== undefined) closeSync(this.#directoryFd);
  }
}

/**
 * The inode of the socket's file; `undefined` if there is no socket. On Windows the socket is a named pipe without a
 * file.
 *
 * As a `bigint`, because Node 20 and 22 look at the numbers of the last `stat` when they resolve a `require`: after those
 * of a socket they do not follow links, and a program with linked packages (pnpm) fails to load any.
 */
function socketInode(directory: string): bigint | undefined {
  const stats = lstatSync(join(directory, SOCKET_NAME), { throwIfNoEntry: false, bigint: true });
  return stats?.isSocket() === true ? stats.ino : undefined;
}

interface SocketAddress {
  readonly path: string;
  readonly fd: number | undefined;
  readonly release: () => void;
}

function socketAddress(directory: string, owner: string): SocketAddress {
  const release = (): void => {};
  if (process.platform === 'win32') return { path: `\\\\.\\pipe\\otel-session-logs-${owner}`, fd: undefined, release };
  const path = join(directory, SOCKET_NAME);
  // Node 20 silently cuts a longer path and makes the socket somewhere else.
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { path, fd: undefined, release };
  if (process.platform !== 'linux') {
    throw new SessionLogsError(
      'path_too_long',
      `the path of the socket ${path} has ${Buffer.byteLength(path)} bytes, but this system allows ${MAX_PATH_BYTES}: give a shorter \`directory\``,
    );
  }
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${fd}/${SOCKET_NAME}`, fd, release: () => closeSync(fd) };
}
