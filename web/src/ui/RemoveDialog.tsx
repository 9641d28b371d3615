import type { JSX } from 'preact';
import { attempt } from './meeting';
import { Modal } from './Modal';
import { conference, dialog, nameOf, removing } from './state';
import { t } from './strings';

export function RemoveDialog(): JSX.Element {
  const id = removing.value;
  const close = (): void => {
    dialog.value = 'none';
  };
  const remove = (): void => {
    close();
    if (id !== null) void attempt(conference.value?.kick(id));
  };
  return (
    <Modal title={t.people.confirmRemove(nameOf(id) || t.guest)} onClose={close}>
      <p class="quiet">{t.people.removeHint}</p>
      <div class="dialog-actions">
        <button type="button" onClick={close}>
          {t.people.keep}
        </button>
        <button type="button" class="primary" onClick={remove}>
          {t.people.removeNow}
        </button>
      </div>
    </Modal>
  );
}
