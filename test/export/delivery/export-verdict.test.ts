import { expect, test } from 'vitest';

import { verdictOn } from '../../../src/export/delivery/export-verdict.ts';
import type { ExportVerdict } from '../../../src/export/delivery/export-verdict.ts';
import { failure } from '../../support/scripted-exporter.ts';

test('success is delivered', () => {
  expect(verdictOn({ isSuccess: true })).toBe('delivered');
});

test('a failure without an error is kept', () => {
  expect(verdictOn({ isSuccess: false })).toBe('unavailable');
});

const HTTP: [string, ExportVerdict, number[]][] = [
  ['HTTP', 'unavailable', [408, 429, 500, 501, 502, 503, 504, 599]],
  ['HTTP', 'misconfigured', [301, 302, 307, 401, 403, 404, 405, 407, 415, 451]],
  ['HTTP', 'refused', [400, 413, 422]],
  ['gRPC', 'refused', [3, 11]],
  ['gRPC', 'misconfigured', [5, 7, 12, 16]],
  ['gRPC', 'unavailable', [0, 1, 2, 4, 6, 8, 9, 10, 13, 14, 15]],
];

test.each(HTTP.flatMap(([protocol, verdict, codes]) => codes.map((code) => ({ protocol, code, verdict }))))(
  '$protocol $code means $verdict',
  ({ code, verdict }) => {
    expect(verdictOn({ isSuccess: false, error: failure(code) })).toBe(verdict);
  },
);

test.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'CERT_HAS_EXPIRED'])('%s means unavailable', (code) => {
  expect(verdictOn({ isSuccess: false, error: failure(code) })).toBe('unavailable');
});

test('gRPC 8 means refused when it is about the size of the message', () => {
  const received = failure(8, '8 RESOURCE_EXHAUSTED: grpc: received message larger than max (5242880 vs. 4194304)');
  expect(verdictOn({ isSuccess: false, error: received })).toBe('refused');
  expect(
    verdictOn({
      isSuccess: false,
      error: failure(8, '8 RESOURCE_EXHAUSTED: Attempted to send message larger than max'),
    }),
  ).toBe('refused');
});

test('an export() that throws means refused; an error whose code cannot be read, unavailable', () => {
  expect(verdictOn({ isSuccess: false, hasThrown: true, error: failure(503) })).toBe('refused');
  const error = {
    get code(): never {
      throw new Error('getter');
    },
  };
  expect(verdictOn({ isSuccess: false, error })).toBe('unavailable');
});
