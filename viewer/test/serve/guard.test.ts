import { describe, expect, it } from 'vitest';

import { DevServer } from '../../src/dev/dev-server.ts';
import { ask, startServer } from '../support/dev-server.ts';

const TOKEN = 'a-token-of-enough-characters';
const PATHS = ['/', '/api/state', '/api/stream', '/v1/logs'];

describe('a viewer on this machine', () => {
  it.each(['localhost:4318', '127.0.0.1', '[::1]:4318', 'LOCALHOST:1'])('answers under the name %s', async (host) => {
    const server = await startServer();
    expect((await ask(`${server.endpoint}/api/state`, { headers: { host } })).status).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:4318',
    '127.0.0.1.evil.example',
    'localhost.evil.example:4318',
    'localhost@evil.example',
    '0.0.0.0:4318',
    'localhost:4318:1',
    '[::1]evil.example',
  ])('answers nothing under another name, as after DNS rebinding: %s', async (host) => {
    const server = await startServer();
    for (const path of PATHS) {
      const method = path === '/v1/logs' ? 'POST' : 'GET';
      expect([400, 403]).toContain((await ask(server.endpoint + path, { method, headers: { host } })).status);
    }
  });

  it.each([
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:3000' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  ])('answers nothing to another site: %o', async (headers) => {
    const server = await startServer();
    const got = await ask(`${server.endpoint}/v1/logs`, {
      method: 'POST',
      body: '{"resourceLogs":[]}',
      headers: { 'content-type': 'application/json', ...headers },
    });
    expect(got.status).toBe(403);
    expect((await ask(`${server.endpoint}/api/state`, { headers: headers })).status).toBe(403);
  });

  it('answers its own page, and people who come by a link', async () => {
    const server = await startServer();
    const own = { origin: server.endpoint, 'sec-fetch-site': 'same-origin' };
    expect((await ask(`${server.endpoint}/api/state`, { headers: own })).status).toBe(200);
    const visit = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await ask(`${server.endpoint}/api/state`, { headers: visit })).status).toBe(200);
  });

  it('lets no answer be taken for another type, framed, or read by other sites', async () => {
    const server = await startServer();
    for (const path of PATHS) {
      const { headers } = await ask(server.endpoint + path, { method: 'HEAD' });
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
      });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('a viewer beyond this machine', () => {
  it.each(['0.0.0.0', '::', '192.168.1.2', 'example.com'])('is not made without a token: %s', (host) => {
    expect(() => new DevServer({ port: 0, host })).toThrow(/^expected a `token` for the host/);
  });

  it('is not made with a token that can be guessed', () => {
    expect(() => new DevServer({ port: 0, host: '0.0.0.0', token: 'short' })).toThrow(
      'expected `token` to have at least 16 characters, got 5',
    );
  });

  it('answers nothing without the token, under any name', async () => {
    const server = await startServer({ token: TOKEN });
    for (const path of PATHS) {
      for (const headers of [
        {},
        { authorization: `Bearer ${TOKEN}x` },
        { authorization: TOKEN },
        { cookie: 'otel-session-logs-viewer=%' },
      ]) {
        const method = path === '/v1/logs' ? 'POST' : 'GET';
        expect((await ask(server.endpoint + path, { method, headers: headers })).status).toBe(401);
      }
    }
  });

  it('answers exporters that bring the token, and pages that were opened with it', async () => {
    const server = await startServer({ token: TOKEN });
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', host: 'viewer.example' };
    expect((await ask(`${server.endpoint}/v1/logs`, { method: 'POST', body: '{}', headers })).status).toBe(200);
    const opened = await ask(server.pageUrl);
    expect([opened.status, opened.headers.location]).toEqual([303, './']);
    const cookie = opened.headers['set-cookie']?.[0] ?? '';
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    const page = { cookie: cookie.split(';', 1)[0] ?? '' };
    expect((await ask(`${server.endpoint}/api/state`, { headers: page })).status).toBe(200);
  });

  it('leaves the cookie of another viewer on the same host alone', async () => {
    const servers = [await startServer({ token: TOKEN }), await startServer({ token: `${TOKEN}-of-another` })];
    const cookies = new Map<string, string>();
    for (const { pageUrl } of servers) {
      const [name = '', value = ''] = (await ask(pageUrl)).headers['set-cookie']?.[0]?.split(/[=;]/) ?? [];
      cookies.set(name, value);
    }
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    for (const { endpoint } of servers) {
      expect((await ask(`${endpoint}/api/state`, { headers: { cookie } })).status).toBe(200);
    }
  });

  it('leads nowhere else with the token in the address', async () => {
    const server = await startServer({ token: TOKEN });
    const at = async (path: string): Promise<string | undefined> =>
      (await ask(`${server.endpoint}${path}token=${TOKEN}`)).headers.location;
    expect(await at('//evil.example/?a=1&')).toBe('./?a=1');
    expect(await at('//evil.example?')).toBe('./evil.example');
    expect(await at('/\\evil.example?')).toBe('./evil.example');
    expect(await at('/javascript:alert(1)?')).toBe('./javascript:alert(1)');
  });
});
