import type { TxtParagraphNode, TxtStrNode } from '@textlint/ast-node-types';
import type { TextlintRuleModule } from '@textlint/types';

/** What makes a reader stop, and what to write in its place. */
const WORDS: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/\bours\b/iu, 'say whose: "this package", "the processor of this package"'],
  [/\bbe it\b/iu, 'write "whether it is ... or ..."'],
  [/\be\.g\./iu, 'write "for example"'],
  [/\bi\.e\./iu, 'write "that is"'],
  [/\betc\b/iu, 'say what else, or write "such as" before the list'],
  [
    /\b(?:processor|exporter|store|reader|collector|process|host|record|entry|session|program)s? who\b/iu,
    'things are "that" or "which"',
  ],
  [/\b(?:simply|obviously|of course|needless to say|basically)\b/iu, 'leave it out'],
  [/\b(?:leverage|utili[sz]e|seamless(?:ly)?|blazing(?:ly)?|cutting-edge|state-of-the-art)\b/iu, 'say what it does'],
  [/\b(?:till|whilst|thereof|therein|hereby|whereby|henceforth|albeit)\b/iu, 'use the everyday word'],
  [/\bshall\b/iu, 'write "must" or "will"'],
  [/\bin order to\b/iu, 'write "to"'],
  [/(?:^|[.:;] )(?:So|Nor|Neither) (?:is|are|does|do|has|have|was|were|can|will) /u, 'put the subject first'],
  [/\bwhose\b[^.;:]*\bwhose\b/iu, 'one "whose" in a sentence is enough'],
];

/** A reader holds no more than that until a full stop, a colon or a semicolon. */
const MAX_WORDS = 45;
const PAUSE = /(?<=[.!?:;][)"'*\]]*)\s+/u;

export const words: TextlintRuleModule = ({ Syntax, RuleError, report, locator }) => ({
  [Syntax.Str](node: TxtStrNode) {
    for (const [pattern, advice] of WORDS) {
      const found = pattern.exec(node.value);
      if (found === null) continue;
      const padding = locator.range([found.index, found.index + found[0].length]);
      report(node, new RuleError(`"${found[0].trim()}": ${advice}`, { padding }));
    }
  },
});

export const longSentences: TextlintRuleModule = ({ Syntax, RuleError, report, locator, getSource }) => ({
  [Syntax.Paragraph](node: TxtParagraphNode) {
    // What is not read word by word counts as one word, or none, and keeps its length.
    const text = getSource(node)
      .replaceAll(/`[^`]*`/gu, (code) => 'X'.repeat(code.length))
      .replaceAll(/\]\([^)]*\)|<[^>]*>/gu, (target) => ' '.repeat(target.length));
    let start = 0;
    for (const part of text.split(PAUSE)) {
      const count = part.split(/\s+/u).filter((word) => /\w/u.test(word)).length;
      const error = new RuleError(`${count} words without a pause: make two sentences`, { padding: locator.at(start) });
      if (count > MAX_WORDS) report(node, error);
      // The white space behind it.
      start += part.length + 1;
    }
  },
});
