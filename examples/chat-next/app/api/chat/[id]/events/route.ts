import { events } from '../../../../../chat/chat.ts';

export async function GET(request: Request, { params }: RouteContext<'/api/chat/[id]/events'>): Promise<Response> {
  return events((await params).id, request);
}
