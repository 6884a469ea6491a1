/** What the page shows; all of it stands in its address, so that a link shows the same. */
export interface View {
  readonly follow: string;
  readonly search: string;
  readonly sort: 'newest' | 'oldest' | 'active';
  readonly state: '' | 'live' | 'ended' | 'failed';
  readonly logType: 'all' | 'chat';
  /** The block that is shown in full, 0 for none. */
  readonly block: number;
}

const SORTS = ['newest', 'oldest', 'active'] as const;
const STATES = ['', 'live', 'ended', 'failed'] as const;

export function readView(hash: string): View {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  return {
    follow: query.get('follow') ?? '',
    search: query.get('search') ?? '',
    sort: SORTS.find((sort) => sort === query.get('sort')) ?? 'newest',
    state: STATES.find((state) => state === query.get('state')) ?? '',
    logType: query.get('logType') === 'chat' ? 'chat' : 'all',
    block: Number(query.get('block')) || 0,
  };
}

export function writeView(view: View): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) {
    if (value !== '' && value !== 0 && value !== 'newest' && value !== 'all') query.set(name, String(value));
  }
  return `#${query.toString()}`;
}
