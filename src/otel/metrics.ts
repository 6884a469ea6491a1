import type { MeterProvider, Observable } from '@opentelemetry/api';
import type * as z from 'zod';

import { objectWith } from '../support/options.ts';
import { reporterFor } from '../support/reporter.ts';

export type { MeterProvider };

/** The option that turns self-observability on. */
export function meterProviderOption(): z.ZodOptional<z.ZodCustom<MeterProvider>> {
  return objectWith<MeterProvider>('a meter provider', 'getMeter').optional();
}

/** The figures of a processor; counters never decrease. */
export interface ProcessorFigures {
  /** Number of records processed successfully. */
  readonly processed: number;
  /** Number of records that were lost, by reason. */
  readonly lost: Readonly<Record<string, number>>;
  /** Number of waiting records. */
  readonly queueSize?: number;
  /** The most records that can wait. */
  readonly queueCapacity?: number;
  /** Number of records that the exporter acknowledged, and that it failed on for good. */
  readonly exported?: { readonly succeeded: number; readonly failed: number };
}

/** The figures of a store: what it holds, and counters that never decrease. */
export interface StoreFigures {
  readonly sessions: number;
  readonly readers: number;
  readonly entries: number;
  readonly bytes: number;
  readonly lost: Readonly<Record<string, number>>;
  readonly unreadable?: Readonly<Record<string, number>>;
}

const METER_NAME = 'otel-session-logs';
const RECORDS = { unit: '{log_record}' };

/** Number of components of each type so far, which is part of a component's name, as in the SDK. */
const componentCounts = new Map<string, number>();

function componentAttributes(type: string): Record<string, string> {
  const count = componentCounts.get(type) ?? 0;
  componentCounts.set(type, count + 1);
  return { 'otel.component.type': type, 'otel.component.name': `${type}/${count}` };
}

/**
 * Reports a processor's figures under the names of the semantic conventions for SDK metrics,
 * https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/. They are read only when metrics are collected, so a
 * record costs nothing more. The session id is never an attribute.
 *
 * @returns A function that ends the reporting.
 */
export function observeProcessor(
  provider: MeterProvider | undefined,
  componentType: string,
  read: () => ProcessorFigures,
): () => void {
  return guarded(provider, (meters) => observeFigures(meters, componentType, read));
}

function observeFigures(provider: MeterProvider, componentType: string, read: () => ProcessorFigures): () => void {
  const meter = provider.getMeter(METER_NAME);
  const attributes = componentAttributes(componentType);
  const processed = meter.createObservableCounter('otel.sdk.processor.log.processed', RECORDS);
  const queueSize = meter.createObservableUpDownCounter('otel.sdk.processor.log.queue.size', RECORDS);
  const queueCapacity = meter.createObservableUpDownCounter('otel.sdk.processor.log.queue.capacity', RECORDS);
  const exported = meter.createObservableCounter('otel.sdk.exporter.log.exported', RECORDS);
  const instruments: Observable[] = [processed, queueSize, queueCapacity, exported];
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const figures = read();
    result.observe(processed, figures.processed, attributes);
    for (const [reason, count] of Object.entries(figures.lost)) {
      result.observe(processed, count, { ...attributes, 'error.type': reason });
    }
    if (figures.queueSize !== undefined) result.observe(queueSize, figures.queueSize, attributes);
    if (figures.queueCapacity !== undefined) result.observe(queueCapacity, figures.queueCapacity, attributes);
    if (figures.exported === undefined) return;
    result.observe(exported, figures.exported.succeeded, attributes);
    if (figures.exported.failed > 0) {
      result.observe(exported, figures.exported.failed, { ...attributes, 'error.type': 'rejected' });
    }
  };
  meter.addBatchObservableCallback(observe, instruments);
  return () => meter.removeBatchObservableCallback(observe, instruments);
}

/** Reports what a store holds, `session_logs.sessions`, `.readers`, `.entries` and `.bytes`, `session_logs.lost` and `session_logs.unreadable` by reason. */
export function observeStore(provider: MeterProvider | undefined, read: () => StoreFigures): () => void {
  return guarded(provider, (meters) => observeStoreFigures(meters, read));
}

function observeStoreFigures(provider: MeterProvider, read: () => StoreFigures): () => void {
  const meter = provider.getMeter(METER_NAME);
  const units = { sessions: '{session}', readers: '{reader}', entries: '{entry}', bytes: 'By' } as const;
  const names = Object.keys(units) as (keyof typeof units)[];
  const instruments: Observable[] = names.map((name) =>
    meter.createObservableUpDownCounter(`session_logs.${name}`, { unit: units[name] }),
  );
  const lost = meter.createObservableCounter('session_logs.lost', { unit: '{entry}' });
  const unreadable = meter.createObservableCounter('session_logs.unreadable', { unit: '{entry}' });
  instruments.push(lost, unreadable);
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const stats = read();
    for (const [reason, count] of Object.entries(stats.lost)) result.observe(lost, count, { 'error.type': reason });
    for (const [reason, count] of Object.entries(stats.unreadable ?? {})) {
      result.observe(unreadable, count, { 'error.type': reason });
    }
    for (const [index, name] of names.entries()) result.observe(instruments[index] as Observable, stats[name]);
  };
  meter.addBatchObservableCallback(observe, instruments);
  return () => meter.removeBatchObservableCallback(observe, instruments);
}

/** Guards against meters of the application: what they throw is reported, and costs only the metrics. */
function guarded(provider: MeterProvider | undefined, observe: (provider: MeterProvider) => () => void): () => void {
  if (provider === undefined) return () => {};
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      reporterFor('metrics').warn('the meter provider threw; there are no metrics of this component', error);
      return undefined;
    }
  };
  const stop = attempt(() => observe(provider));
  return () => void (stop !== undefined && attempt(stop));
}
