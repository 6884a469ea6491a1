/** Text for a terminal that it can neither drive nor overflow: what is shown may be anybody's. */

/** What could drive a terminal, or turn the direction of its text. */
// oxlint-disable-next-line no-control-regex -- those are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const QUOTED = 24;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** The text on one line, with a space for each character that could drive the terminal. */
export function printable(text: string): string {
  return text.replace(CONTROLS, ' ');
}

/** How many columns of a terminal the text takes, or a few more. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

/** The text in lines of at most so many columns, cut between words where it has any. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => wrapParagraph(printable(paragraph), width));
}

function wrapParagraph(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.match(/ *[^ ]+| +/gu) ?? []) {
    if (columnsOf(line + word) <= width) {
      line += word;
      continue;
    }
    if (line !== '') lines.push(line);
    line = '';
    for (const character of word.trimStart()) {
      if (columnsOf(line + character) > width) {
        lines.push(line);
        line = '';
      }
      line += character;
    }
  }
  return [...lines, line];
}

/** The last words of a text, on one line. */
export function ending(text: string): string {
  const line = printable(text);
  return line.length <= QUOTED ? line : `…${line.slice(-QUOTED)}`;
}

/** The first words of a text, on one line. */
export function beginning(text: string): string {
  const line = printable(text);
  return line.length <= QUOTED ? line : `${line.slice(0, QUOTED)}…`;
}
