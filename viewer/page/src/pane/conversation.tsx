import { memo } from 'preact/compat';
import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';

import type { BlockChange, PartText } from '../../../src/serve/protocol.ts';
import type { Conversation } from '../blocks.ts';

interface Props {
  readonly conversation: Conversation | undefined;
  readonly selected: number;
  readonly select: (block: number) => void;
}

/** A session as a conversation. It stays at its end while that is in sight. */
export function ConversationView({ conversation, selected, select }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (box.current !== null && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [conversation]);
  const onScroll = (): void => {
    const { scrollTop = 0, clientHeight = 0, scrollHeight = 0 } = box.current ?? {};
    isAtEnd.current = scrollTop + clientHeight > scrollHeight - 40;
  };
  if (conversation === undefined) return <p class="note">Loading.</p>;
  if (conversation.isGone)
    return <p class="note">This session is not held: it went because of the bound, or has not come yet.</p>;
  return (
    <div class="blocks" ref={box} onScroll={onScroll} role="log" aria-label="Conversation">
      {conversation.hasOlder ? <p class="note">Older blocks are not shown.</p> : null}
      {[...conversation.blocks.values()].map((block) => (
        <Block key={block.id} block={block} isSelected={block.id === selected} select={select} />
      ))}
    </div>
  );
}

interface BlockProps {
  readonly block: BlockChange;
  readonly isSelected: boolean;
  readonly select: (block: number) => void;
}

const Block = memo(({ block, isSelected, select }: BlockProps) => {
  if (block.type === 'end') return <p class="mark">The session ended here.</p>;
  if (block.type === 'gap') {
    return (
      <p class="mark warning">
        {block.missing === -1 ? 'An unknown number of' : block.missing} entries are missing here: {block.reason}
      </p>
    );
  }
  const level =
    block.severityText ?? (block.severityNumber === undefined ? undefined : `severity ${block.severityNumber}`);
  return (
    <article class={`block ${block.type}${block.isFailed ? ' failed' : ''}`} aria-current={isSelected}>
      <header>
        <button type="button" onClick={() => select(block.id)}>
          {block.role ?? (block.type === 'log' ? (level ?? 'log') : 'answer')}
          {block.streamId === undefined ? '' : ` ${block.streamId}`}
        </button>
        <time dateTime={new Date(block.millis).toISOString()}>{new Date(block.millis).toLocaleTimeString()}</time>
        {block.isOpen ? <span class="open">writing</span> : null}
        {block.finishReasons === undefined ? null : <span>{block.finishReasons.join(', ')}</span>}
      </header>
      {block.parts.map((part, at) => (
        // Parts are only appended, so that a place is a name.
        <PartView key={at} part={part} />
      ))}
      {block.exception === undefined ? null : <pre class="exception">{block.exception}</pre>}
    </article>
  );
});

const PartView = memo(({ part: { part, text } }: { readonly part: PartText }) => {
  if (part === 'text') return <div class="text">{text}</div>;
  if (part === 'error') return <div class="text error">{text}</div>;
  return (
    <details class={part}>
      <summary>{part === 'tool' ? 'tool call' : part}</summary>
      <div class="text">{text}</div>
    </details>
  );
});
