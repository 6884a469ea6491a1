import { parseArgs } from 'node:util';

import { nearestName } from './option-names.ts';
import { escapeControls } from './terminal-text.ts';

/** The options of a command, in the form that `parseArgs` takes. */
export type CliOptions = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

/**
 * Says what is wrong with the first wrong option; `undefined` if `parseArgs` takes them all. Its own messages go on about
 * positional arguments, and differ from one version of Node to the next.
 */
export function optionProblem(args: readonly string[], options: CliOptions): string | undefined {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    if (!Object.hasOwn(options, name)) {
      const meant = nearestName(name, Object.keys(options));
      return `unknown option ${rawName}${meant === undefined ? '' : `: did you mean --${meant}?`}`;
    }
    if (options[name]?.type === 'boolean') {
      if (value !== undefined) return `${rawName} takes no value, got ${JSON.stringify(value)}`;
    } else if (value === undefined) return `${rawName} needs a value`;
    else if (!inlineValue && /^-./s.test(value)) {
      // Not shown: it may be a secret.
      return `${rawName} needs a value: write --${name}=VALUE if that begins with -`;
    }
  }
  return undefined;
}

/** What a command prints for wrong arguments: two lines, since the whole usage would push the reason out of view. */
export function wrongArguments(command: string, reason: string): string {
  return `${command}: ${escapeControls(reason)}\nRun \`${command} --help\` to see its arguments and options.\n`;
}
