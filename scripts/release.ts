/**
 * Makes a release of what is committed: runs the checks, sets the version, commits and tags it. It never pushes and never
 * publishes, but prints the commands that do.
 *
 *     npm run release -- 1.2.0
 *
 * Refuses, with all reasons at once and nothing changed: a dirty tree, a branch other than `main`, a version that is not
 * the next one or is tagged already, and a changelog without a dated section for it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

interface Section {
  readonly title: string;
  readonly date: string | undefined;
  readonly isEmpty: boolean;
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}

function run(...[command, ...args]: readonly [string, ...string[]]): void {
  execFileSync(command, args, { stdio: 'inherit' });
}

function findDirt(): string[] {
  const changes = git('status', '--porcelain');
  return changes === '' ? [] : [`the tree has changes that are not committed:\n${changes}`];
}

function findWrongBranch(): string[] {
  const branch = git('branch', '--show-current');
  return branch === 'main' ? [] : [`releases are made on the branch main, this is "${branch}"`];
}

function findWrongVersion(version: string): string[] {
  const { version: last } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
  const [major = 0, minor = 0, patch = 0] = last.split('.').map(Number);
  const next = [`${major}.${minor}.${patch + 1}`, `${major}.${minor + 1}.0`, `${major + 1}.0.0`];
  if (!next.includes(version)) return [`expected the version after ${last}: ${next.join(' or ')}, got "${version}"`];
  return git('tag', '--list', `v${version}`) === '' ? [] : [`the tag v${version} is there already`];
}

function readChangelog(): Section[] {
  const [, ...parts] = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m);
  return parts.map((part) => {
    const [heading = '', ...lines] = part.split('\n');
    const [, title = '', date] = /^\[([^\]]*)\](?: - (.*))?$/.exec(heading.trim()) ?? [];
    // Headings such as "### Fixed", and the links at the end, say nothing by themselves.
    return { title, date, isEmpty: lines.every((line) => /^(?:#.*|\[[^\]]+\]: .*|\s*)$/.test(line)) };
  });
}

function findWrongChangelog(version: string): string[] {
  const sections = readChangelog();
  const unreleased = sections.find(({ title }) => title === 'Unreleased');
  const released = sections.find(({ title }) => title === version);
  const isUnreleasedEmpty = unreleased?.isEmpty ?? true;
  if (released === undefined) {
    if (isUnreleasedEmpty) return ['there is nothing to release: "## [Unreleased]" of CHANGELOG.md is empty'];
    return [`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD": move what is under "## [Unreleased]" into it`];
  }
  const reasons: string[] = [];
  if (!isDate(released.date)) {
    reasons.push(`CHANGELOG.md: expected "## [${version}] - YYYY-MM-DD", got the date "${released.date ?? ''}"`);
  }
  if (released.isEmpty) reasons.push(`CHANGELOG.md: the section of ${version} is empty`);
  if (!isUnreleasedEmpty) {
    reasons.push(`CHANGELOG.md: "## [Unreleased]" has entries that the section of ${version} does not have`);
  }
  return reasons;
}

function isDate(text: string | undefined): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  // A day that the month does not have becomes one of the next month.
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text;
}

function refuse(reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  console.error(`No release:\n${reasons.map((reason) => `- ${reason}`).join('\n')}`);
  process.exit(1);
}

const version = process.argv[2] ?? '';
const wrongVersion = findWrongVersion(version);
// Of a wrong version the changelog can have nothing.
const wrongNotes = wrongVersion.length > 0 ? [] : findWrongChangelog(version);
refuse([...findDirt(), ...findWrongBranch(), ...wrongVersion, ...wrongNotes]);
run('npm', 'run', 'check');
run('npm', 'test');
refuse(findDirt());
run('npm', 'version', version, '--git-tag-version', '--message', 'Release %s');
console.log(`
v${version} is committed and tagged here. To publish it:

  git push origin main v${version}
  npm publish
`);
