import type { JSX } from 'preact';
import { sourceName } from '../client/mediaSession';
import type { Participant } from '../client/roomState';
import { Icon } from './icons';
import { hueOf, initials } from './layout';
import { attempt } from './meeting';
import { Menu, type MenuItem } from './Menu';
import * as state from './state';
import { t } from './strings';

function isMuted(person: Participant, role: 'audio' | 'camera'): boolean {
  return person.sources[sourceName(person.id, role)]?.muted ?? true;
}

function actionsFor(person: Participant): MenuItem[] {
  const conference = state.conference.value;
  const items: MenuItem[] = [
    {
      label: t.people.message,
      icon: 'chat',
      action: () => {
        state.chatTo.value = person.id;
        state.panel.value = 'chat';
        state.unread.value = 0;
      },
    },
  ];
  if (!state.isModerator.value) return items;
  if (!isMuted(person, 'audio')) {
    items.push({
      label: t.people.mute,
      icon: 'mic-off',
      action: () => void attempt(conference?.muteOther(person.id, 'audio')),
    });
  }
  if (!isMuted(person, 'camera')) {
    items.push({
      label: t.people.stopVideo,
      icon: 'camera-off',
      action: () => void attempt(conference?.muteOther(person.id, 'video')),
    });
  }
  if (!person.isModerator) {
    items.push({
      label: t.people.makeModerator,
      icon: 'star',
      action: () => void attempt(conference?.makeModerator(person.id)),
    });
  }
  items.push({
    label: t.people.remove,
    icon: 'close',
    danger: true,
    action: () => {
      state.removing.value = person.id;
      state.dialog.value = 'remove';
    },
  });
  return items;
}

function Person({ person }: { person: Participant }): JSX.Element {
  const name = person.name || t.guest;
  const muted = person.isLocal ? state.micMuted.value : isMuted(person, 'audio');
  const off = person.isLocal ? state.cameraOff.value : isMuted(person, 'camera');
  return (
    <li class="person" data-person-id={person.id}>
      <span class="avatar small" style={{ '--hue': hueOf(person.id) }} aria-hidden="true">
        {initials(name)}
      </span>
      <span class="person-name">
        <span>
          {name}
          {person.isLocal && ` (${t.people.you})`}
        </span>
        {person.isModerator && <span class="person-role">{t.people.moderator}</span>}
      </span>
      {person.raisedHandAt > 0 && (
        <span class="person-hand" role="img" aria-label={t.tile.hand}>
          <Icon name="hand" />
        </span>
      )}
      <span
        class={`person-device ${muted ? 'is-off' : ''}`}
        role="img"
        aria-label={t.devices.state(t.devices.microphone, !muted)}
      >
        <Icon name={muted ? 'mic-off' : 'mic'} />
      </span>
      <span
        class={`person-device ${off ? 'is-off' : ''}`}
        role="img"
        aria-label={t.devices.state(t.devices.camera, !off)}
      >
        <Icon name={off ? 'camera-off' : 'camera'} />
      </span>
      {person.isLocal ? (
        <span class="menu-space" />
      ) : (
        <Menu
          label={t.people.actions(name)}
          icon="more"
          buttonClass="plain"
          items={actionsFor(person)}
        />
      )}
    </li>
  );
}

/** Raised hands first, in the order in which they went up; then ourselves, then by name. */
function order(people: readonly Participant[]): Participant[] {
  return [...people].sort((a, b) => {
    if (a.raisedHandAt !== b.raisedHandAt) {
      return (a.raisedHandAt || Infinity) - (b.raisedHandAt || Infinity);
    }
    return Number(b.isLocal) - Number(a.isLocal) || a.name.localeCompare(b.name);
  });
}

export function PeoplePanel(): JSX.Element {
  const people = order(state.participants.value);
  const muteAll = (): void => {
    for (const person of people) {
      if (person.isLocal || isMuted(person, 'audio')) continue;
      void attempt(state.conference.value?.muteOther(person.id, 'audio'));
    }
  };
  return (
    <aside class="panel" aria-label={t.people.title(people.length)}>
      <header>
        <h2>{t.people.title(people.length)}</h2>
        <button
          type="button"
          class="plain"
          aria-label={t.people.close}
          onClick={() => (state.panel.value = 'none')}
        >
          <Icon name="close" />
        </button>
      </header>
      <ul class="people" aria-label={t.people.list}>
        {people.map((person) => (
          <Person key={person.id} person={person} />
        ))}
      </ul>
      {state.isModerator.value && people.length > 1 && (
        <div class="panel-foot">
          <button type="button" class="wide" onClick={muteAll}>
            <Icon name="mic-off" /> {t.people.muteAll}
          </button>
        </div>
      )}
    </aside>
  );
}
