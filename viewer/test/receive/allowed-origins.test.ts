import { describe, expect, it } from 'vitest';

import { ask, postLogs, startServer } from '../support/dev-server.ts';

const ORIGIN = 'http://localhost:3000';
const TOKEN = 'a-token-of-enough-characters';
const FROM_THERE = { origin: ORIGIN, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' };
const PREFLIGHT = {
  ...FROM_THERE,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type,x-api-key',
};
const RECORD = JSON.stringify({
  resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'from a browser' } }] }] }],
});

describe('an origin that may send logs', () => {
  it('is told so before it sends, and may read the answer', async () => {
    const server = await startServer({ allowedOrigins: ['http://other.example', ORIGIN] });
    const before = await ask(`${server.endpoint}/v1/logs`, { method: 'OPTIONS', headers: PREFLIGHT });
    expect(before.status).toBe(204);
    expect(before.headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type,x-api-key',
      vary: 'origin',
    });
    const sent = await postLogs(server, RECORD, FROM_THERE);
    expect(sent.status).toBe(200);
    expect(sent.headers['access-control-allow-origin']).toBe(ORIGIN);
    expect(server.model.entries).toBe(1);
    const refused = await postLogs(server, '{', FROM_THERE);
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([400, ORIGIN]);
  });

  it.each(['/', '/api/state', '/api/stream', '/api/export?session=s:a', '/v1/traces', '/v1/logs/', '/v1/logs'])(
    'reads nothing for it: GET %s',
    async (path) => {
      const server = await startServer({ allowedOrigins: [ORIGIN] });
      const got = await ask(server.endpoint + path, { headers: FROM_THERE });
      expect([got.status, got.headers['access-control-allow-origin']]).toEqual([403, undefined]);
      const asked = await ask(server.endpoint + path, {
        method: 'OPTIONS',
        headers: { ...PREFLIGHT, 'access-control-request-method': 'GET' },
      });
      expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    },
  );

  it.each(['/api/state', '/v1/traces', '/v1/metrics'])('writes nothing else: POST %s', async (path) => {
    const server = await startServer({ allowedOrigins: [ORIGIN] });
    const headers = { ...FROM_THERE, 'content-type': 'application/json' };
    expect((await ask(server.endpoint + path, { method: 'POST', body: '{}', headers })).status).toBe(403);
    expect((await ask(server.endpoint + path, { method: 'OPTIONS', headers: PREFLIGHT })).status).toBe(403);
  });

  it.each([
    'http://localhost:3001',
    'https://localhost:3000',
    'http://localhost:30000',
    'http://localhost:3000.evil.example',
    'HTTP://localhost:3000',
    'null',
  ])('is that one alone, and not %s', async (origin) => {
    const server = await startServer({ allowedOrigins: [ORIGIN] });
    const before = await ask(`${server.endpoint}/v1/logs`, { method: 'OPTIONS', headers: { ...PREFLIGHT, origin } });
    expect([before.status, before.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    expect((await postLogs(server, RECORD, { ...FROM_THERE, origin })).status).toBe(403);
    expect(server.model.entries).toBe(0);
  });

  it('is not let in under another name of the server, or without the token', async () => {
    const server = await startServer({ allowedOrigins: [ORIGIN] });
    expect((await postLogs(server, RECORD, { ...FROM_THERE, host: 'evil.example' })).status).toBe(403);
    const guarded = await startServer({ allowedOrigins: [ORIGIN], token: TOKEN });
    expect((await ask(`${guarded.endpoint}/v1/logs`, { method: 'OPTIONS', headers: PREFLIGHT })).status).toBe(204);
    expect((await postLogs(guarded, RECORD, FROM_THERE)).status).toBe(401);
    const headers = { ...FROM_THERE, authorization: `Bearer ${TOKEN}` };
    expect((await postLogs(guarded, RECORD, headers)).status).toBe(200);
  });

  it('gets no header of its own making', async () => {
    const server = await startServer({ allowedOrigins: [ORIGIN] });
    const headers = { ...PREFLIGHT, 'access-control-request-headers': 'a, *; b="c"' };
    const before = await ask(`${server.endpoint}/v1/logs`, { method: 'OPTIONS', headers });
    expect([before.status, before.headers['access-control-allow-headers']]).toEqual([204, undefined]);
  });
});
