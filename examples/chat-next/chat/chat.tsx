'use client';

import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { useEffect, useState } from 'react';
import type { FormEvent, ReactElement } from 'react';

import type { ChatMessage } from './messages.ts';
import './chat.css';

const transport = new DefaultChatTransport<ChatMessage>({
  // The server has the rest of the conversation.
  prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, message: messages.at(-1) } }),
});

export function Chat({ id }: { readonly id: string }): ReactElement {
  const [isConnected, setConnected] = useState(false);
  const [view, setView] = useState<'stale' | 'catching-up' | 'current'>('stale');
  const { messages, setMessages, sendMessage, regenerate, resumeStream, status } = useChat<ChatMessage>({
    id,
    transport,
    onError: () => setView('stale'), // of the connection, perhaps: the answer goes on without it
  });
  const isBusy = status === 'submitted' || status === 'streaming';

  // Tells that an answer begins or ends, in whichever tab, and that the server is back.
  useEffect(() => {
    const events = new EventSource(`/api/chat/${id}/events`);
    events.addEventListener('open', () => setConnected(true));
    events.addEventListener('error', () => setConnected(false));
    for (const type of ['open', 'message']) events.addEventListener(type, () => setView('stale'));
    return () => events.close();
  }, [id]);

  // Takes over what was said meanwhile, and then the answer under way.
  useEffect(() => {
    if (view !== 'stale' || isBusy) return;
    setView('catching-up');
    fetch(`/api/chat/${id}`)
      .then((response) => response.json() as Promise<ChatMessage[]>)
      .then(setMessages)
      .then(() => resumeStream())
      .catch(() => {}) // the server is away: the EventSource tells when it is back
      .finally(() => setView((now) => (now === 'catching-up' ? 'current' : now)));
  }, [id, view, isBusy, setMessages, resumeStream]);

  const isUnanswered = isConnected && view === 'current' && !isBusy && messages.at(-1)?.role === 'user';
  return (
    <main data-status={isConnected ? status : 'disconnected'}>
      <h1>A chat that outlives its page</h1>
      <div className="log">
        <ol aria-label="Conversation">
          {messages.map((message) => (
            <Message key={message.id} message={message} />
          ))}
        </ol>
      </div>
      {isUnanswered && (
        <p className="note">
          The answer broke off. <button onClick={() => void regenerate()}>Ask again</button>
        </p>
      )}
      {!isConnected && <p className="note">Connecting</p>}
      <Question
        isBusy={isBusy}
        ask={(text) => void sendMessage({ text })}
        stop={() => void fetch(`/api/chat/${id}/stop`, { method: 'POST' })}
      />
    </main>
  );
}

function Message({ message }: { readonly message: ChatMessage }): ReactElement {
  const text = message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
  return (
    <li className={message.role}>
      <p>{text}</p>
      {message.metadata?.isStopped === true && <p className="note">Stopped.</p>}
    </li>
  );
}

interface QuestionProps {
  readonly isBusy: boolean;
  readonly ask: (text: string) => void;
  readonly stop: () => void;
}

function Question({ isBusy, ask, stop }: QuestionProps): ReactElement {
  const [text, setText] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isBusy || text.trim() === '') return;
    ask(text.trim());
    setText('');
  };
  return (
    <form onSubmit={submit}>
      <input aria-label="Your question" value={text} onChange={(event) => setText(event.target.value)} />
      {isBusy ? (
        <button key="stop" type="button" onClick={stop}>
          Stop
        </button>
      ) : (
        <button key="ask">Ask</button>
      )}
    </form>
  );
}
