import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { createLocalTime } from './local-time.ts'

test('a date is written as date(1) writes it, in any zone', () => {
  const at = new Date('2026-07-05T03:04:05.678Z')
  // A zone without summer time: the offset is asked for now, not for the moment that is written.
  for (const TZ of ['UTC', '', 'UTC-9', 'XYZ3:30', 'Asia/Kolkata', 'Nowhere/Land', undefined]) {
    const environment = { PATH: process.env['PATH'], ...(TZ === undefined ? {} : { TZ }) }
    const date = (format: string[]) =>
      spawnSync('date', ['-d', at.toISOString(), ...format], { env: { ...environment, LC_ALL: 'C' }, encoding: 'utf8' }).stdout.trimEnd()

    assert.equal(createLocalTime(environment).date(at), date([]), TZ)
    assert.equal(createLocalTime(environment).stamp(at), date(['+%Y-%m-%d %H:%M:%S,678']), TZ)
  }
})
