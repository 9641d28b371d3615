import type { JSX } from 'preact';
import { CODECS, type Codec } from '../client/codecs';
import { DeviceSelects } from './DeviceSelects';
import { setName } from './meeting';
import { Modal } from './Modal';
import { prefer, preferences } from './preferences';
import { conference, dialog, settings } from './state';
import { t } from './strings';

const CODEC_NAMES: Record<Codec, string> = { vp8: 'VP8', vp9: 'VP9', h264: 'H.264', av1: 'AV1' };

function chooseCodec(value: string): void {
  const codec = CODECS.find((candidate) => candidate === value) ?? null;
  prefer({ codec });
  const effective = codec ?? settings.value?.codecs[0];
  if (effective) void conference.value?.preferCodec(effective);
}

export function SettingsDialog(): JSX.Element {
  const { name, receiveHeight, codec, mirror } = preferences.value;
  const close = (): void => {
    setName(preferences.value.name);
    dialog.value = 'none';
  };
  return (
    <Modal title={t.settings.title} onClose={close}>
      <section aria-label={t.settings.devices}>
        <h3>{t.settings.devices}</h3>
        <DeviceSelects prefix="settings" />
      </section>
      <section aria-label={t.settings.video}>
        <h3>{t.settings.video}</h3>
        <div class="field">
          <label for="settings-quality">{t.settings.received}</label>
          <select
            id="settings-quality"
            value={String(receiveHeight)}
            onChange={(event) => prefer({ receiveHeight: Number(event.currentTarget.value) })}
          >
            {(['-1', '720', '360', '180'] as const).map((height) => (
              <option key={height} value={height}>
                {t.settings.qualities[height]}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="settings-codec">{t.settings.codec}</label>
          <select
            id="settings-codec"
            value={codec ?? ''}
            onChange={(event) => chooseCodec(event.currentTarget.value)}
          >
            <option value="">{t.settings.automatic}</option>
            {(settings.value?.codecs ?? CODECS).map((candidate) => (
              <option key={candidate} value={candidate}>
                {CODEC_NAMES[candidate]}
              </option>
            ))}
          </select>
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={mirror}
            onChange={(event) => prefer({ mirror: event.currentTarget.checked })}
          />
          {t.settings.mirror}
        </label>
      </section>
      <div class="field">
        <label for="settings-name">{t.settings.name}</label>
        <input
          id="settings-name"
          value={name}
          maxLength={80}
          autocomplete="name"
          onInput={(event) => prefer({ name: event.currentTarget.value })}
        />
      </div>
      <div class="dialog-actions">
        <button type="button" class="primary" onClick={close}>
          {t.settings.close}
        </button>
      </div>
    </Modal>
  );
}
