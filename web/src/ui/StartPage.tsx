import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { readPlace } from '../client/roomName';
import { Logo } from './icons';
import { openRoom } from './navigation';
import { refusal } from './state';
import { t } from './strings';
import { useAutofocus } from './useAutofocus';

export function StartPage(): JSX.Element {
  const first = useAutofocus<HTMLInputElement>();
  const [name, setName] = useState('');
  const go = (event: Event): void => {
    event.preventDefault();
    const read = readPlace(name);
    if (typeof read === 'string') refusal.value = read;
    else openRoom(read);
  };
  const wrong = refusal.value && t.start.refused[refusal.value];
  return (
    <main class="page start">
      <header class="brand">
        <Logo />
        <span>{t.product}</span>
      </header>
      <form class="card" onSubmit={go}>
        <h1>{t.start.title}</h1>
        <p class="quiet">{t.tagline}</p>
        <div class="field">
          <label for="room">{t.start.room}</label>
          <input
            id="room"
            name="room"
            value={name}
            placeholder={t.start.placeholder}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            aria-describedby="room-hint"
            aria-invalid={wrong !== null}
            ref={first}
            onInput={(event) => {
              setName(event.currentTarget.value);
              refusal.value = null;
            }}
          />
          <p id="room-hint" class={wrong ? 'error' : 'hint'} role={wrong ? 'alert' : undefined}>
            {wrong ?? t.start.hint}
          </p>
        </div>
        <button type="submit" class="primary wide">
          {t.start.go}
        </button>
      </form>
    </main>
  );
}
