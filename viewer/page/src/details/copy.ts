import type { BlockChange, PartText } from '../../../src/serve/protocol.ts';
import { gapText } from '../blocks.ts';
import type { OlderBlocks } from '../blocks.ts';

/** The blocks of a session as JSON that people read: times as dates, and only fields that have a value. */
export function conversationJson(session: string, { blocks, hasOlder }: OlderBlocks): string {
  const older = hasOlder ? { hasOlder } : {};
  return JSON.stringify({ session, ...older, blocks: blocks.map(blockFields) }, undefined, 2);
}

/** One block as such JSON. */
export function blockJson(block: BlockChange): string {
  return JSON.stringify(blockFields(block), undefined, 2);
}

function blockFields(block: BlockChange): Readonly<Record<string, unknown>> {
  const { type, role, streamId, millis, lastMillis, isOpen, isFailed, finishReasons, parts } = block;
  const { severityNumber, severityText, eventName, traceId, exception, missing, reason } = block;
  const isText = parts.length === 1 && parts[0]?.part === 'text';
  // JSON leaves out what is `undefined`.
  return {
    type,
    role,
    streamId,
    time: dateOf(millis),
    endTime: lastMillis === millis ? undefined : dateOf(lastMillis),
    isOpen: isOpen || undefined,
    isFailed: isFailed || undefined,
    finishReasons,
    severityNumber,
    severityText,
    eventName,
    traceId,
    exception,
    missing,
    reason,
    ...(isText ? { text: parts[0]?.text } : {}),
    ...(isText || parts.length === 0 ? {} : { parts: parts.map(({ part, text }) => ({ part, text })) }),
  };
}

function dateOf(millis: number): string {
  return new Date(millis).toISOString();
}

/** The session as Markdown: answers and messages as they are, logs as a list, and what the page folds in fences. */
export function conversationMarkdown(session: string, { blocks, hasOlder }: OlderBlocks): string {
  const texts: string[] = [`# Session ${inline(session)}`];
  if (hasOlder) texts.push('> Older blocks are not in this copy. The export has the whole session.');
  let isInList = false;
  for (const block of blocks) {
    const isLog = block.type === 'log';
    const text = blockMarkdown(block);
    // No blank line between the items of a list.
    if (isLog && isInList) texts[texts.length - 1] += `\n${text}`;
    else texts.push(text);
    isInList = isLog;
  }
  return `${texts.join('\n\n')}\n`;
}

export function blockMarkdown(block: BlockChange): string {
  const time = dateOf(block.millis);
  switch (block.type) {
    case 'log':
      return logMarkdown(block, time);
    case 'gap':
      return `> ${gapText(block)}`;
    case 'end':
      return `> The session ended here, ${time}.`;
    default: {
      const answer = block.isContinued === true ? 'Answer, continued' : 'Answer';
      const who = block.type === 'answer' ? answer : capital(block.role ?? 'message');
      const end = block.isFailed ? ` (${block.finishReasons?.join(', ') ?? 'failed'})` : '';
      return [`## ${who}, ${time}${end}`, ...block.parts.map(partMarkdown)].join('\n\n');
    }
  }
}

function partMarkdown({ part, text }: PartText): string {
  if (part === 'text') return text;
  const name = { reasoning: 'Reasoning', tool: 'Tool call', error: 'Error' }[part];
  return `${name}:\n\n${fenced(text)}`;
}

function logMarkdown({ parts, severityText, severityNumber, exception }: BlockChange, time: string): string {
  const level = severityText ?? (severityNumber === undefined ? 'log' : `severity ${severityNumber}`);
  const text = parts.map((part) => part.text).join('');
  const what = text.includes('\n') ? `\n\n${indented(fenced(text))}` : ` ${inline(text)}`;
  const error = exception === undefined ? '' : `\n\n${indented(fenced(exception))}`;
  return `- ${time} **${level}**${what}${error}`;
}

/** The text as code, which no Markdown changes. */
function inline(text: string): string {
  const ticks = longestTicks(text) + 1;
  const fence = '`'.repeat(ticks);
  return text === '' ? '' : ticks === 1 ? `${fence}${text}${fence}` : `${fence} ${text} ${fence}`;
}

function fenced(text: string): string {
  const fence = '`'.repeat(Math.max(3, longestTicks(text) + 1));
  return `${fence}\n${text}\n${fence}`;
}

function longestTicks(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, { length }) => Math.max(longest, length), 0);
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
