// Before the styles of the components, which build on these.
import './tokens.css';
import './base.css';
import { render } from 'preact';

import { Page } from './page.tsx';
import { PageStore } from './page-store.ts';
import { StoreContext } from './use-page.ts';
// After those of the components, which it changes.
import './modes.css';

const place = document.getElementById('page');
if (place !== null) {
  render(
    <StoreContext.Provider value={new PageStore()}>
      <Page />
    </StoreContext.Provider>,
    place,
  );
}
