import { readFileSync } from 'node:fs';

/** A passage of the licence this package is under, the document that the example chat answers from. */
interface Passage {
  readonly title: string;
  readonly text: string;
  readonly words: ReadonlyMap<string, number>;
}

const SMALL_WORDS = new Set(
  'a an and are as at be by can do does for from how i if in is it its may me must my not of on or say says that the this to under what when which who with work you your'.split(
    ' ',
  ),
);

const passages = readPassages(readFileSync(new URL('../LICENSE', import.meta.url), 'utf8'));

/** What the licence says about a question: the passage that shares the most telling words with it. */
export function answerTo(question: string): string {
  const asked = wordsOf(question);
  let best: { passage: Passage; score: number } | undefined;
  for (const passage of passages) {
    let score = 0;
    for (const word of asked.keys()) {
      const count = passage.words.get(word) ?? 0;
      if (count > 0) score += (1 + Math.log(count)) * Math.log((passages.length + 1) / passagesWith(word));
    }
    score /= Math.sqrt(passage.words.size);
    if (score > (best?.score ?? 0)) best = { passage, score };
  }
  if (best === undefined) {
    return 'The licence has no words for that.\n\nAsk it about patents, trademarks, warranty, redistribution or contributions.';
  }
  return `${best.passage.title}\n\n${best.passage.text}`;
}

/** Pieces of a text as a model would stream them: joined they are the text, exactly. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*[^\s]{1,5}|\s+/gu) ?? [];
}

function passagesWith(word: string): number {
  return passages.filter(({ words }) => words.has(word)).length;
}

function wordsOf(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of text.toLowerCase().match(/\p{L}{2,}/gu) ?? []) {
    const stem = word.slice(0, 6); // "redistribute" meets "redistribution"
    if (!SMALL_WORDS.has(word)) counts.set(stem, (counts.get(stem) ?? 0) + 1);
  }
  return counts;
}

/** Each numbered section is a passage; of the definitions each one is. */
function readPassages(document: string): Passage[] {
  const terms = document.slice(document.indexOf('1. Definitions.'), document.indexOf('END OF TERMS'));
  return terms.split(/\n(?=\s{3}\d+\. )/u).flatMap((section) => {
    const [, number = '', title = '', rest = ''] = /^\s*(\d+)\. ([^.]+)\.\s*([^]*)$/u.exec(section) ?? [];
    const paragraphs = rest
      .trim()
      .split(/\n\s*\n/u)
      .map((paragraph) => paragraph.replace(/\s+/gu, ' ').trim());
    const heading = `Section ${number}: ${title}`;
    const texts = number === '1' ? paragraphs : [paragraphs.join('\n\n')];
    return texts.map((text) => ({ title: heading, text, words: wordsOf(`${title} ${title} ${text}`) }));
  });
}
