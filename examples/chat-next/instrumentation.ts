/** Next.js calls it when the server starts. With `NEXT_MANUAL_SIG_HANDLE` the end of the process is left to us. */
export async function register(): Promise<void> {
  // As a block: what is in it is left out of the bundle for the edge runtime.
  if (process.env['NEXT_RUNTIME'] === 'nodejs') {
    const { endOnSignal } = await import('./chat/chat.ts');
    endOnSignal();
  }
}
