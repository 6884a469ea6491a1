import { createContext } from 'preact';
import type { Context } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';

import type { PageState } from './page-state.ts';
import type { PageStore } from './page-store.ts';

export const StoreContext: Context<PageStore | undefined> = createContext<PageStore | undefined>(undefined);

export function useStore(): PageStore {
  const store = useContext(StoreContext);
  if (store === undefined) throw new Error('there is no store around this component');
  return store;
}

/** A part of what the page shows. The component is drawn again when that part changes, and not for each token that arrives. */
export function usePage<T>(select: (state: PageState) => T): T {
  const store = useStore();
  const [, drawAgain] = useState(0);
  const part = select(store.state);
  useEffect(() => {
    let drawn = part;
    const look = (): void => {
      const now = select(store.state);
      if (Object.is(now, drawn)) return;
      drawn = now;
      drawAgain((count) => count + 1);
    };
    look();
    return store.subscribe(look);
  });
  return part;
}
