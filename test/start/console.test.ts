import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { startSessionLogs } from '../../src/index.ts';
import { builtSource } from '../support/built-source.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const source = builtSource();

/** `script` of util-linux gives a program a terminal of its own. */
const hasTerminals = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

interface Where {
  readonly env?: Record<string, string>;
  readonly isTerminal?: boolean;
  /** What is loaded before the program. */
  readonly imported?: string;
}

/** Runs a program as `docker run` does, without a terminal, or on one. */
function run(program: string, { env = {}, isTerminal = false, imported }: Where = {}): Ran {
  const args = [...(imported === undefined ? [] : ['--import', imported]), '--input-type=module', '-e', program];
  const options = {
    cwd: MODULES,
    encoding: 'utf8' as const,
    // Color choices of the terminal that runs the tests are not those of the program.
    env: {
      ...process.env,
      NO_COLOR: undefined,
      FORCE_COLOR: undefined,
      TERM: 'xterm-256color',
      LOGS_PATH: temporaryDirectory(),
      ...env,
    },
  };
  const quoted = [process.execPath, ...args].map((arg) => `'${arg.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const ran = isTerminal
    ? spawnSync('script', ['-qec', quoted, '/dev/null'], options)
    : spawnSync(process.execPath, args, options);
  // A terminal ends its lines its own way.
  return { stdout: ran.stdout.replaceAll('\r\n', '\n'), stderr: ran.stderr, status: ran.status };
}

function program(options: string, body: string): string {
  return `
    import { startSessionLogs } from ${JSON.stringify(source.url('index.js'))};
    const sessions = await startSessionLogs({ file: false, ${options} });
    ${body}
    await sessions.shutdown();`;
}

const SAY_HELLO = `
  await sessions.logChunkToQueue('a chunk', 's');
  sessions.withSession('s', () => sessions.logger.warn('hello', { id: 1 }));
  sessions.logger.debug('below');`;

// oxlint-disable-next-line no-control-regex
const COLOUR = /\u001b\[\d+m/g;
const PLAIN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARN {2}\[s\] hello \{"id":1\}\n\S+Z DEBUG below\n$/;
const PRETTY = /^(\[s\] a chunk\n)?\d\d:\d\d:\d\d\.\d{3} WARN {2}\[s\] hello \{"id":1\}\n\d\S+ DEBUG below\n$/;

describe('console, without a terminal', () => {
  it.each(['', `console: 'auto'`, `console: true`, `console: 'plain'`])(
    '%s: leveled logs are plain lines, and no chunk is shown',
    (options) => {
      const { stdout, stderr, status } = run(program(options, SAY_HELLO));
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout).toMatch(PLAIN);
    },
  );

  it('false: nothing', () => {
    expect(run(program('console: false', SAY_HELLO))).toEqual({ stdout: '', stderr: '', status: 0 });
  });

  it(`'json': one object a line`, () => {
    const lines = run(program(`console: 'json'`, SAY_HELLO)).stdout.split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 'WARN', session_id: 's', message: 'hello', attributes: { id: 1 } },
      { level: 'DEBUG', message: 'below' },
    ]);
  });

  it(`'pretty': without colours, unless they are forced; so is 'auto' then`, () => {
    const plain = run(program(`console: 'pretty'`, SAY_HELLO));
    expect(plain.stdout).toMatch(PRETTY);
    for (const options of [`console: 'pretty'`, '']) {
      const { stdout } = run(program(options, SAY_HELLO), { env: { FORCE_COLOR: '1' } });
      expect(stdout).toContain('\u001b[33mWARN \u001b[0m');
      expect(stdout.replaceAll(COLOUR, '')).toMatch(PRETTY);
    }
  });

  it('minimumSeverity is that of the console', () => {
    const { stdout } = run(program(`minimumSeverity: { console: 'info' }`, SAY_HELLO));
    expect(stdout.split('\n')).toHaveLength(2);
  });

  it('register: nothing, since the program prints its own logs', () => {
    const { stdout, stderr, status } = run(
      `import { sharedSessionLogs } from ${JSON.stringify(source.url('index.js'))};
       sharedSessionLogs().logger.warn('hello');`,
      { imported: source.url('register.js') },
    );
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
  });
});

describe.skipIf(!hasTerminals)('console, on a terminal (needs `script` of util-linux)', () => {
  it('leveled logs are coloured lines, and a line of chunks is ended before them', () => {
    const { stdout, status } = run(program('', SAY_HELLO), { isTerminal: true });
    expect(status).toBe(0);
    expect(stdout).toContain('\u001b[33mWARN \u001b[0m');
    const text = stdout.replaceAll(COLOUR, '');
    expect(text).toMatch(PRETTY);
    expect(text.startsWith('[s] a chunk\n')).toBe(true);
  });

  it('NO_COLOR and TERM=dumb are kept to, and console decides beside the terminal', () => {
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }, { FORCE_COLOR: '0' }]) {
      expect(run(program('', SAY_HELLO), { isTerminal: true, env }).stdout).toMatch(PRETTY);
    }
    const options = `console: 'plain', streamHandler: false`;
    expect(run(program(options, SAY_HELLO), { isTerminal: true }).stdout).toMatch(PLAIN);
  });

  it('sessions are readable side by side, and what waits is shown when the process ends at once', () => {
    const answers = { a: 'The capital of France is Paris.', b: 'Once upon a time.', c: 'No end' };
    const body = `
      const answers = ${JSON.stringify(answers)};
      for (let at = 0; at < 40; at += 1) {
        for (const [id, text] of Object.entries(answers)) {
          if (at < text.length) await sessions.logChunkToQueue(text[at], id);
          if (at === text.length && id === 'b') await sessions.logChunkToQueue('</end>', id);
        }
      }
      process.exit(0);`;
    const { stdout, status } = run(program('', body), { isTerminal: true });
    expect(status).toBe(0);
    expect(stdout.replaceAll(COLOUR, '').split('\n')).toEqual([
      // Whole answers do not wait; the rest of this one does, until its line is free again.
      '[a] The capital of Fra',
      '[b] Once upon a time.',
      '[c] No end',
      '[a] ... nce is Paris.',
      '',
    ]);
  });

  it('a stream handler gets the id of the session', () => {
    const handler = `streamHandler: (text, id) => process.stdout.write(id + '<' + text + '>')`;
    const { stdout } = run(program(`console: false, ${handler}`, SAY_HELLO), { isTerminal: true });
    expect(stdout).toBe('s<a chunk>');
  });
});

it.each(['colour', 1, null, 'PRETTY', {}])('console: %j is refused', async (console) => {
  await expect(startSessionLogs({ console } as object)).rejects.toThrow(
    /expected `console` to be a boolean, 'auto', 'pretty', 'plain' or 'json', got /,
  );
});
