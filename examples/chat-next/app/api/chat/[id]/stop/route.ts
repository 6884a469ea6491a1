import { stop } from '../../../../../chat/chat.ts';

export async function POST(_: Request, { params }: RouteContext<'/api/chat/[id]/stop'>): Promise<Response> {
  return stop((await params).id);
}
