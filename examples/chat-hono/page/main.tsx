import { createRoot } from 'react-dom/client';

import { Chat } from '../chat/chat.tsx';

createRoot(document.body).render(<Chat id={location.pathname.split('/').at(-1) ?? ''} />);
