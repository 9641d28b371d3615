import type { JSX } from 'preact';
import { EndedPage } from './EndedPage';
import { Icon } from './icons';
import { Meeting } from './Meeting';
import { dismiss } from './notices';
import { PreJoin } from './PreJoin';
import { StartPage } from './StartPage';
import { announcement, toasts, view } from './state';
import { t } from './strings';

function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast ${toast.kind}`}>
          <span>{toast.text}</span>
          <button
            type="button"
            class="plain"
            aria-label={t.notice.dismiss}
            onClick={() => dismiss(toast.id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

function Broken(): JSX.Element {
  return (
    <main class="page">
      <div class="card" role="alert">
        <p>{t.configFailed}</p>
        <button type="button" class="primary" onClick={() => location.reload()}>
          {t.reload}
        </button>
      </div>
    </main>
  );
}

export function App(): JSX.Element {
  return (
    <>
      {view.value === 'start' && <StartPage />}
      {view.value === 'prejoin' && <PreJoin />}
      {view.value === 'meeting' && <Meeting />}
      {view.value === 'ended' && <EndedPage />}
      {view.value === 'broken' && <Broken />}
      <Toasts />
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}
