import { gunzip } from 'node:zlib';

import type { Asked } from '../web/exchange.ts';
import type { ByteBudget } from '../web/byte-budget.ts';
import { BodyTooLargeError, BusyError } from '../web/exchange.ts';

/** Longest body, both as sent and unpacked. Exporters send a few MiB at most; the Collector takes 20 MiB. */
export const MAX_BODY_BYTES: number = 32 * 1024 * 1024;

/** A body that cannot be read, with the status that says why. */
export class UnreadableBodyError extends Error {
  override readonly name = 'UnreadableBodyError';
  readonly status: 400 | 413 | 415 | 503;

  constructor(status: 400 | 413 | 415 | 503, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * Reads the body of a request and unpacks it, but never beyond `maxBytes`, however long a packed body would become. Takes its
 * length from the budget; the caller gives it back.
 *
 * @throws UnreadableBodyError
 */
export async function readBody(asked: Asked, budget: ByteBudget, maxBytes: number = MAX_BODY_BYTES): Promise<Buffer> {
  const encoding = (asked.header('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding !== 'gzip' && encoding !== 'identity' && encoding !== '') {
    throw new UnreadableBodyError(
      415,
      `the content-encoding "${encoding.slice(0, 40)}" is not supported: use gzip or none`,
    );
  }
  let body: Buffer;
  try {
    body = await asked.body(maxBytes, budget);
  } catch (error) {
    if (error instanceof BodyTooLargeError) throw new UnreadableBodyError(413, error.message, { cause: error });
    if (error instanceof BusyError) throw busy(error);
    throw error;
  }
  if (encoding !== 'gzip') return body;
  // How long it becomes is known only once it is unpacked.
  let held = maxBytes;
  if (!budget.take(held)) {
    budget.give(body.length);
    throw busy();
  }
  try {
    const result = await unpacked(body, maxBytes);
    held -= result.length;
    return result;
  } finally {
    budget.give(held + body.length);
  }
}

function busy(cause?: Error): UnreadableBodyError {
  return new UnreadableBodyError(503, 'the receiver is reading too many bytes: send the request again', { cause });
}

function unpacked(body: Buffer, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gunzip(body, { maxOutputLength: maxBytes }, (error, result) => {
      if (error === null) resolve(result);
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        reject(new UnreadableBodyError(413, `the unpacked body is longer than ${maxBytes} bytes`, { cause: error }));
      } else reject(new UnreadableBodyError(400, 'the body is not gzip, or is incomplete', { cause: error }));
    });
  });
}
