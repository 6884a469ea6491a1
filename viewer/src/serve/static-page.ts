import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { SAFE_HEADERS } from '../web/exchange.ts';
import type { Answer, Asked } from '../web/exchange.ts';

/** The page loads nothing from anywhere else, runs no code that is not its own, and sends nothing to anybody else. */
export const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
};

interface PageFile {
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly type: string;
  readonly etag: string;
}

/** The files of the built page, in memory. A request gets only a file that was there at the start, so no path leads elsewhere. */
export class StaticPage {
  readonly #files = new Map<string, PageFile>();

  /** @param directory With `index.html` in it. */
  constructor(directory: string) {
    for (const path of namesIn(directory)) {
      const type = TYPES[extname(path)];
      if (type === undefined) continue;
      const plain = readFileSync(join(directory, path));
      const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
      this.#files.set(`/${path}`, { plain, gzip: gzipSync(plain, { level: 9 }), type, etag });
    }
  }

  /** Answers a request for a file of the page; `undefined` for any other. */
  handle(asked: Asked): Answer | undefined {
    if (asked.method !== 'GET' && asked.method !== 'HEAD') return undefined;
    const file = this.#files.get(asked.path === '/' ? '/index.html' : asked.path);
    if (file === undefined) return undefined;
    return answerOf(file, asked);
  }
}

function answerOf({ plain, gzip, type, etag }: PageFile, asked: Asked): Answer {
  const isHtml = type.startsWith('text/html');
  const headers = {
    ...SAFE_HEADERS,
    'content-type': type,
    'cache-control': 'no-cache',
    vary: 'accept-encoding',
    etag,
    ...(isHtml ? { 'content-security-policy': CONTENT_SECURITY_POLICY } : {}),
  };
  if (asked.header('if-none-match') === etag) return { status: 304, headers, body: '' };
  const takesGzip = /\bgzip\b/.test(asked.header('accept-encoding') ?? '') && gzip.length < plain.length;
  return takesGzip
    ? { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: gzip }
    : { status: 200, headers, body: plain };
}

function namesIn(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name).slice(directory.length).replaceAll('\\', '/').replace(/^\/+/, ''),
    );
}
