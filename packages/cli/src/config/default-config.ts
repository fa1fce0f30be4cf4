import { SETTINGS, type Config, type SettingName } from './settings.ts'

/** The settings where nothing is configured. */
export function defaultConfig(): Config {
  const names = Object.keys(SETTINGS) as SettingName[]
  return Object.fromEntries(names.map(name => [name, SETTINGS[name].default])) as unknown as Config
}
