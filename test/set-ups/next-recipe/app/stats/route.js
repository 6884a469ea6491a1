import { connection } from 'next/server';
import { sharedSessionLogs } from 'otel-session-logs';

export async function GET() {
  // Not once at build time.
  await connection();
  return Response.json(sharedSessionLogs().stats());
}
