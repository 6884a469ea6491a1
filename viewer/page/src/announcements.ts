import type { BlockChange, BlocksEvent } from '../../src/serve/protocol.ts';
import { blockIn } from './blocks.ts';
import type { Conversation } from './blocks.ts';
import type { PageState } from './page-state.ts';

/** New sessions are announced together, at most this often. */
const SESSIONS_MILLIS = 10_000;

/** Sentences about the answers that an event ended, for people who do not see the page. */
export function answersEnded(known: Conversation | undefined, event: BlocksEvent): string[] {
  if (known === undefined || event.isReset === true) return [];
  const goesOn = ({ id, streamId }: BlockChange): boolean =>
    event.blocks.some((block) => block.isContinued === true && block.id > id && block.streamId === streamId);
  const ended = event.blocks.filter((block) => {
    const { id, type, isOpen, isNew } = block;
    return type === 'answer' && !isOpen && (isNew === true || blockIn(known, id)?.isOpen === true) && !goesOn(block);
  });
  const failed = ended.filter(({ isFailed }) => isFailed).length;
  const name = event.key.slice(2);
  return [
    ...(failed > 0 ? [`An answer broke off in ${name}`] : []),
    ...(ended.length > failed ? [`An answer finished in ${name}`] : []),
  ];
}

/** Sentences about the viewer itself, for what changed between two states of the page. */
export class ViewerNews {
  #sessions: number | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  take(before: PageState, after: PageState, millis: number): string[] {
    return [...connectionNews(before, after), ...this.#sessionNews(after, millis)];
  }

  #sessionNews({ viewer, paused }: PageState, millis: number): string[] {
    if (viewer === undefined || paused !== undefined) return [];
    const sessions = viewer.sessions + viewer.evicted.sessions;
    const known = this.#sessions;
    if (known === undefined || sessions < known) this.#sessions = sessions;
    if (known === undefined || sessions <= known || millis - this.#toldAt < SESSIONS_MILLIS) return [];
    this.#sessions = sessions;
    this.#toldAt = millis;
    return [sessions - known === 1 ? '1 new session' : `${sessions - known} new sessions`];
  }
}

function connectionNews(before: PageState, after: PageState): string[] {
  const [was, is] = [before.connection.kind, after.connection.kind];
  if (was === is) return [];
  if (is === 'lost') return ['The viewer does not answer'];
  if (is === 'open' && was !== 'connecting') return ['The viewer answers again'];
  return [];
}
