import { createHash } from 'node:crypto'
import * as recipe from './recipe.ts'

/** Changes when the way of building changes, which the recipe does not show. */
const BUILD_VERSION = 1

/** Names an appliance by what it is made of: the recipe, the agent, and the way of building. */
export function recipeHash(agent: Uint8Array): string {
  return createHash('sha256')
    .update(JSON.stringify([BUILD_VERSION, Object.entries(recipe)]))
    .update(agent)
    .digest('hex')
    .slice(0, 16)
}
