import { announcement, toasts, type Toast } from './state';

let counter = 0;

/** Shows a line for a few seconds and has it read out. */
export function notify(text: string, kind: Toast['kind'] = 'info'): void {
  counter += 1;
  const toast: Toast = { id: counter, text, kind };
  toasts.value = [...toasts.value.slice(-1), toast];
  setTimeout(() => dismiss(toast.id), kind === 'error' ? 9000 : 4500);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Only for screen readers. */
export function announce(text: string): void {
  announcement.value = text;
}
