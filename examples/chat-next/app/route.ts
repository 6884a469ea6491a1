import { randomUUID } from 'node:crypto';

import { redirect } from 'next/navigation';
import { connection } from 'next/server';

export async function GET(): Promise<never> {
  await connection(); // a new chat at each request, not one in the build
  redirect(`/chat/${randomUUID()}`);
}
