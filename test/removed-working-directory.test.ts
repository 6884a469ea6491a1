import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

import { builtSource } from './support/built-source.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

it('in a working directory that was removed everything works whose own paths lead somewhere', async () => {
  const directory = temporaryDirectory();
  const script = `
    import { mkdirSync, rmdirSync } from 'node:fs';
    import { bridgeLogsApi, startSessionLogs } from ${JSON.stringify(builtSource().url('index.js'))};
    mkdirSync('gone');
    process.chdir('gone');
    rmdirSync('../gone');
    try { process.cwd(); console.log('the directory is still there'); } catch {}
    const relative = [{}, { file: false, spool: { directory: 'spool' }, exporter: { export() {}, shutdown() {} } }];
    const refused = [];
    for (const options of relative) refused.push(await startSessionLogs(options).catch(({ code }) => code));
    const sessions = await startSessionLogs({ directory: ${JSON.stringify(join(directory, 'logs'))} });
    const { findings } = await sessions.diagnose();
    await sessions.shutdown();
    console.log(JSON.stringify({ refused, bridged: bridgeLogsApi(), codes: findings.map(({ code }) => code) }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: directory,
    env: { ...process.env, LOGS_PATH: '' },
  });
  expect(JSON.parse(stdout)).toMatchObject({
    refused: ['directory_unusable', 'directory_unusable'],
    bridged: true,
    codes: expect.not.arrayContaining(['directory_unusable']),
  });
});
