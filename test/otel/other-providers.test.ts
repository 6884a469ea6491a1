import { inspect } from 'node:util';

import { describe, expect, it, vi } from 'vitest';

import { otherProviders } from '../../src/otel/other-providers.ts';
import type { OtelLoggerProvider } from '../../src/otel/logs-api.ts';
import { newerLine, olderLine, sdkLines } from '../support/sdk-lines.ts';
import type { LogsSdkModule } from '../support/sdk-lines.ts';

/** The CommonJS module of 3.x, whose classes are others than those of the ES module. */
const commonJs = newerLine.require('@opentelemetry/sdk-logs') as LogsSdkModule;
const { sdk } = newerLine;

class Derived extends sdk.LoggerProvider {}

/** As some classes do, for people who print them. */
class Printed extends Derived {
  [inspect.custom](): string {
    return 'a printed provider';
  }
}

describe('the other logger providers of the process', () => {
  // Each look makes Node collect all garbage, so there are few.
  it('are those of the ES module, of CommonJS and of derived classes; nothing remains of the look', async () => {
    expect(commonJs.LoggerProvider).not.toBe(sdk.LoggerProvider);
    const given = new Printed();
    const others = [new sdk.LoggerProvider(), new commonJs.LoggerProvider(), new Derived()];
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const found = await otherProviders(given);
    expect(warned).not.toHaveBeenCalled();
    process.emitWarning('as before');
    expect(warned).toHaveBeenCalledTimes(1);
    warned.mockRestore();

    // Other tests may have left providers of their own.
    expect(others.map((each) => found.includes(each))).toEqual([true, true, true]);
    expect(found.includes(given)).toBe(false);
    expect(found.every((each) => '_sharedState' in each)).toBe(true);
    for (const [, { sdk: each }] of sdkLines) {
      const prototype: object = each.LoggerProvider.prototype;
      expect(Object.getPrototypeOf(prototype)).toBe(Object.prototype);
      expect(inspect.custom in prototype).toBe(false);
    }
    expect(inspect(given)).toBe('a printed provider');
    expect(Object.getPrototypeOf(Printed.prototype)).toBe(Derived.prototype);
  });

  it.each<[string, () => OtelLoggerProvider, () => OtelLoggerProvider]>([
    [
      'of the line of the given one, which nothing else leads to',
      () => new olderLine.sdk.LoggerProvider(),
      () => new olderLine.sdk.LoggerProvider(),
    ],
    [
      'beside a provider without a class',
      () => ({ getLogger: () => ({ emit: () => {} }) }),
      () => new sdk.LoggerProvider(),
    ],
  ])('are those %s', async (_which, makeGiven, makeOther) => {
    const [given, other] = [makeGiven(), makeOther()];
    const found = await otherProviders(given);
    expect([found.includes(other), found.includes(given)]).toEqual([true, false]);
  });
});
