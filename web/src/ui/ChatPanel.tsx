import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChatMessage } from '../client/roomState';
import { Icon } from './icons';
import { linkify } from './linkify';
import { chatTo, conference, messages, nameOf, panel, participants } from './state';
import { t } from './strings';

function Message({ message }: { message: ChatMessage }): JSX.Element {
  const time = new Date(message.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const note =
    message.privateWith === null
      ? ''
      : message.isLocal
        ? t.chat.privateTo(nameOf(message.privateWith) || t.guest)
        : t.chat.privateFrom;
  return (
    <li class={`message ${message.isLocal ? 'own' : ''} ${note ? 'private' : ''}`}>
      <div class="message-head">
        <span class="message-name">{message.name || t.guest}</span>
        {note && <span class="message-note">{note}</span>}
        <time>{time}</time>
      </div>
      <p>
        {linkify(message.text).map((part, index) =>
          part.href ? (
            <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
              {part.text}
            </a>
          ) : (
            part.text
          ),
        )}
      </p>
    </li>
  );
}

export function ChatPanel(): JSX.Element {
  const [text, setText] = useState('');
  const list = useRef<HTMLOListElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const count = messages.value.length;
  useEffect(() => list.current?.lastElementChild?.scrollIntoView({ block: 'end' }), [count]);
  useEffect(() => input.current?.focus(), []);

  const others = participants.value.filter((participant) => !participant.isLocal);
  const to = others.some(({ id }) => id === chatTo.value) ? chatTo.value : null;
  const send = (): void => {
    const body = text.trim();
    if (!body) return;
    conference.value?.sendChat(body, to);
    setText('');
  };
  return (
    <aside class="panel" aria-label={t.chat.title}>
      <header>
        <h2>{t.chat.title}</h2>
        <button
          type="button"
          class="plain"
          aria-label={t.chat.close}
          onClick={() => (panel.value = 'none')}
        >
          <Icon name="close" />
        </button>
      </header>
      {count === 0 && <p class="quiet panel-empty">{t.chat.empty}</p>}
      <ol class="messages" ref={list} aria-label={t.chat.messages} aria-live="polite">
        {messages.value.map((message) => (
          <Message key={message.id} message={message} />
        ))}
      </ol>
      <form
        class="composer"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        {others.length > 0 && (
          <label class="composer-to">
            {t.chat.to}
            <select
              value={to ?? ''}
              onChange={(event) => (chatTo.value = event.currentTarget.value || null)}
            >
              <option value="">{t.chat.everyone}</option>
              {others.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name || t.guest}
                </option>
              ))}
            </select>
          </label>
        )}
        <div class="composer-row">
          <textarea
            ref={input}
            rows={1}
            value={text}
            maxLength={5000}
            aria-label={t.chat.write}
            placeholder={t.chat.write}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
                event.preventDefault();
                send();
              } else if (event.key === 'Escape') {
                panel.value = 'none';
              }
            }}
          />
          <button type="submit" class="primary square" aria-label={t.chat.send} title={t.chat.send}>
            <Icon name="send" />
          </button>
        </div>
      </form>
    </aside>
  );
}
