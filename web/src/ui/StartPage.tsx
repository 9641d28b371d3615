import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { roomNameFrom } from '../client/roomName';
import { Logo } from './icons';
import { openRoom } from './navigation';
import { t } from './strings';
import { useAutofocus } from './useAutofocus';

export function StartPage(): JSX.Element {
  const first = useAutofocus<HTMLInputElement>();
  const [name, setName] = useState('');
  const [empty, setEmpty] = useState(false);
  const go = (event: Event): void => {
    event.preventDefault();
    const room = roomNameFrom(name);
    setEmpty(room === '');
    if (room !== '') openRoom(room);
  };
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
            maxLength={100}
            aria-describedby="room-hint"
            aria-invalid={empty}
            ref={first}
            onInput={(event) => {
              setName(event.currentTarget.value);
              setEmpty(false);
            }}
          />
          <p id="room-hint" class={empty ? 'error' : 'hint'} role={empty ? 'alert' : undefined}>
            {empty ? t.start.empty : t.start.hint}
          </p>
        </div>
        <button type="submit" class="primary wide">
          {t.start.go}
        </button>
      </form>
    </main>
  );
}
