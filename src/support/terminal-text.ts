// What could drive a terminal, end a line, or show text in another order than it has: control characters with DEL and the
// C1 block, the two line separators of Unicode, embeddings, overrides and isolates of bidirectional text.
const BIDI = String.raw`\u202a-\u202e\u2066-\u2069`;
const CONTROL = new RegExp(String.raw`[\u0000-\u001f\u007f-\u009f\u2028\u2029${BIDI}]`);
const EVERY_CONTROL = new RegExp(CONTROL, 'g');
const EVERY_BUT_NEWLINE_AND_TAB = new RegExp(String.raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f${BIDI}]`, 'g');

/** Text as a terminal may get it: without control characters and the directions of bidirectional text; newline and tab stay. */
export function withoutTerminalControls(text: string): string {
  return text.replace(EVERY_BUT_NEWLINE_AND_TAB, '');
}

/** Text as it may stand in a line of a file: each such character is written as `\uXXXX`, so that no text can forge a line. */
export function escapeControls(text: string): string {
  return CONTROL.test(text) ? text.replace(EVERY_CONTROL, escapeCharacter) : text;
}

// Select Graphic Rendition, https://www.ecma-international.org/publications-and-standards/standards/ecma-48/ 8.3.117
// oxlint-disable-next-line no-control-regex
const COLOURS = /(?:\u001b\[|\u009b)[\d;:]*m/g;

/** Text without the colour codes that loggers for terminals put into it. Other control sequences stay. */
export function withoutColours(text: string): string {
  return text.replace(COLOURS, '');
}

/** As `escapeControls`, without the colour codes that loggers for terminals put into their texts. */
export function escapeText(text: string): string {
  return CONTROL.test(text) ? escapeControls(withoutColours(text)) : text;
}

/** As `escapeControls`, for text between square brackets: it cannot close them, and no two texts look alike. */
export function escapeBracketed(text: string): string {
  return escapeControls(text.replace(/[\\\]]/g, escapeCharacter));
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
