import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Modal } from './Modal';
import { notify } from './notices';
import { conference, dialog, isModerator, locked } from './state';
import { t } from './strings';

export function LockDialog(): JSX.Element {
  const [password, setPassword] = useState('');
  const close = (): void => {
    dialog.value = 'none';
  };
  const change = async (next: string): Promise<void> => {
    try {
      await conference.value?.setRoomPassword(next);
      notify(next ? t.lock.done : t.lock.removed);
      close();
    } catch {
      notify(t.lock.failed, 'error');
    }
  };
  return (
    <Modal title={t.lock.title} onClose={close}>
      <p class="quiet">{locked.value ? t.lock.locked : t.lock.open}</p>
      {isModerator.value ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (password) void change(password);
          }}
        >
          <div class="field">
            <label for="lock-password">{t.lock.label}</label>
            <input
              id="lock-password"
              value={password}
              maxLength={200}
              autocomplete="off"
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          </div>
          <div class="dialog-actions">
            {locked.value && (
              <button type="button" onClick={() => void change('')}>
                {t.lock.remove}
              </button>
            )}
            <button type="submit" class="primary" disabled={password === ''}>
              {t.lock.set}
            </button>
          </div>
        </form>
      ) : (
        <>
          <p>{t.lock.onlyModerators}</p>
          <div class="dialog-actions">
            <button type="button" class="primary" onClick={close}>
              {t.shortcuts.close}
            </button>
          </div>
        </>
      )}
    </Modal>
  );
}
