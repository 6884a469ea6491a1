/** Next.js calls this when the server starts. With `NEXT_MANUAL_SIG_HANDLE` it leaves the end of the process to this program. */
export async function register(): Promise<void> {
  // In a block, so that the bundle for the edge runtime leaves it out.
  if (process.env['NEXT_RUNTIME'] === 'nodejs') {
    const { endOnSignal } = await import('./chat/chat.ts');
    endOnSignal();
  }
}
