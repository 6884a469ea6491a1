import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { command } from '../set-up.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', '..', 'examples');
const START_MILLIS = 60_000;

/** A program of `examples/`. */
interface Server {
  readonly name: string;
  /** Below `examples/`. */
  readonly folder: string;
  readonly start: readonly string[];
}

/** A major of AI SDK. */
interface Line {
  readonly name: string;
  /** What is installed in the place of what the manifest says. */
  readonly packages: Readonly<Record<string, string>>;
  /** Files that take the place of others. */
  readonly replaced: Readonly<Record<string, string>>;
}

export interface ChatProgram {
  readonly name: string;
  readonly server: Server;
  readonly line: Line;
}

const SERVERS: readonly Server[] = [
  { name: 'Hono', folder: 'chat-hono', start: ['--import', 'tsx', 'server.ts'] },
  {
    name: 'Next.js',
    folder: 'chat-next',
    start: ['node_modules/next/dist/bin/next', 'start', '--hostname', '127.0.0.1'],
  },
];

const LINES: readonly Line[] = [
  { name: 'AI SDK 6', packages: {}, replaced: {} },
  {
    name: 'AI SDK 7',
    // It needs Node 22.
    packages: { ai: '^7.0.173', '@ai-sdk/react': '^4.0.177', node: '^22.23.3' },
    replaced: { 'chat/answer.ts': 'chat/answer.ai-sdk-7.ts' },
  },
];

export const CHAT_PROGRAMS: readonly ChatProgram[] = SERVERS.flatMap((server) =>
  LINES.map((line) => ({ name: `${server.name}, ${line.name}`, server, line })),
);

/** A program that is installed and built. */
export interface BuiltChat {
  readonly directory: string;
  readonly node: string;
  readonly program: ChatProgram;
}

/** Copies the example to the directory, installs the packed package and its packages, and builds it as its manifest says. */
export async function buildChat(program: ChatProgram, tarball: string, directory: string): Promise<BuiltChat> {
  const { server, line } = program;
  await mkdir(directory, { recursive: true });
  await cp(join(EXAMPLES, server.folder), directory, {
    recursive: true,
    filter: (path) => !/[/\\](?:node_modules|dist|\.next)$/.test(path),
  });
  for (const [name, other] of Object.entries(line.replaced)) await cp(join(directory, other), join(directory, name));
  const file = join(directory, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as { dependencies: Record<string, string> };
  Object.assign(manifest.dependencies, line.packages, { 'otel-session-logs': `file:${tarball}` });
  await writeFile(file, JSON.stringify(manifest));
  await command(['npm', 'install', '--no-audit', '--no-fund'], directory);
  const node = 'node' in line.packages ? join(directory, 'node_modules', 'node', 'bin', 'node') : process.execPath;
  const PATH = `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}`;
  await command(['npm', 'run', 'build'], directory, { PATH, NEXT_TELEMETRY_DISABLED: '1' });
  return { directory, node, program };
}

/** A server of a chat, which can be ended and started again on its port. */
export class ChatServer {
  readonly url: string;
  readonly #chat: BuiltChat;
  readonly #env: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  #said = '';

  constructor(chat: BuiltChat, port: number, collector: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.#chat = chat;
    this.#env = {
      ...process.env,
      PORT: String(port),
      CHATS_PATH: join(chat.directory, 'chats'),
      WORD_MILLIS: '25',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector,
      NEXT_MANUAL_SIG_HANDLE: 'true',
      NEXT_TELEMETRY_DISABLED: '1',
    };
  }

  /** What it printed. */
  get said(): string {
    return this.#said;
  }

  async start(): Promise<void> {
    const { node, directory, program } = this.#chat;
    const started = spawn(node, program.server.start, {
      cwd: directory,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (text) => (this.#said += String(text)));
    this.#process = started;
    const end = performance.now() + START_MILLIS;
    while (!(await isServed(this.url))) {
      if (started.exitCode !== null || performance.now() > end) throw new Error(`it does not start:\n${this.#said}`);
      await delay(50);
    }
  }

  /** Resolves when the process is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ended = this.#process;
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
    const gone = once(ended, 'exit');
    ended.kill(signal);
    await gone;
  }
}

async function isServed(url: string): Promise<boolean> {
  return fetch(`${url}/api/chat/none`).then(
    (response) => response.ok,
    () => false,
  );
}
