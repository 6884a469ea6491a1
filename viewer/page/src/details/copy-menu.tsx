import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import { useStore } from '../use-page.ts';
import { copyText } from './clipboard.ts';
import './copy-menu.css';

/** A form in which something can be copied. The text may have to be fetched. */
export interface CopyForm {
  readonly name: string;
  readonly text: () => Promise<string> | string;
}

const SHOWN_MILLIS = 2_500;

interface Props {
  readonly forms: readonly CopyForm[];
  /** The address of a file to be downloaded. */
  readonly file?: string;
}

/** A button with a menu of forms, and a link to a file. */
export function CopyMenu({ forms, file }: Props): JSX.Element {
  const store = useStore();
  const menu = useRef<HTMLDetailsElement>(null);
  const [told, setTold] = useState('');
  const [refused, setRefused] = useState<string | undefined>(undefined);
  const close = (): void => {
    if (menu.current !== null) menu.current.open = false;
    menu.current?.querySelector('summary')?.focus();
  };
  const tell = (text: string): void => {
    setTold(text);
    store.announce(text);
  };
  const copy = async ({ text }: CopyForm): Promise<void> => {
    close();
    const copied = await Promise.resolve(text()).catch(() => undefined);
    if (copied === undefined) return tell('Not copied: the viewer does not answer');
    if (await copyText(copied)) tell('Copied');
    else setRefused(copied);
  };
  useEffect(() => {
    const timer = setTimeout(() => setTold(''), SHOWN_MILLIS);
    return () => clearTimeout(timer);
  }, [told]);
  return (
    <div class="copy">
      <details
        class="menu"
        ref={menu}
        onFocusOut={({ currentTarget, relatedTarget }) => {
          if (relatedTarget instanceof Node && !currentTarget.contains(relatedTarget)) currentTarget.open = false;
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || menu.current?.open !== true) return;
          event.stopPropagation();
          close();
        }}
      >
        <summary>{told === '' ? 'Copy' : told}</summary>
        <div class="items">
          {forms.map((form) => (
            <button key={form.name} type="button" onClick={() => void copy(form)}>
              {form.name}
            </button>
          ))}
          {file === undefined ? null : (
            <a href={file} download onClick={close}>
              Export as OTLP JSON lines
            </a>
          )}
        </div>
      </details>
      {refused === undefined ? null : <Refused text={refused} close={() => setRefused(undefined)} />}
    </div>
  );
}

/** For a browser that denies the clipboard: shows the text selected, so that the keys of the system copy it. */
function Refused({ text, close }: { readonly text: string; readonly close: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    area.current?.select();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="by-hand"
      aria-label="Copy"
      onClose={close}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <p>The browser does not allow access to the clipboard. The text is selected: copy it with Ctrl+C or ⌘C.</p>
      <textarea ref={area} readOnly value={text} aria-label="Text to copy" />
      <button type="button" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
