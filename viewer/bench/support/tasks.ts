import type { Browser, Page } from 'playwright-core';

/** A task of the page's main thread, in milliseconds: how long it took, and how much of that it computed. */
export interface Task {
  readonly wall: number;
  readonly cpu: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * The tasks of the page's main thread during some work. On a machine that does other things too, a task takes longer than it
 * computes: the trace has both.
 */
export async function tasksDuring(browser: Browser, page: Page, work: () => Promise<void>): Promise<readonly Task[]> {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
  await work();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { readonly traceEvents: readonly TraceEvent[] };
  const byThread = new Map<string, Task[]>();
  const isMain = new Set<string>();
  for (const { name, ph, pid, tid, dur = 0, tdur = 0, args } of trace.traceEvents) {
    const thread = `${pid}/${tid}`;
    if (name === 'thread_name' && args?.name === 'CrRendererMain') isMain.add(thread);
    if (ph !== 'X' || !name.endsWith('RunTask')) continue;
    const tasks = byThread.get(thread) ?? [];
    tasks.push({ wall: dur / 1_000, cpu: tdur / 1_000 });
    byThread.set(thread, tasks);
  }
  // If there are several renderers, the page has the busiest one.
  const sum = (tasks: readonly Task[]): number => tasks.reduce((all, { cpu }) => all + cpu, 0);
  return [...isMain].map((thread) => byThread.get(thread) ?? []).toSorted((a, b) => sum(b) - sum(a))[0] ?? [];
}
