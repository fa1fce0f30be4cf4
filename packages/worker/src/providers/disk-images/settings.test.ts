import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingsSchema } from '../settings.ts'
import { parseSettings } from '../../steps/side.ts'
import { DiskImagesConnection, DiskImagesDestination } from './settings.ts'

test('a folder that is no absolute path is told so', () => {
  const given = { folder: 'machines', storage: { big: 'srv/big' } }
  assert.throws(() => parseSettings(DiskImagesConnection, given, 'connection data'), {
    message: /"folder" must begin with \/.*"storage\.big" must begin with \//,
  })
})

test('what is no package name is refused with the environment, before anything is copied', () => {
  const accepts = (name: string) => DiskImagesDestination.safeParse({ install_packages: [name], remove_packages: [name] }).success

  assert.ok(accepts('qemu-guest-agent'))
  for (const name of ['nano vim', '--purge', '']) assert.equal(accepts(name), false, name)
  assert.match(JSON.stringify(settingsSchema(DiskImagesDestination)), /"install_packages":\{[^}]*"pattern"/)
})
