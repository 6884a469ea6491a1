import { Suspense } from 'react';
import type { ReactElement } from 'react';

import { Chat } from '../../../chat/chat.tsx';

export default function Page({ params }: PageProps<'/chat/[id]'>): ReactElement {
  return (
    <Suspense>
      {params.then(({ id }) => (
        <Chat id={id} />
      ))}
    </Suspense>
  );
}
