import { expect, it } from 'vitest';

import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

describePage('the page', (open) => {
  it('shows a session as a conversation that grows, with what the application sends as text', async () => {
    const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>';
    const { server, page, complaints } = await open();
    const script = new SessionScript(server.model, hostile)
      .mark('stream_start')
      .mark('reasoning_start')
      .chunk('hidden at first')
      .mark('reasoning_stop')
      .chunk(`Hello ${hostile}`)
      .log(hostile, 17);
    await page.getByRole('button', { name: /^<img.*onerror/ }).click();
    await page.getByText(`Hello ${hostile}`).waitFor();
    script.chunk(' and on');
    await page.getByText(`Hello ${hostile} and on`).waitFor();
    await page.getByText('Reasoning', { exact: true }).click();
    await page.locator('.fold .text', { hasText: 'hidden at first' }).waitFor();
    await page.getByRole('button', { name: 'error', exact: true }).click();
    await page.getByRole('complementary', { name: 'Details' }).getByText(hostile).first().waitFor();
    expect(complaints).toEqual([]);
  });
});
