import { describe, it } from 'vitest';

import { RemoteSessionStore } from '../../../src/remote.ts';
import { describeRemoteLog, describeSessionStore } from '../../../src/testing.ts';
import { FaultyLog, NO_FAULTS } from '../../support/faulty-log.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';
import { randomNumbers } from '../../support/properties.ts';

const server = new MemoryServer();
describeRemoteLog('a log in memory', () => new MemoryLog(server), { describe, it });

describeSessionStore(
  'RemoteSessionStore over a log in memory',
  (options) => new RemoteSessionStore({ log: new MemoryLog(new MemoryServer()), ...options }),
  { describe, it },
);

const random = randomNumbers();
// A wake-up that is lost is made up for after 5 s, which the suite does not wait for.
const faults = { ...NO_FAULTS, delay: 0.1, lostAnswer: 0.1, cut: 0.1, full: 0.05 };
describeSessionStore(
  'RemoteSessionStore over a log whose appends fail',
  (options) =>
    new RemoteSessionStore({ log: new FaultyLog(new MemoryLog(new MemoryServer()), random, faults, true), ...options }),
  { describe, it },
);
