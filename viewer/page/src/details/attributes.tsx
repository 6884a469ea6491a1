import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { whole, wholeCounted } from '../list/figures.ts';
import './attributes.css';

/** How many fields of a level are shown until a person asks for all: there may be a thousand. */
const SHOWN_FIELDS = 60;
/** A longer text is folded. */
const LONG_TEXT = 400;
/** A level of at most so many fields is unfolded, down to this depth. */
const OPEN_FIELDS = 6;
const OPEN_DEPTH = 2;
/** Texts up to this length are shown as JSON if they are JSON, as messages of models often are. */
const MAX_JSON = 131_072;

interface FieldsProps {
  /** An object, or a list. */
  readonly fields: unknown;
  readonly dropped?: number;
  readonly depth?: number;
}

/** Fields as a table. A value that has fields is a table inside it, which can be folded. */
export function Fields({ fields, dropped = 0, depth = 0 }: FieldsProps): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const all = Object.entries(isFields(fields) ? fields : {});
  const shown = isWhole ? all : all.slice(0, SHOWN_FIELDS);
  return (
    <>
      <dl class="fields">
        {shown.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <FieldValue value={value} depth={depth} />
            </dd>
          </div>
        ))}
      </dl>
      {all.length > shown.length ? (
        <button type="button" onClick={() => setWhole(true)}>
          Show all {whole(all.length)}
        </button>
      ) : null}
      {dropped > 0 ? <p class="note">Dropped attributes: {whole(dropped)}.</p> : null}
    </>
  );
}

function FieldValue({ value, depth }: { readonly value: unknown; readonly depth: number }): JSX.Element {
  if (typeof value === 'string') return <TextValue text={value} depth={depth} />;
  if (typeof value !== 'object' || value === null) return <code class="value">{String(value)}</code>;
  const isList = Array.isArray(value);
  const size = isList ? value.length : Object.keys(value).length;
  if (size === 0) return <code class="value">{isList ? '[]' : '{}'}</code>;
  if (isList && value.every((part) => typeof part !== 'object' || part === null)) {
    return (
      <code class="value">{value.map((part) => (typeof part === 'string' ? part : String(part))).join(', ')}</code>
    );
  }
  return (
    <Tree
      name={isList ? wholeCounted(size, 'item', 'items') : wholeCounted(size, 'field', 'fields')}
      value={value}
      depth={depth}
    />
  );
}

function TextValue({ text, depth }: { readonly text: string; readonly depth: number }): JSX.Element {
  const inside = jsonIn(text);
  if (inside !== undefined) return <Tree name="JSON text" value={inside} depth={depth} />;
  if (text.length <= LONG_TEXT) return <span class="value">{text === '' ? <i>empty</i> : text}</span>;
  return (
    <details class="long">
      <summary>
        <span class="preview">{text.slice(0, LONG_TEXT).replace(/[\ud800-\udbff]$/, '')}</span>
        <span class="size">{whole(text.length)} characters</span>
      </summary>
      <pre>{text}</pre>
    </details>
  );
}

interface TreeProps {
  readonly name: string;
  readonly value: object;
  readonly depth: number;
}

/** A level that can be folded. Its fields are drawn only when it is unfolded: 32 levels of a thousand would take too long. */
function Tree({ name, value, depth }: TreeProps): JSX.Element {
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && Object.keys(value).length <= OPEN_FIELDS);
  return (
    <details class="tree" open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{name}</summary>
      {isOpen ? <Fields fields={value} depth={depth + 1} /> : null}
    </details>
  );
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function jsonIn(text: string): object | undefined {
  if (text.length > MAX_JSON || !/^\s*[{[]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && Object.keys(value).length > 0 ? value : undefined;
  } catch {
    // The text only begins like JSON.
    return undefined;
  }
}
