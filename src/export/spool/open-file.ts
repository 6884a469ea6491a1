import { close, closeSync, fdatasync, fstatSync, ftruncateSync, read, writeSync } from 'node:fs';

/**
 * A file descriptor with asynchronous reads and syncs under way. `close` waits for them: a number that is closed
 * while a thread still uses it may belong to another file by then.
 */
export class OpenFile {
  readonly fd: number;
  #users = 0;
  #isClosing = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Writes all of it at the end of the file. On failure cuts off what was written of it and throws. */
  append(bytes: Buffer, size: number): void {
    let written = 0;
    try {
      while (written < bytes.length)
        written += writeSync(this.fd, bytes, written, bytes.length - written, size + written);
    } catch (error) {
      // Whatever stands behind `size` now is half an entry, which its checksum gives away.
      if (written > 0) ftruncateSync(this.fd, size);
      throw error;
    }
  }

  get size(): number {
    return fstatSync(this.fd).size;
  }

  read(into: Buffer, offset: number, length: number): Promise<number> {
    return this.#use((done) => read(this.fd, into, 0, length, offset, done));
  }

  async sync(): Promise<void> {
    await this.#use<void>((done) => fdatasync(this.fd, done));
  }

  close(): void {
    this.#isClosing = true;
    if (this.#users === 0) closeSync(this.fd);
  }

  #use<T>(start: (done: (error: NodeJS.ErrnoException | null, result: T) => void) => void): Promise<T> {
    this.#users += 1;
    return new Promise<T>((resolve, reject) => {
      start((error, result) => {
        this.#users -= 1;
        if (this.#users === 0 && this.#isClosing) {
          close(this.fd, () => {
            // Nobody waits for it, and there is nothing to do when it fails.
          });
        }
        if (error) reject(error);
        else resolve(result);
      });
    });
  }
}
