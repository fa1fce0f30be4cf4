import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROVIDER_ANSWERS } from '@instar/contract/api'
import { callsOf } from './calls.ts'
import type { ProviderFixture } from './fixture.ts'

export function listingScenarios(fixture: ProviderFixture): void {
  const { source, destination } = fixture.provider
  const calls = callsOf(fixture)

  if (source && fixture.source) {
    const { machine } = fixture.source

    test('lists machines by pages, each once and in the same order', async () => {
      const { instances: all } = PROVIDER_ANSWERS.instances.parse(await source.listInstances(calls.source(), { refresh: false }))
      const paged: string[] = []
      for (let marker: string | undefined; ;) {
        const query = { limit: 2, refresh: false, ...(marker !== undefined && { marker }) }
        const { instances: page } = await source.listInstances(calls.source(), query)
        paged.push(...page.map(({ id }) => id))
        if (page.length < 2) break
        marker = page.at(-1)!.id
      }

      assert.deepEqual(
        paged,
        all.map(({ id }) => id),
      )
    })

    test('finds machines by a part of their name', async () => {
      const { instances: found } = await source.listInstances(calls.source(), { name: machine.slice(1), refresh: true })

      assert.ok(found.some(({ name, instance_name }) => (instance_name ?? name) === machine))
      const none = await source.listInstances(calls.source(), { name: 'no machine is called this', refresh: false })
      assert.deepEqual(none.instances, [])
    })

    test('describes a machine in full, and says when there is none', async () => {
      const described = PROVIDER_ANSWERS.instance.parse(await source.getInstance(calls.source(), machine))

      assert.ok(described.devices.disks.length > 0)
      await assert.rejects(async () => source.getInstance(calls.source(), 'no machine is called this'), { code: 'provider.not-found' })
    })

    test('offers choices for settings that it has', async () => {
      if (!source.listOptions) return
      const options = PROVIDER_ANSWERS.options.parse(await source.listOptions(calls.source()))

      assert.deepEqual(await source.listOptions(calls.source(), options.map(({ name }) => name).slice(0, 1)), options.slice(0, 1))
    })
  }

  if (destination && fixture.destination) {
    test('lists networks, storage and choices in the form of the API', async () => {
      const call = calls.destination()
      if (destination.listNetworks) PROVIDER_ANSWERS.networks.parse(await destination.listNetworks(call))
      if (destination.listStorage) PROVIDER_ANSWERS.storage.parse(await destination.listStorage(call))
      if (destination.listOptions) PROVIDER_ANSWERS.options.parse(await destination.listOptions(call))
    })
  }

  if (fixture.provider.inventory !== undefined && source && fixture.source) {
    test('writes every machine into the inventory, also those that the list leaves out', async () => {
      const rows = (await fixture.provider.inventory?.(calls.source())) ?? []
      const { instances, warnings = [] } = await source.listInstances(calls.source(), { refresh: false })

      assert.equal(rows.length, 1 + instances.length + warnings.length)
      assert.ok(rows.every(row => row.length === rows[0]!.length))
    })
  }
}
