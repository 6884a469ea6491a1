import { ask } from '../../../chat/chat.ts';

export function POST(request: Request): Promise<Response> {
  return ask(request);
}
