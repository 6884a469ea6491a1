// Runs in the page before the page's own scripts.
const seen = { words: [], rows: [], longTasks: [], frames: [] };
window.seen = seen;
const known = new WeakMap();
/** Records that were painted. When a long text is split into stretches, its words come again. */
const noted = new Set();
let texts = [];
let rows = new Map();

const textsOf = (node) => (node instanceof Text ? [node.data] : [...node.childNodes].flatMap(textsOf));
const take = (text) => {
  const before = known.get(text) ?? 0;
  known.set(text, text.data.length);
  const row = text.parentElement?.closest('li, [role=option], [role=row]');
  if (row === null || row === undefined) texts.push(text.data.slice(before < text.data.length ? before : 0));
  else {
    // With a line end between texts: the name of a session ends in a digit, and a time may follow.
    const said = textsOf(row).join('\n');
    const [name, entries] = [/session-\d+/.exec(said)?.[0], /([\d,.]+)\s+entries/.exec(said)?.[1]];
    if (name !== undefined && entries !== undefined) rows.set(name, Number(entries.replaceAll(/[,.]/g, '')));
  }
};
const takeAll = (node) => {
  if (node instanceof Text) take(node);
  else for (const child of node.childNodes) takeAll(child);
};
const observer = new MutationObserver((mutations) => {
  for (const { type, target, addedNodes } of mutations) {
    if (type === 'characterData') take(target);
    else for (const node of addedNodes) takeAll(node);
  }
});
document.addEventListener('DOMContentLoaded', () =>
  observer.observe(document.body, { subtree: true, childList: true, characterData: true }),
);

// Runs as the first task after a frame: what changed before or in the frame is painted by then.
const afterFrame = new MessageChannel();
afterFrame.port1.addEventListener('message', () => {
  const painted = performance.timeOrigin + performance.now();
  for (const text of texts) {
    for (const [, at, number] of text.matchAll(/@(\d{13}\.\d)#(\d+) /g)) {
      if (noted.has(number)) continue;
      noted.add(number);
      seen.words.push([Number(number), Number(at), painted]);
    }
  }
  for (const [name, entries] of rows) seen.rows.push([name, entries, painted]);
  [texts, rows] = [[], new Map()];
});
afterFrame.port1.start();
const frame = (at) => {
  requestAnimationFrame(frame);
  seen.frames.push(at);
  afterFrame.port2.postMessage(0);
};
requestAnimationFrame(frame);
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) seen.longTasks.push([startTime, duration]);
}).observe({ type: 'longtask', buffered: true });
