import { memo } from 'preact/compat';
import type { FunctionComponent, JSX } from 'preact';

import type { BlockChange, PartText } from '../../../src/serve/protocol.ts';
import { wholeCounted } from '../list/figures.ts';
import { GrowingText } from './growing-text.tsx';
import { EndDivider, GapDivider } from './dividers.tsx';
import { fullTime, timeText } from './times.ts';
import type { TimeMode } from './times.ts';
import './block.css';
import './fold.css';

export interface BlockProps {
  readonly block: BlockChange;
  readonly time: TimeMode;
  /** When the session began. */
  readonly startMillis: number;
  /** Whether it is an answer that is still being written. In a session that has gone quiet, none is. */
  readonly isWriting: boolean;
  readonly isSelected: boolean;
  readonly select: (block: number) => void;
  /** What is unfolded, by block and part. It stays unfolded when the block is scrolled out of the document and back. */
  readonly unfolded: Set<string>;
}

/** A block of a conversation. Drawn again only when a property is another object. */
export const Block: FunctionComponent<BlockProps> = memo((props: BlockProps): JSX.Element => {
  const { block, time, startMillis } = props;
  switch (block.type) {
    case 'gap':
      return <GapDivider block={block} />;
    case 'end':
      return <EndDivider block={block} time={timeText(block.millis, time, startMillis)} />;
    case 'log':
      return <LogBlock {...props} />;
    default:
      return <ChatBlock {...props} />;
  }
});

function ChatBlock(props: BlockProps): JSX.Element {
  const { block, isWriting, isSelected, select, unfolded } = props;
  const who = whoOf(block);
  return (
    <article
      class={`block ${block.role ?? block.type}${block.isFailed ? ' failed' : ''}`}
      data-block={block.id}
      aria-current={isSelected}
      aria-label={who}
      onClick={(event) => selectByClick(event, () => select(block.id))}
    >
      <header>
        <h3>
          <button type="button" onClick={() => select(block.id)}>
            {who}
          </button>
        </h3>
        {block.streamId === undefined ? null : <span class="stream">{block.streamId}</span>}
        <Ending block={block} isWriting={isWriting} />
        <Time {...props} />
      </header>
      {block.parts.map((part, at) => (
        // Parts are only appended, so the index can be the key.
        <Part key={at} part={part} fold={`${block.id}/${at}`} unfolded={unfolded} />
      ))}
    </article>
  );
}

function LogBlock(props: BlockProps): JSX.Element {
  const { block, isSelected, select } = props;
  const { severityNumber = 0 } = block;
  const level = block.severityText ?? levelName(severityNumber);
  return (
    <article
      class={`block log ${levelClass(severityNumber)}`}
      data-block={block.id}
      aria-current={isSelected}
      aria-label={`${level}, log`}
      onClick={(event) => selectByClick(event, () => select(block.id))}
    >
      <button type="button" class="level" onClick={() => select(block.id)}>
        {level}
      </button>
      <div class="said">
        {block.parts.map(({ text }, at) => (
          <GrowingText key={at} text={text} />
        ))}
        {block.exception === undefined ? null : <div class="exception">{block.exception}</div>}
        {block.parts.length === 0 && block.eventName !== undefined ? <div class="text">{block.eventName}</div> : null}
      </div>
      <Time {...props} />
    </article>
  );
}

function Time({ block: { millis }, time, startMillis }: BlockProps): JSX.Element {
  return (
    <time dateTime={new Date(millis).toISOString()} title={fullTime(millis)}>
      {timeText(millis, time, startMillis)}
    </time>
  );
}

/** Whether an answer is being written, or how it ended, unless it just stopped. */
function Ending({
  block: { isFailed, finishReasons = [] },
  isWriting,
}: Pick<BlockProps, 'block' | 'isWriting'>): JSX.Element | null {
  if (isWriting) return <span class="badge writing">writing</span>;
  const reasons = finishReasons.filter((reason) => reason !== 'stop').join(', ');
  if (isFailed) return <span class="badge bad">{reasons === '' ? 'failed' : `failed: ${reasons}`}</span>;
  return reasons === '' ? null : <span class="badge">{reasons}</span>;
}

interface PartProps {
  readonly part: PartText;
  readonly fold: string;
  readonly unfolded: Set<string>;
}

const FOLDED = { reasoning: 'Reasoning', tool: 'Tool call' } as const;
const PREVIEW_CHARS = 160;

const Part = memo(({ part: { part, text }, fold, unfolded }: PartProps): JSX.Element => {
  if (part === 'text') return <GrowingText text={text} />;
  if (part === 'error') return <GrowingText text={text} kind="error" />;
  return (
    <details
      class="fold"
      open={unfolded.has(fold)}
      onToggle={({ currentTarget }) => {
        if (currentTarget.open) unfolded.add(fold);
        else unfolded.delete(fold);
      }}
    >
      <summary>
        <span class="name">{FOLDED[part]}</span>
        <span class="preview">{text.slice(0, PREVIEW_CHARS)}</span>
        <span class="size">{wholeCounted(text.length, 'character', 'characters')}</span>
      </summary>
      <GrowingText text={text} kind={part} />
    </details>
  );
});

function whoOf({ type, role, isContinued }: BlockChange): string {
  if (isContinued === true) return 'Answer, continued';
  if (type === 'answer' || role === undefined) return 'Answer';
  return { user: 'User', system: 'System', assistant: 'Assistant', tool: 'Tool' }[role];
}

/** A click anywhere on a block opens it; one that selects text or works a fold does not. */
function selectByClick({ target }: Event, select: () => void): void {
  if (!(target instanceof Element) || target.closest('button, summary, a') !== null) return;
  if (getSelection()?.isCollapsed !== false) select();
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** The name of a severity number, by the ranges of OpenTelemetry's data model. */
export function levelName(severityNumber: number): string {
  return LEVELS[Math.ceil(severityNumber / 4) - 1] ?? 'log';
}

function levelClass(severityNumber: number): string {
  if (severityNumber >= 17) return 'is-error';
  if (severityNumber >= 13) return 'is-warning';
  return severityNumber >= 9 || severityNumber === 0 ? 'is-info' : 'is-debug';
}
