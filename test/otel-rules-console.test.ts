import { vi } from 'vitest';

import { ConsoleLogRecordProcessor } from '../src/export/console/console.ts';
import { describeProcessorRules } from './otel-rules.ts';

describeProcessorRules('ConsoleLogRecordProcessor', () => {
  const messages: string[] = [];
  vi.stubEnv('NO_COLOR', '1');
  const written = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    messages.push(
      String(text)
        .slice(0, -1)
        .replace(/^.*? \[s\] /s, '')
        // The record's attributes.
        .replace(/ \{"k0":.*\}$/, ''),
    );
    return true;
  });
  const processor = new ConsoleLogRecordProcessor('pretty');
  return {
    processor,
    delivered: () => messages,
    lost: () => processor.lost.toJSON(),
    remove: () => {
      written.mockRestore();
      vi.unstubAllEnvs();
    },
  };
});
