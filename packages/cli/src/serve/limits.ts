import type { Config } from '../config/settings.ts'

/** How much may be at work at once, over all workers. */
export function limitsOf(config: Config): { perEndpoint?: number; perProject?: number } {
  const { 'limits.per_endpoint': perEndpoint, 'limits.per_project': perProject } = config
  return { ...(perEndpoint === undefined ? {} : { perEndpoint }), ...(perProject === undefined ? {} : { perProject }) }
}
