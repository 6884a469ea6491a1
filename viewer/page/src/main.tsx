import { render } from 'preact';

import { Page } from './page.tsx';
import { PageStore } from './page-store.ts';
import { StoreContext } from './use-page.ts';
import './tokens.css';
import './shell.css';
import './list/list.css';
import './pane/pane.css';
import './details/details.css';

const place = document.getElementById('page');
if (place !== null) {
  render(
    <StoreContext.Provider value={new PageStore()}>
      <Page />
    </StoreContext.Provider>,
    place,
  );
}
