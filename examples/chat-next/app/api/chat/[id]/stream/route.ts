import { resume } from '../../../../../chat/chat.ts';

export async function GET(_: Request, { params }: RouteContext<'/api/chat/[id]/stream'>): Promise<Response> {
  return resume((await params).id);
}
