import { describe, it } from 'vitest';

import { MemorySessionStore } from '../../src/store/memory/memory.ts';
import { describeSessionStore } from '../../src/testing.ts';

describeSessionStore('MemorySessionStore', (options) => new MemorySessionStore(options), { describe, it });
