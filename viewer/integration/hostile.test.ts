import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import type { DevServer } from '../src/dev/dev-server.ts';
import { postLogs } from '../test/support/dev-server.ts';
import { describePage } from './support/chromium.ts';

const SCRIPT = `<script>alert(1)</script><img src=x onerror=alert(2)>"'><svg onload=alert(3)><a href=javascript:alert(4)>`;
const KEY = `s:${SCRIPT}`;

const field = { stringValue: SCRIPT };
const named = (key: string, value: object = field): object => ({ key, value });
const nested = { kvlistValue: { values: [named(SCRIPT), named('list', { arrayValue: { values: [field] } })] } };

/** A record with the script in all of its fields, and with these fields. */
function record(fields: object, attributes: readonly object[] = []): object {
  return {
    body: field,
    traceId: SCRIPT,
    spanId: SCRIPT,
    ...fields,
    attributes: [
      named('session.id'),
      named(SCRIPT),
      named('nested', nested),
      named('session_logs.stream_id'),
      ...attributes,
    ],
  };
}

const exception = ['type', 'message', 'stacktrace'].map((part) => named(`exception.${part}`));
const RECORDS = [
  record({ eventName: 'gen_ai.user.message', body: { kvlistValue: { values: [named('content')] } } }),
  record({ eventName: 'session_logs.stream_start' }),
  record({ eventName: 'session_logs.reasoning_start' }),
  record({}),
  record({ eventName: 'session_logs.reasoning_stop' }),
  record({ eventName: 'session_logs.tool_call_start' }),
  record({}),
  record({ eventName: 'session_logs.tool_call_end' }),
  record({}),
  record({ eventName: 'session_logs.error' }, exception),
  record({ eventName: 'session_logs.stream_end' }, [
    named('gen_ai.response.finish_reasons', { arrayValue: { values: [field] } }),
  ]),
  record({ severityNumber: 17, severityText: SCRIPT }, exception),
  record({ severityNumber: 9, severityText: SCRIPT, eventName: SCRIPT, body: nested }),
];

async function sendEverything(server: DevServer): Promise<void> {
  const attributes = [named('service.name'), named('service.version'), named(SCRIPT), named('nested', nested)];
  const scope = { name: SCRIPT, version: SCRIPT, attributes: [named(SCRIPT)] };
  const request = { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ scope, logRecords: RECORDS }] }] };
  expect((await postLogs(server, JSON.stringify(request))).status).toBe(200);
  const source = server.model.addSource(SCRIPT, 'directory');
  source.notes.set('note', SCRIPT);
  server.model.find(SCRIPT)?.addGap(3, SCRIPT, Date.now());
}

/** Elements that could only have come out of a field. */
function strangers(page: Page): Promise<unknown> {
  return page.evaluate(`[
    ...document.querySelectorAll('script:not([src]), img, [onload], [onerror], a[href^="javascript:"], iframe, object, embed'),
  ].map((element) => element.outerHTML)`);
}

describePage('<script> in every field', (open) => {
  it('is a text wherever the page shows it', async () => {
    const { server, page, complaints } = await open({
      server: { traceLink: 'http://localhost:16686/trace/{traceId}' },
    });
    await sendEverything(server);
    await page.locator('.row', { hasText: SCRIPT }).locator('.choose').click();
    await page.locator('article').first().waitFor();
    for (const summary of await page.locator('summary').all()) await summary.click();
    expect(await page.locator('article', { hasText: SCRIPT }).count()).toBeGreaterThan(3);
    expect(await strangers(page)).toEqual([]);

    const blocks = server.model.find(SCRIPT)?.blocks ?? [];
    expect(blocks.map(({ type }) => type)).toEqual(['message', 'answer', 'log', 'log', 'gap']);
    for (const { id } of blocks) {
      const view = new URLSearchParams({ follow: KEY, block: String(id) });
      await page.evaluate(`location.hash = ${JSON.stringify(view.toString())}`);
      const details = page.getByRole('complementary', { name: 'Details' });
      await details.getByText(SCRIPT).first().waitFor();
      expect(await strangers(page)).toEqual([]);
    }
    expect(complaints).toEqual([]);
  });

  it('is a text in a search, in the list of sources, in an address, and in the title', async () => {
    const { server, page, complaints } = await open();
    await sendEverything(server);
    const view = new URLSearchParams({ text: SCRIPT, search: SCRIPT, follow: KEY, pin: `s:${SCRIPT}2` });
    await page.goto(`${server.endpoint}/#${view.toString()}`);
    await page.reload();
    await page.locator('article', { hasText: SCRIPT }).first().waitFor();
    await page.getByRole('button', { name: /notes?$/ }).click();
    await page.getByRole('region', { name: 'Sources' }).getByText(SCRIPT).first().waitFor();
    expect(await strangers(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('is a text in a replay', async () => {
    const { server, page, complaints } = await open();
    await sendEverything(server);
    const view = new URLSearchParams({ follow: KEY, replay: '1000' });
    await page.goto(`${server.endpoint}/#${view.toString()}`);
    await page.getByRole('slider').first().waitFor();
    await page.locator('article', { hasText: SCRIPT }).first().waitFor();
    expect(await strangers(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('is seen by this test where a page would take it for markup', async () => {
    const { page, complaints } = await open();
    await page
      .evaluate(`document.body.append(Object.assign(document.createElement('script'), { text: 'alert(1)' }))`)
      .catch(() => {
        // The page refuses it.
      });
    await page.evaluate(`document.body.append(document.createElement('img'))`);
    expect(complaints.length).toBeGreaterThan(0);
    expect(await strangers(page)).not.toEqual([]);
  });
});
