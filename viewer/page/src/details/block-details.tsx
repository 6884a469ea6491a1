import { useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import type { BlockChange, BlockDetail, EntryDetail, PartText } from '../../../src/serve/protocol.ts';
import { useFocusByKey } from '../focus.ts';
import { whole, wholeCounted } from '../list/figures.ts';
import { levelName } from '../pane/block.tsx';
import { fullTime, spanText } from '../pane/times.ts';
import { Fields } from './attributes.tsx';
import { ChunkStepper } from './chunk-stepper.tsx';
import { blockJson, blockMarkdown } from './copy.ts';
import { CopyMenu } from './copy-menu.tsx';
import { TimelineChart } from './timeline-chart.tsx';
import { useDetail } from './use-detail.ts';
import './block-details.css';

interface Props {
  readonly session: string;
  readonly block: number;
  /** The version of the block: it changes when the block does. */
  readonly version: number;
  readonly isReplay: boolean;
  /** The block as the replay has it; `undefined` if the replay has not reached it. */
  readonly played: BlockChange | undefined;
  /** The address of a trace, with `{traceId}` in it. */
  readonly traceLink: string | undefined;
  readonly close: () => void;
}

/** A block in full. */
export function BlockDetails(props: Props): JSX.Element {
  const { session, block, version, isReplay, played, traceLink, close } = props;
  const found = useDetail(session, block, version, isReplay);
  const aside = useRef<HTMLElement>(null);
  useFocusByKey(aside, `${session} ${block}`);
  const isToCome = isReplay && played === undefined;
  const detail = typeof found === 'object' && played !== undefined ? asPlayed(found, played) : found;
  const isThere = typeof detail === 'object' && !isToCome;
  return (
    <aside class="details" aria-label="Details" tabIndex={-1} data-of={block} ref={aside}>
      <header>
        <h2>{isThere ? titleOf(detail) : 'Details'}</h2>
        {isThere ? <CopyMenu forms={copiesOf(detail)} /> : null}
        <button type="button" class="close" onClick={close} aria-label="Close details">
          ×
        </button>
      </header>
      {isToCome ? <p class="note">The replay has not reached this block.</p> : null}
      {detail === undefined && !isToCome ? <p class="note">Loading…</p> : null}
      {detail === 'gone' && !isToCome ? <p class="note">The viewer no longer holds this block.</p> : null}
      {isThere ? <Facts key={block} session={session} detail={detail} traceLink={traceLink} /> : null}
    </aside>
  );
}

/** The detail as the replay has it: it has the entries that were played, but only the replay knows the state of the answer then. */
function asPlayed(detail: BlockDetail, { isOpen, isFailed, finishReasons }: BlockChange): BlockDetail {
  const { finishReasons: _, ...block } = detail.block;
  return {
    ...detail,
    block: { ...block, isOpen, isFailed, ...(finishReasons === undefined ? {} : { finishReasons }) },
  };
}

/** The attributes without those of the exception, which have a section of their own. */
function otherAttributes({ attributes, exception }: EntryDetail): unknown {
  if (exception === undefined) return attributes;
  const isOther = ([name]: readonly [string, unknown]): boolean => !name.startsWith('exception.');
  return Object.fromEntries(Object.entries(attributes as object).filter(isOther));
}

interface FactsProps {
  readonly session: string;
  readonly detail: BlockDetail;
  readonly traceLink: string | undefined;
}

function Facts({ session, detail, traceLink }: FactsProps): JSX.Element {
  const { block, entry, timeline } = detail;
  const [chunk, setChunk] = useState(0);
  const isStructured = typeof entry?.body === 'object' && entry.body !== null;
  return (
    <div class="facts">
      <List facts={factsOf(detail)} />
      {entry?.exception === undefined ? null : <Exception exception={entry.exception} />}
      {timeline.length < 2 ? null : (
        <Section title="Chunks over time">
          <TimelineChart detail={detail} chunk={chunk} />
          <ChunkStepper
            session={session}
            timeline={timeline}
            chunk={Math.min(chunk, timeline.length - 1)}
            choose={setChunk}
          />
        </Section>
      )}
      {block.parts.length === 0 && !isStructured ? null : (
        <Section title={isStructured ? 'Body' : 'Text'}>
          {isStructured ? (
            <Fields fields={entry.body} />
          ) : (
            block.parts.map((part, at) => <PartInFull key={at} part={part} />)
          )}
        </Section>
      )}
      {entry === undefined ? null : (
        <EntryFacts entry={entry} traceLink={traceLink} isAnswer={block.type === 'answer'} />
      )}
    </div>
  );
}

function EntryFacts({
  entry,
  traceLink,
  isAnswer,
}: {
  readonly entry: EntryDetail;
  readonly traceLink: string | undefined;
  readonly isAnswer: boolean;
}): JSX.Element {
  const { traceId, spanId, flags, scope } = entry;
  return (
    <>
      <Section title={isAnswer ? 'Attributes of the first entry' : 'Attributes'}>
        <Fields fields={otherAttributes(entry)} dropped={entry.droppedAttributes} />
      </Section>
      {traceId === '' ? null : (
        <Section title="Trace">
          <List
            facts={[
              ['Trace id', <TraceId traceId={traceId} link={traceLink} />],
              ['Span id', spanId === '' ? undefined : <code>{spanId}</code>],
              ['Flags', flags === 0 ? undefined : String(flags)],
            ]}
          />
        </Section>
      )}
      <Section title="Resource">
        <Fields fields={entry.resource} />
      </Section>
      <Section title="Where it came from">
        <List
          facts={[
            ['Scope', scope.name === '' ? undefined : `${scope.name} ${scope.version}`],
            ['Source', entry.source],
            ['Entry', <code>{entry.seq}</code>],
            ['Time', <code>{entry.timeUnixNano}</code>],
            ['Observed', entry.observedTimeUnixNano === '0' ? undefined : <code>{entry.observedTimeUnixNano}</code>],
          ]}
        />
        {Object.keys(scope.attributes as object).length === 0 ? null : <Fields fields={scope.attributes} />}
      </Section>
    </>
  );
}

function TraceId({ traceId, link }: { readonly traceId: string; readonly link: string | undefined }): JSX.Element {
  const id = <code>{traceId}</code>;
  if (link === undefined) return id;
  return (
    <a href={link.replaceAll('{traceId}', encodeURIComponent(traceId))} target="_blank" rel="noopener noreferrer">
      {id}
    </a>
  );
}

function Exception({
  exception: { type, message, stacktrace },
}: {
  readonly exception: NonNullable<EntryDetail['exception']>;
}): JSX.Element {
  return (
    <Section title="Exception">
      <p class="error">
        <strong>{type}</strong>
        {message === '' ? '' : `: ${message}`}
      </p>
      {stacktrace === '' ? null : (
        <pre class="stack" tabIndex={0}>
          {stacktrace}
        </pre>
      )}
    </Section>
  );
}

function PartInFull({ part: { part, text } }: { readonly part: PartText }): JSX.Element {
  const name = { text: '', reasoning: 'Reasoning', tool: 'Tool call', error: 'Error' }[part];
  return (
    <>
      {name === '' ? null : <h4>{name}</h4>}
      <pre class={`whole ${part}`} tabIndex={0}>
        {text}
      </pre>
    </>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: unknown }): JSX.Element {
  return (
    <section>
      <h3>{title}</h3>
      {children as JSX.Element}
    </section>
  );
}

type Fact = readonly [name: string, value: JSX.Element | string | undefined];

function List({ facts }: { readonly facts: readonly Fact[] }): JSX.Element {
  return (
    <dl class="list">
      {facts.map(([name, value]) =>
        value === undefined || value === '' ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function factsOf({ block, entry, timeline, ...pace }: BlockDetail): readonly Fact[] {
  const { timeToFirstTokenMillis: first, tokensPerSecond: tokens, longestPauseMillis: pause } = pace;
  const millis = block.lastMillis - block.millis;
  return [
    ['Time', fullTime(block.millis)],
    ['Duration', block.entries > 1 ? spanText(millis) : undefined],
    ['First token', first === undefined ? undefined : `after ${spanText(first)}`],
    ['Pace', tokens === undefined ? undefined : `${tokens.toFixed(1)} tokens a second`],
    ['Longest pause', pause === undefined ? undefined : spanText(pause)],
    ['Chunks', timeline.length > 1 ? whole(timeline.length) : undefined],
    ['Ended', block.isOpen && block.type === 'answer' ? 'not yet' : block.finishReasons?.join(', ')],
    ['Stream', block.streamId],
    ['Severity', severityText(entry)],
    ['Event', entry?.eventName],
    ['Missing', block.type === 'gap' ? missingText(block.missing) : undefined],
    ['Reason', block.reason],
  ];
}

function severityText({ severityNumber = 0, severityText: name = '' }: Partial<EntryDetail> = {}): string {
  return severityNumber === 0 ? name : `${name === '' ? levelName(severityNumber) : name} (${severityNumber})`;
}

function missingText(missing = -1): string {
  return missing === -1 ? 'an unknown number of entries' : wholeCounted(missing, 'entry', 'entries');
}

function titleOf({ block }: BlockDetail): string {
  const answer = block.isContinued === true ? 'Answer, continued' : 'Answer';
  const names = { answer, message: `Message: ${block.role ?? ''}`, log: 'Log', gap: 'Gap', end: 'End' };
  return names[block.type];
}

function copiesOf(detail: BlockDetail): { readonly name: string; readonly text: () => string }[] {
  const { block } = detail;
  return [
    { name: 'Copy text', text: () => block.parts.map(({ text }) => text).join('\n\n') },
    { name: 'Copy as Markdown', text: () => blockMarkdown(block) },
    {
      name: 'Copy as JSON',
      text: () => (detail.entry === undefined ? blockJson(block) : JSON.stringify(detail, undefined, 2)),
    },
  ];
}
