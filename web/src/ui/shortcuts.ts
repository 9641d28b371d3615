import { pushToTalk, toggleCamera, toggleMicrophone, toggleScreen } from './devices';
import { openPanel, toggleHand } from './meeting';
import { dialog, hasJoined, layout, view } from './state';

export function toggleLayout(): void {
  layout.value = layout.value === 'tiles' ? 'speaker' : 'tiles';
}

export function toggleFullscreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen().catch(() => undefined);
}

const ACTIONS: Record<string, () => void> = {
  m: () => void toggleMicrophone(),
  v: () => void toggleCamera(),
  d: () => void toggleScreen(),
  r: toggleHand,
  c: () => openPanel('chat'),
  p: () => openPanel('people'),
  w: toggleLayout,
  f: toggleFullscreen,
  '?': () => (dialog.value = 'shortcuts'),
};

/** Keys belong to whatever takes text, or to a control that has the focus. */
function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
  );
}

function isControl(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest('button, a, summary, [role=menu]') !== null
  );
}

function usable(event: KeyboardEvent): boolean {
  return (
    view.value === 'meeting' &&
    hasJoined.value &&
    dialog.value === 'none' &&
    !event.ctrlKey &&
    !event.metaKey &&
    !event.altKey &&
    !isTyping(event.target)
  );
}

export function installShortcuts(): void {
  window.addEventListener('keydown', (event) => {
    if (!usable(event)) return;
    if (event.code === 'Space') {
      if (isControl(event.target)) return;
      event.preventDefault();
      void pushToTalk(true);
      return;
    }
    const action = ACTIONS[event.key.toLowerCase()];
    if (!action || event.repeat) return;
    event.preventDefault();
    action();
  });
  window.addEventListener('keyup', (event) => {
    if (event.code === 'Space') void pushToTalk(false);
  });
  window.addEventListener('blur', () => void pushToTalk(false));
}
