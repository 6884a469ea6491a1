import type { ReactElement } from 'react';

import { Chat } from '../../../chat/chat.tsx';

export default async function Page({ params }: PageProps<'/chat/[id]'>): Promise<ReactElement> {
  const { id } = await params;
  return <Chat id={id} />;
}
