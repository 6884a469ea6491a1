import { history } from '../../../../chat/chat.ts';

export async function GET(_: Request, { params }: RouteContext<'/api/chat/[id]'>): Promise<Response> {
  return history((await params).id);
}
