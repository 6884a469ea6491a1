import { serve } from '@hono/node-server';
import type { HttpBindings } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';

import { ask, endOnSignal, events, history, resume, stop } from './chat/chat.ts';

const app = new Hono<{ Bindings: HttpBindings }>();
app.post('/api/chat', (c) => ask(c.req.raw));
app.get('/api/chat/:id', (c) => history(c.req.param('id')));
app.get('/api/chat/:id/stream', (c) => resume(c.req.param('id')));
app.get('/api/chat/:id/events', (c) => events(c.req.param('id'), c.req.raw, c.env.outgoing));
app.post('/api/chat/:id/stop', (c) => stop(c.req.param('id')));
app.get('/', (c) => c.redirect(`/chat/${crypto.randomUUID()}`));
app.get('/chat/:id', serveStatic({ path: 'dist/index.html' }));
app.use('/assets/*', serveStatic({ root: 'dist' }));

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
);
endOnSignal();
