/** A build of another commit, in a work tree of its own below the system's temporary directory. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface OtherBuild {
  /** The commit in short. */
  readonly name: string;
  readonly dist: string;
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/**
 * Builds a commit with the packages that are installed here. The build is removed when this process ends.
 *
 * @throws Error when git knows no such commit, or it does not build with these packages.
 */
export function buildCommit(ref: string): OtherBuild {
  const commit = git('rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`);
  const name = git('rev-parse', '--short', commit);
  const parent = mkdtempSync(join(tmpdir(), 'session-logs-against-'));
  const tree = join(parent, name);
  const remove = (): void => {
    git('worktree', 'remove', '--force', tree);
    rmSync(parent, { recursive: true, force: true });
  };
  git('worktree', 'add', '--detach', tree, commit);
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'), 'dir');
    execFileSync('npm', ['run', 'build'], { cwd: tree, stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (error) {
    remove();
    throw error;
  }
  process.once('exit', remove);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return { name, dist: join(tree, 'dist') };
}
