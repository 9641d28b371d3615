import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { leaveMeeting } from './meeting';
import { conference, passwordWrong } from './state';
import { t } from './strings';
import { useAutofocus } from './useAutofocus';

export function PasswordPrompt(): JSX.Element {
  const first = useAutofocus<HTMLInputElement>();
  const [password, setPassword] = useState('');
  const wrong = passwordWrong.value;
  const submit = (event: Event): void => {
    event.preventDefault();
    if (password) conference.value?.joinWithPassword(password);
  };
  return (
    <main class="page">
      <form class="card" onSubmit={submit}>
        <h1>{t.password.title}</h1>
        <div class="field">
          <label for="password">{t.password.label}</label>
          <input
            id="password"
            type="password"
            value={password}
            autocomplete="off"
            ref={first}
            aria-invalid={wrong}
            aria-describedby="password-error"
            onInput={(event) => {
              setPassword(event.currentTarget.value);
              passwordWrong.value = false;
            }}
          />
          <p id="password-error" class="error" role="alert">
            {wrong ? t.password.wrong : ''}
          </p>
        </div>
        <div class="dialog-actions">
          <button type="button" onClick={() => void leaveMeeting()}>
            {t.password.cancel}
          </button>
          <button type="submit" class="primary" disabled={password === ''}>
            {t.password.go}
          </button>
        </div>
      </form>
    </main>
  );
}
