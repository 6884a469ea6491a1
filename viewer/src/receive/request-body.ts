import { gunzip } from 'node:zlib';

import type { Asked } from '../web/exchange.ts';
import { BodyTooLargeError } from '../web/exchange.ts';

/** Longest body that is taken, as sent and unpacked. Exporters send a few MiB at most; the Collector takes 20 MiB. */
export const MAX_BODY_BYTES: number = 32 * 1024 * 1024;

/** A body that cannot be read, with the status that says why. */
export class UnreadableBodyError extends Error {
  override readonly name = 'UnreadableBodyError';
  readonly status: 400 | 413 | 415;

  constructor(status: 400 | 413 | 415, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * The body of a request, unpacked. It never holds more than its bound, whatever a packed body would become.
 *
 * @throws UnreadableBodyError
 */
export async function readBody(asked: Asked, maxBytes: number = MAX_BODY_BYTES): Promise<Buffer> {
  const encoding = (asked.header('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding !== 'gzip' && encoding !== 'identity' && encoding !== '') {
    throw new UnreadableBodyError(
      415,
      `the content-encoding "${encoding.slice(0, 40)}" is not known here: use gzip, or none`,
    );
  }
  let body: Buffer;
  try {
    body = await asked.body(maxBytes);
  } catch (error) {
    if (error instanceof BodyTooLargeError) throw new UnreadableBodyError(413, error.message, { cause: error });
    throw error;
  }
  return encoding === 'gzip' ? unpacked(body, maxBytes) : body;
}

function unpacked(body: Buffer, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gunzip(body, { maxOutputLength: maxBytes }, (error, result) => {
      if (error === null) resolve(result);
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        reject(new UnreadableBodyError(413, `the unpacked body is longer than ${maxBytes} bytes`, { cause: error }));
      } else reject(new UnreadableBodyError(400, 'the body is not gzip, or is cut', { cause: error }));
    });
  });
}
