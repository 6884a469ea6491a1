import { sharedSessionLogs } from 'otel-session-logs';

export const dynamic = 'force-dynamic';

export async function GET() {
  return Response.json(sharedSessionLogs().stats());
}
