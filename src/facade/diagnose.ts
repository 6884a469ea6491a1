import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';

import { findPackages } from '../otel/application-modules.ts';
import { hasContextManager, isLogsApiBridged, registeredLogsApis } from '../otel/logs-api.ts';
import { escapeControls } from '../support/terminal-text.ts';
import { findInEndpoint } from './endpoint-findings.ts';
import type { Finding } from './finding.ts';
import { findInProvider } from './provider-findings.ts';
import type { ProviderSubject } from './provider-findings.ts';

/** The answer of `diagnose()`: `String(diagnosis)` prints it. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  toString(): string;
}

/** What is looked at. */
export interface DiagnosisSubject extends ProviderSubject {
  readonly lost: Readonly<Record<string, number>>;
  /** The daily file's directory, of an instance that has one. */
  readonly directory: string | undefined;
  /** Where logs are exported to, where that is known. */
  readonly endpoint: string | undefined;
}

/**
 * Why a log may not arrive. Emits one record, named `session_logs.diagnose`, to see whether the provider leads to our
 * processor, and asks the endpoint whether it is a collector; takes a few seconds at most.
 */
export async function diagnose(subject: DiagnosisSubject): Promise<Diagnosis> {
  const findings = [
    ...findInProvider(subject),
    ...findApis(),
    ...findLosses(subject.lost),
    ...(await findInEndpoint(subject.endpoint)),
    ...(await findDirectory(subject.directory)),
  ];
  return {
    findings,
    toString: () =>
      findings.length === 0
        ? 'nothing found that keeps logs from arriving'
        : findings
            .map(({ code, problem, fix }) => `${code}: ${escapeControls(problem)}\n  fix: ${escapeControls(fix)}`)
            .join('\n'),
  };
}

function findApis(): Finding[] {
  const findings: Finding[] = [];
  const copies = [...new Set(findPackages('@opentelemetry/api').map(({ path, version }) => `${version} (${path})`))];
  if (copies.length > 1) {
    findings.push({
      code: 'several_apis',
      problem: `several copies of @opentelemetry/api are installed: ${copies.join(', ')}; an older copy does not see what a newer one registered`,
      fix: 'let all packages resolve to one version: `npm ls @opentelemetry/api`, then `npm dedupe` or an `overrides` entry',
    });
  }
  const registered = registeredLogsApis();
  const hasApiLogs = findPackages('@opentelemetry/api-logs').length > 0;
  if (registered.api && !registered.apiLogs && !isLogsApiBridged() && hasApiLogs) {
    findings.push({
      code: 'no_bridge',
      problem: 'libraries that log through @opentelemetry/api-logs (winston) do not reach the provider of SDK 3.x',
      fix: 'call bridgeLogsApi() once, before the loggers are made',
    });
  }
  if (!hasContextManager()) {
    findings.push({
      code: 'no_context_manager',
      problem: 'no context manager is registered: records have no trace ids (sessions are found without one)',
      fix: 'start NodeSDK, or register AsyncLocalStorageContextManager of @opentelemetry/context-async-hooks',
    });
  }
  return findings;
}

function findLosses(lost: Readonly<Record<string, number>>): Finding[] {
  const counts = Object.entries(lost).filter(([, count]) => count > 0);
  if (counts.length === 0) return [];
  return [
    {
      code: 'losses',
      problem: `records or entries were lost: ${counts.map(([reason, count]) => `${count} ${reason}`).join(', ')}`,
      fix: 'docs/options.md says what each reason means: raise the bound that is named, or mend what refuses the records',
    },
  ];
}

async function findDirectory(directory: string | undefined): Promise<Finding[]> {
  if (directory === undefined) return [];
  try {
    await access(directory, constants.W_OK | constants.X_OK);
    // Fails where a file stands in the directory's place.
    await readdir(directory);
    return [];
  } catch (error) {
    return [
      {
        code: 'directory_unusable',
        problem: `the daily files' directory ${directory} cannot be written: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`,
        fix: 'give this user the right to write there, or set LOGS_PATH to another directory',
      },
    ];
  }
}
