import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import { offerOf } from '../offer.ts'
import { callsOf } from './calls.ts'
import type { ProviderFixture } from './fixture.ts'

export function settingsScenarios(fixture: ProviderFixture): void {
  const { provider } = fixture

  test('each setting has a title for forms', () => {
    const schemas = offerOf(provider).schemas
    const untitled = Object.entries(schemas).flatMap(([name, schema]) =>
      Object.entries(propertiesOf(schema)).flatMap(([setting, { title }]) => (title === undefined ? [`${name}: ${setting}`] : [])),
    )

    assert.deepEqual(untitled, [])
  })

  test('refuses settings that it does not know', () => {
    const known = { connection: provider.connection, source: provider.source?.environment, destination: provider.destination?.environment }
    for (const [name, schema] of Object.entries(known)) {
      const given =
        name === 'connection' ? fixture.connection : name === 'source' ? fixture.source?.environment : fixture.destination?.environment
      if (schema) assert.equal(schema.safeParse({ ...(given as object), no_such_setting: 1 }).success, false, name)
    }
  })

  test('accepts a connection that works and tells why another does not', async () => {
    await provider.validateConnection(callsOf(fixture).connected())

    await assert.rejects(
      async () => provider.validateConnection(callsOf(fixture).connected({ connection: fixture.wrongConnection })),
      (error: unknown) => error instanceof InstarError && error.message.length > 0,
    )
  })
}

function propertiesOf(schema: Readonly<Record<string, unknown>>): Record<string, { title?: string }> {
  const [first] = (schema['oneOf'] as Record<string, unknown>[] | undefined) ?? [schema]
  return (first!['properties'] ?? {}) as Record<string, { title?: string }>
}
