import { describe } from 'node:test'
import { deploymentScenarios } from './deployment-scenarios.ts'
import type { ProviderFixture } from './fixture.ts'
import { listingScenarios } from './listing-scenarios.ts'
import { poolScenarios } from './pool-scenarios.ts'
import { settingsScenarios } from './settings-scenarios.ts'
import { transferScenarios } from './transfer-scenarios.ts'

/** What every provider has to pass, as tests of node:test. Parts that it has not, or for which the fixture has nothing, are left out. */
export function testProvider(fixture: ProviderFixture): void {
  describe(`provider ${fixture.provider.platform}`, () => {
    settingsScenarios(fixture)
    listingScenarios(fixture)
    transferScenarios(fixture)
    deploymentScenarios(fixture)
    poolScenarios(fixture, 'sourcePool')
    poolScenarios(fixture, 'destinationPool')
  })
}

export type { ProviderFixture }
