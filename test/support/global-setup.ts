import { buildSource } from './built-source.ts';

/** Once for a run of the tests: many of them start child processes on the built source. */
export default buildSource;
