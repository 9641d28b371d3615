import { render } from 'preact';
import '@preact/signals';
import { parseConfig } from './client/config';
import { App } from './ui/App';
import { installDebug } from './ui/debug';
import { closeAll } from './ui/devices';
import { readAddress } from './ui/navigation';
import { installShortcuts } from './ui/shortcuts';
import { conference, settings, view } from './ui/state';
import './ui/styles/base.css';
import './ui/styles/controls.css';
import './ui/styles/pages.css';
import './ui/styles/meeting.css';
import './ui/styles/panels.css';

async function start(): Promise<void> {
  const root = document.getElementById('app');
  if (!root) return;
  installDebug();
  installShortcuts();
  window.addEventListener('pagehide', () => void conference.value?.leave());
  window.addEventListener('popstate', () => {
    void conference.value?.leave();
    closeAll();
    readAddress();
  });
  readAddress();
  try {
    const response = await fetch('/config.json', { cache: 'no-cache' });
    if (!response.ok) throw new Error(`config.json: HTTP ${response.status}`);
    settings.value = parseConfig(await response.json(), new URL(location.href));
  } catch (error) {
    console.error(error);
    view.value = 'broken';
  }
  render(<App />, root);
}

void start();
