import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runScript } from '../support/run-script.ts';
import type { Ran } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** No configuration of the machine takes part, and no repository that the tests run in. */
const GIT: NodeJS.ProcessEnv = {
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.test',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.test',
};

const DATED = '## [Unreleased]\n\n## [1.3.0] - 2026-11-25\n\n### Added\n\n- A thing.\n';
const OLD = '\n## [1.2.3] - 2026-01-01\n\n- Old.\n';

/** A project at version 1.2.3 whose checks leave a note beside it. */
class Project {
  readonly path = join(temporaryDirectory(), 'project');

  constructor(changelog = DATED, check = 'true') {
    mkdirSync(this.path);
    this.git('init', '--quiet', '--initial-branch', 'main');
    const scripts = { check: `echo check >>../ran && ${check}`, test: 'echo test >>../ran' };
    this.write('package.json', JSON.stringify({ name: 'project', version: '1.2.3', private: true, scripts }, null, 2));
    this.write('CHANGELOG.md', `# Changelog\n\n${changelog}${OLD}`);
    this.git('add', '.');
    this.git('commit', '--quiet', '--message', 'Begin');
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text);
  }

  git(...args: readonly string[]): string {
    return execFileSync('git', args, { cwd: this.path, encoding: 'utf8', env: { ...process.env, ...GIT } }).trim();
  }

  release(...args: readonly string[]): Promise<Ran> {
    return runScript('release.ts', this.path, args, GIT);
  }

  /** Which checks ran. */
  get ran(): string {
    const path = join(this.path, '..', 'ran');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  get state(): { readonly tags: string; readonly commits: string; readonly version: string } {
    const { version } = JSON.parse(readFileSync(join(this.path, 'package.json'), 'utf8')) as { version: string };
    return { tags: this.git('tag', '--list'), commits: this.git('log', '--format=%s'), version };
  }
}

const UNTOUCHED = { tags: '', commits: 'Begin', version: '1.2.3' };

it('a release runs the checks, commits and tags the version, and prints how to publish it', async () => {
  const project = new Project();
  const { status, stdout, stderr } = await project.release('1.3.0');
  expect(stderr).not.toContain('No release');
  expect(status).toBe(0);
  expect(project.ran).toBe('check\ntest\n');
  expect(project.state).toEqual({ tags: 'v1.3.0', commits: 'Release 1.3.0\nBegin', version: '1.3.0' });
  expect(project.git('rev-parse', 'v1.3.0^{commit}')).toBe(project.git('rev-parse', 'HEAD'));
  expect(project.git('status', '--porcelain')).toBe('');
  expect(stdout).toContain('  git push origin main v1.3.0\n  npm publish\n');
});

interface Refusal {
  readonly changelog?: string;
  readonly prepare?: (project: Project) => void;
  readonly version?: string;
  readonly says: string;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  'a changed file': {
    prepare: (project) => project.write('CHANGELOG.md', DATED),
    says: 'the tree has changes that are not committed:\nM CHANGELOG.md',
  },
  'a new file': {
    prepare: (project) => project.write('new.txt', ''),
    says: 'the tree has changes that are not committed:\n?? new.txt',
  },
  'another branch': {
    prepare: (project) => void project.git('switch', '--quiet', '--create', 'feature'),
    says: 'releases are made on the branch main, this is "feature"',
  },
  'no version': { version: '', says: 'expected the version after 1.2.3: 1.2.4 or 1.3.0 or 2.0.0, got ""' },
  'the same version': { version: '1.2.3', says: 'expected the version after 1.2.3' },
  'a version that leaves one out': { version: '1.4.0', says: 'expected the version after 1.2.3' },
  'a tag in the place of a version': { version: 'v1.3.0', says: 'got "v1.3.0"' },
  'a version that is tagged': {
    prepare: (project) => void project.git('tag', 'v1.3.0'),
    says: 'the tag v1.3.0 is there already',
  },
  'an empty section Unreleased': {
    changelog: '## [Unreleased]\n\n### Added\n',
    says: 'there is nothing to release: "## [Unreleased]" of CHANGELOG.md is empty',
  },
  'entries that are still under Unreleased': {
    changelog: '## [Unreleased]\n\n- A thing.\n',
    says: 'CHANGELOG.md has no section "## [1.3.0] - YYYY-MM-DD": move what is under "## [Unreleased]" into it',
  },
  'a section without a date': {
    changelog: '## [1.3.0]\n\n- A thing.\n',
    says: 'CHANGELOG.md: expected "## [1.3.0] - YYYY-MM-DD", got the date ""',
  },
  'a day that does not exist': {
    changelog: '## [1.3.0] - 2026-02-30\n\n- A thing.\n',
    says: 'got the date "2026-02-30"',
  },
  'a dated section without an entry': {
    changelog: '## [1.3.0] - 2026-11-25\n\n### Added\n',
    says: 'CHANGELOG.md: the section of 1.3.0 is empty',
  },
  'entries under Unreleased beside the dated section': {
    changelog: DATED.replace('[Unreleased]\n', '[Unreleased]\n\n- Forgotten.\n'),
    says: 'CHANGELOG.md: "## [Unreleased]" has entries that the section of 1.3.0 does not have',
  },
};

it.each(Object.entries(REFUSALS))(
  'a release is refused for %s, with nothing run and nothing changed',
  async (_, refusal) => {
    const project = new Project(refusal.changelog);
    refusal.prepare?.(project);
    const before = project.state;
    const { status, stderr } = await project.release(refusal.version ?? '1.3.0');
    expect(stderr).toContain('No release:\n');
    expect(stderr.match(/^- /gm)).toHaveLength(1);
    expect(stderr).toContain(refusal.says);
    expect(status).toBe(1);
    expect(project.ran).toBe('');
    expect(project.state).toEqual(before);
  },
);

it('all reasons are told at once', async () => {
  const project = new Project('## [Unreleased]\n');
  project.write('new.txt', '');
  project.git('switch', '--quiet', '--create', 'feature');
  const { stderr } = await project.release('1.3.0');
  expect(stderr.match(/^- /gm)).toHaveLength(3);
});

it.each([
  ['fail', 'exit 3'],
  ['leave changes', 'echo >made.txt'],
])('there is no release when the checks %s', async (_, check) => {
  const project = new Project(DATED, check);
  expect((await project.release('1.3.0')).status).toBe(1);
  expect(project.ran).toMatch(/^check\n/);
  expect(project.state).toEqual(UNTOUCHED);
});
