import { expect, test } from 'vitest';
import { capsVersion, discoInfo, FEATURES } from './caps';

test('the_version_changes_with_the_features_and_not_with_their_order', async () => {
  const version = await capsVersion(FEATURES);
  expect(version).toMatch(/^[A-Za-z0-9+/]{27}=$/);
  expect(await capsVersion([...FEATURES].reverse())).toBe(version);
  expect(await capsVersion(FEATURES.slice(1))).not.toBe(version);
});

test('discovery_names_rewriting_and_echoes_the_node', () => {
  const text = discoInfo('https://jitsi.org/jitsi-meet#x').toString();
  expect(text).toContain('node="https://jitsi.org/jitsi-meet#x"');
  expect(text).toContain('var="http://jitsi.org/ssrc-rewriting-1"');
  expect(discoInfo(undefined).attrs.node).toBeUndefined();
});
