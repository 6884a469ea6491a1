// Control characters other than newline and tab, with the C1 block: what could drive a terminal.
// oxlint-disable-next-line no-control-regex
const TERMINAL_CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text without the control characters that could drive a terminal; newline and tab stay. */
export function withoutTerminalControls(text: string): string {
  return text.replace(TERMINAL_CONTROLS, '');
}

// Select Graphic Rendition, https://www.ecma-international.org/publications-and-standards/standards/ecma-48/ 8.3.117
// oxlint-disable-next-line no-control-regex
const COLOURS = /(?:\u001b\[|\u009b)[\d;:]*m/g;

/** Text without the colour codes that loggers for terminals put into it. Other control sequences stay. */
export function withoutColours(text: string): string {
  return text.replace(COLOURS, '');
}
