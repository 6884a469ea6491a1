import { createRequire } from 'node:module';

import { expect, it, onTestFinished } from 'vitest';

import { makeApplication } from '../../support/application.ts';
import { openSpool } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

// Node 20 and 22 resolve a `require` by the numbers of the last `stat`: after those of a socket they follow no link. A
// package of pnpm would be loaded from where the link is, from where it does not see its own dependencies.
it('linked packages are found where they are after a spool has looked for its socket, as it does each second', () => {
  const application = makeApplication({ packages: ['pino', 'winston'] });
  onTestFinished(() => application.remove());
  const { spool } = openSpool(temporaryDirectory());
  const { resolve } = createRequire(application.main);
  // Node remembers the folders above.
  expect(resolve('pino')).not.toContain(application.folder);
  spool.checkPlace();
  expect(resolve('winston')).not.toContain(application.folder);
});
