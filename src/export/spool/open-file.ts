import { close, closeSync, fdatasync, fstatSync, ftruncateSync, read, writeSync } from 'node:fs';

/**
 * A file descriptor for asynchronous reads and syncs. `close` waits for them: if the descriptor were closed while a
 * thread still uses it, its number could already belong to another file.
 */
export class OpenFile {
  readonly fd: number;
  #users = 0;
  #isClosing = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Appends all bytes to the file. On failure it removes the part that was written, and throws. */
  append(bytes: Buffer, size: number): void {
    let written = 0;
    try {
      while (written < bytes.length)
        written += writeSync(this.fd, bytes, written, bytes.length - written, size + written);
    } catch (error) {
      // The bytes after `size` are an incomplete frame. If they cannot be cut off, the checksum reveals them.
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
            // Nothing waits for the close, and there is nothing to do if it fails.
          });
        }
        if (error) reject(error);
        else resolve(result);
      });
    });
  }
}
