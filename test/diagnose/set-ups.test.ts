import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from 'vitest';

import { applicationWithPackage } from '../support/installed.ts';
import { runProgram } from '../support/run-script.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import { NODE_SDK, serverFor, SET_UPS } from './broken-set-ups.ts';
import type { SetUp } from './broken-set-ups.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = join(ROOT, 'docs/diagnose.md');
const MARK = '<!-- set-ups -->';
const END = '<!-- end of set-ups -->';
/** Every line that is printed; the page has the findings of each, which is what a reader compares with. */
const WHOLE = join(ROOT, 'test/diagnose/printed.md');
/** `DOCS=write npm run test:diagnose` writes both anew. */
const SHOWN = SET_UPS.filter(({ isHidden = false }) => !isHidden);
const isWriting = process.env['DOCS'] === 'write';

/** What is printed on 3.x, by the title of the set-up. */
const printed = new Map<string, string>();

async function run(setUp: SetUp, line: (typeof sdkLines)[number][1]): Promise<string> {
  const server = await serverFor(setUp.answer);
  const packages = ['@opentelemetry/sdk-logs', '@opentelemetry/api-logs', ...(setUp.packages ?? NODE_SDK)];
  const { folder } = applicationWithPackage(packages, line);
  setUp.prepare?.(folder);
  writeFileSync(
    join(folder, 'app.mjs'),
    `import { createRequire } from 'node:module';
     import { SessionLogs, sharedSessionLogs, startSessionLogs, bridgeLogsApi } from 'otel-session-logs';
     const require = createRequire(import.meta.url);
     const url = '${server.url}/v1/logs';
     ${setUp.program}
     console.log(String(await sessions.diagnose()));
     process.exit(0);`,
  );
  const imports = (setUp.imports ?? []).flatMap((name) => ['--import', name]);
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_'))),
    LOGS_PATH: join(folder, 'logs'),
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'none',
    ...setUp.env?.(server.url),
  };
  const ran = await runProgram(process.execPath, [...imports, 'app.mjs'], { cwd: folder, env });
  expect(ran.stderr).not.toContain('Warning');
  expect(ran.status, ran.stderr).toBe(0);
  // Asking a collector whether it takes logs sends it none.
  expect(server.bodies.join()).not.toContain('session_logs.diagnose');
  return ran.stdout
    .trimEnd()
    .replaceAll(folder, '/app')
    .replaceAll(ROOT, '/app/')
    .replaceAll('/app/test/lines/sdk-0.2xx/', '/app/older/');
}

/** Without what differs from run to run. */
function steady(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1:\d{2,}/g, '127.0.0.1:4318')
    .replaceAll(/\d+ s ago/g, '1 s ago')
    .replaceAll(/\d+ of at most/g, '0 of at most');
}

function codesIn(text: string): string[] {
  return [...text.matchAll(/^(\w+): .*\n {2}fix: /gm)].map(([, code = '']) => code);
}

describe.each(sdkLines)('diagnose(), SDK %s', (name, line) => {
  it.each(SET_UPS.map((setUp) => [setUp.title, setUp] as const))('%s', async (title, setUp) => {
    const text = await run(setUp, line);
    const isOlder = name === '0.2xx' && setUp.olderCodes !== undefined;
    expect(codesIn(text), text).toEqual(isOlder ? setUp.olderCodes : setUp.codes);
    if (!isOlder) for (const part of setUp.says ?? []) expect(text).toContain(part);
    expect(text).not.toContain('secret');
    if (name === '3.x') printed.set(title, steady(text));
  });
});

function sectionOf({ title, about }: SetUp): string {
  return `### ${title}\n\n${about}\n\n\`\`\`text\n${printed.get(title) ?? ''}\n\`\`\`\n`;
}

function exampleOf({ title, about }: SetUp): string {
  const findings = (printed.get(title) ?? '').split('\n').filter((line) => !line.startsWith('checked: '));
  return `**${title}.** ${about}\n\n\`\`\`text\n${findings.join('\n')}\n\`\`\`\n`;
}

/** The set-ups in which something is wrong, by what is found first. */
const WRONG = new Map(
  SHOWN.flatMap(({ codes: [code] }) => (code === undefined ? [] : [code])).map((code) => [
    code,
    SHOWN.filter(({ codes }) => codes[0] === code),
  ]),
);

afterAll(() => {
  if (!isWriting || printed.size < SET_UPS.length) return;
  const whole = '# What `diagnose()` prints on SDK 3.x, written by set-ups.test.ts';
  writeFileSync(WHOLE, `${whole}\n\n${SHOWN.map(sectionOf).join('\n')}`);
  const page = readFileSync(PAGE, 'utf8');
  const [head = '', rest = ''] = page.split(`${MARK}\n`);
  const [, tail = ''] = rest.split(END);
  const examples = [...WRONG].map(([code, setUps]) => `### ${code}\n\n${setUps.map(exampleOf).join('\n')}`);
  writeFileSync(PAGE, `${head}${MARK}\n\n${examples.join('\n')}\n${END}${tail}`);
});

it.skipIf(isWriting)('docs/diagnose.md shows what is found in each, and printed.md every line', () => {
  const [page, whole] = [readFileSync(PAGE, 'utf8'), readFileSync(WHOLE, 'utf8')];
  for (const setUp of SHOWN) {
    if (!printed.has(setUp.title)) continue;
    expect(whole).toContain(sectionOf(setUp));
    if (setUp.codes.length > 0) expect(page).toContain(exampleOf(setUp));
  }
});
