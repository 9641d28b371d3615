import type { JSX } from 'preact';
import { Logo } from './icons';
import { goHome, readAddress } from './navigation';
import { ended } from './state';
import { t } from './strings';
import { useAutofocus } from './useAutofocus';

export function EndedPage(): JSX.Element {
  const { reason, detail } = ended.value;
  const first = useAutofocus<HTMLButtonElement>();
  const technical = reason === 'unreachable' || reason === 'refused';
  return (
    <main class="page ended" data-reason={reason}>
      <header class="brand">
        <Logo />
        <span>{t.product}</span>
      </header>
      <div class="card">
        <h1>{t.ended[reason]}</h1>
        <p class="quiet">{t.ended.hint[reason]}</p>
        {technical && detail && <p class="hint">{t.ended.detail(detail)}</p>}
        <div class="dialog-actions">
          <button type="button" onClick={goHome}>
            {t.ended.home}
          </button>
          <button type="button" ref={first} class="primary" onClick={readAddress}>
            {t.ended.rejoin}
          </button>
        </div>
      </div>
    </main>
  );
}
