import { describe, expect, test } from 'vitest';
import { Gathering } from './gathering';
import type { Participant } from './roomState';

const people = (...names: string[]): Participant[] =>
  names.map((name, index) => ({
    id: `${index}${name}`,
    name,
    isLocal: name === 'me',
    isModerator: false,
    realJid: null,
    sources: {},
    raisedHandAt: 0,
  }));

describe('a gathering', () => {
  test('waits_for_everybody_of_before_and_not_longer', () => {
    const gathering = new Gathering();
    gathering.begin(people('me', 'Bo', 'Bo', 'Cy'));
    gathering.enter(1000);
    expect(gathering.isWaiting(people('me'), 1100)).toBe(true);
    expect(gathering.isWaiting(people('me', 'Bo', 'Cy'), 1200)).toBe(true);
    expect(gathering.isReturn('Bo', 1200)).toBe(true);
    expect(gathering.isReturn('Di', 1200)).toBe(false);
    expect(gathering.isWaiting(people('me', 'Bo', 'Bo', 'Cy', 'Di'), 1300)).toBe(false);
    // Whoever goes now has left.
    expect(gathering.isWaiting(people('me', 'Bo'), 1400)).toBe(false);
    expect(gathering.isReturn('Bo', 1400)).toBe(false);
  });

  test('gives_up_those_who_do_not_come', () => {
    const gathering = new Gathering();
    gathering.begin(people('me', 'Bo'));
    expect(gathering.isWaiting(people('me'), 60_000)).toBe(true);
    gathering.enter(60_000);
    expect(gathering.patience(61_000)).toBe(3000);
    expect(gathering.isWaiting(people('me'), 63_999)).toBe(true);
    expect(gathering.isWaiting(people('me'), 64_000)).toBe(false);
  });

  test('waits_for_nobody_at_the_first_time', () => {
    expect(new Gathering().isWaiting(people('me'), 1)).toBe(false);
  });
});
