import { useRef } from 'preact/hooks';
import type { JSX } from 'preact';

import { SHORTCUTS, useShortcut } from './keys.ts';
import './keys-help.css';

/** The button that shows the keys, and the dialog that lists them. */
export function KeysHelp(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = (): void => dialog.current?.showModal();
  useShortcut('?', open);
  return (
    <>
      <button type="button" class="plain" aria-keyshortcuts="?" onClick={open}>
        Keys
      </button>
      <dialog ref={dialog} class="keys" aria-labelledby="keys-title">
        <h2 id="keys-title">Keys</h2>
        <dl>
          {Object.entries(SHORTCUTS).map(([key, effect]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{effect}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  );
}
