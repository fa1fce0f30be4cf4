import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingsSchema } from '../settings.ts'
import { DiskImagesDestination } from './settings.ts'

test('what is no package name is refused with the environment, before anything is copied', () => {
  const accepts = (name: string) => DiskImagesDestination.safeParse({ install_packages: [name], remove_packages: [name] }).success

  assert.ok(accepts('qemu-guest-agent'))
  for (const name of ['nano vim', '--purge', '']) assert.equal(accepts(name), false, name)
  assert.match(JSON.stringify(settingsSchema(DiskImagesDestination)), /"install_packages":\{[^}]*"pattern"/)
})
