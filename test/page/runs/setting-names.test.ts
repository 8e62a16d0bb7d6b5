/** Protects the names of settings on the page: every option has one, in the same group as in the help, with its unit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snakeCase } from '#src/formats/key-case.js';
import { OPTION_GROUPS, OPTION_KEYS, OPTIONS } from '#src/train/config/options.js';
import { configToDisk, resolveConfig } from '#src/train/config/run-config.js';
import { SETTING_GROUPS, settingName, settingValue } from '../../../web/runs/setting-names.js';

test('the page names every option of a run, in the groups and the order of the help', () => {
  assert.deepEqual(
    SETTING_GROUPS.map(({ title, settings }) => ({ title, keys: Object.keys(settings) })),
    OPTION_GROUPS.map(({ title, keys }) => ({ title, keys: keys.map(snakeCase) })),
  );
});

test('every key of config.json has a name that is not its key, and no two have the same', () => {
  const keys = Object.keys(configToDisk(resolveConfig({})));
  assert.ok(keys.length > 40);
  const names = keys.map(settingName);
  assert.equal(new Set(names).size, keys.length);
  for (const [n, name] of names.entries()) {
    assert.doesNotMatch(name, /_/);
    assert.match(name, /^[A-Z]/, keys[n]);
  }
});

test('an option that may be none says in words what that means', () => {
  for (const key of OPTION_KEYS) {
    if (OPTIONS[key].none === undefined) continue;
    assert.notEqual(settingValue(snakeCase(key), null), 'none', key);
  }
});

test('values carry their units; a setting of another version is shown under its key in words', () => {
  assert.equal(settingValue('num_epochs', 1), '1 epoch');
  assert.equal(settingValue('num_epochs', 300), '300 epochs');
  assert.equal(settingValue('accumulation_steps', 2), '2 batches');
  assert.equal(settingValue('train_split', 5 / 6), '83.33 %');
  assert.equal(settingValue('dropout_rate', 0.2), '20 %');
  assert.equal(settingValue('target_accuracy', 1), '100 %');
  assert.equal(settingValue('augment_rotation', 8), '8°');
  assert.equal(settingValue('augment_scale', 0.1), '1.1');
  assert.equal(settingValue('checkpoint_minutes', 10), '10\u00a0min');
  assert.equal(settingValue('learning_rate', 0.006), '0.006');
  assert.equal(settingValue('bidirectional', true), 'yes');
  assert.equal(settingValue('chart_format', []), 'none');
  assert.equal(settingName('spin_rate'), 'Spin rate');
  assert.equal(settingValue('spin_rate', { a: 1 }), '{"a":1}');
});
