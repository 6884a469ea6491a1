// Characters that could control a terminal, end a line, or show text in another order: control characters with DEL and
// the C1 block, the two line separators of Unicode, and embeddings, overrides and isolates of bidirectional text.
const BIDI = String.raw`\u202a-\u202e\u2066-\u2069`;
const CONTROL = new RegExp(String.raw`[\u0000-\u001f\u007f-\u009f\u2028\u2029${BIDI}]`);
const EVERY_CONTROL = new RegExp(CONTROL, 'g');
const EVERY_BUT_NEWLINE_AND_TAB = new RegExp(String.raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f${BIDI}]`, 'g');

/**
 * Makes text safe for a terminal: removes control characters (except newline and tab) and controls of text direction.
 */
export function withoutTerminalControls(text: string): string {
  return text.replace(EVERY_BUT_NEWLINE_AND_TAB, '');
}

/** Makes text safe for a line of a file: writes each such character as `\uXXXX`, so that no text can forge a line. */
export function escapeControls(text: string): string {
  return CONTROL.test(text) ? text.replace(EVERY_CONTROL, escapeCharacter) : text;
}

// Select Graphic Rendition, https://www.ecma-international.org/publications-and-standards/standards/ecma-48/ 8.3.117
// oxlint-disable-next-line no-control-regex
const COLOURS = /(?:\u001b\[|\u009b)[\d;:]*m/g;

/** Removes the colour codes that loggers for terminals put into text. Other control sequences stay. */
export function withoutColours(text: string): string {
  return text.replace(COLOURS, '');
}

/** Like `escapeControls`, but also removes the colour codes that loggers for terminals put into text. */
export function escapeText(text: string): string {
  return CONTROL.test(text) ? escapeControls(withoutColours(text)) : text;
}

/** Like `escapeControls`, for text between square brackets: it cannot close them, and no two texts look the same. */
export function escapeBracketed(text: string): string {
  return escapeControls(text.replace(/[\\\]]/g, escapeCharacter));
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
