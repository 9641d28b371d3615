import type { JSX } from 'preact';
import { Modal } from './Modal';
import { dialog } from './state';
import { t } from './strings';

export function ShortcutsDialog(): JSX.Element {
  const close = (): void => {
    dialog.value = 'none';
  };
  return (
    <Modal title={t.shortcuts.title} onClose={close}>
      <dl class="shortcuts">
        {t.shortcuts.list.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-actions">
        <button type="button" class="primary" onClick={close}>
          {t.shortcuts.close}
        </button>
      </div>
    </Modal>
  );
}
