import * as z from 'zod/mini'
import { documented, Name, OpenObject, Regions, rowTimes, Text } from './wire.ts'
import { SERVICE_STATUSES } from './statuses.ts'

/** A part of the world that workers and endpoints are tied to. */
export const Region = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    enabled: z.boolean(),
    mapped_endpoints: z.array(z.string()),
    mapped_services: z.array(z.string()),
    ...rowTimes,
  })
  .register(documented, { id: 'Region' })
export type Region = z.infer<typeof Region>

export const RegionCreate = z.object({ name: Name, description: z.nullish(Text), enabled: z.nullish(z.boolean()) })
export type RegionCreate = z.infer<typeof RegionCreate>
export const RegionUpdate = z.object({ name: z.nullish(Name), description: z.nullish(Text), enabled: z.nullish(z.boolean()) })
export type RegionUpdate = z.infer<typeof RegionUpdate>

const Specs = z.nullable(OpenObject)

/** A worker process as the API shows it. */
export const Service = z
  .object({
    id: z.string(),
    host: z.string(),
    binary: z.string(),
    topic: z.string(),
    enabled: z.boolean(),
    status: z.enum(SERVICE_STATUSES),
    mapped_regions: z.array(z.string()),
    providers: z.record(z.string(), z.object({ types: z.array(z.int()) })),
    specs: Specs,
    ...rowTimes,
  })
  .register(documented, { id: 'Service' })
export type Service = z.infer<typeof Service>

export const ServiceCreate = z.object({
  host: Name,
  binary: Name,
  topic: Name,
  mapped_regions: z.nullish(Regions),
  enabled: z.nullish(z.boolean()),
})
export type ServiceCreate = z.infer<typeof ServiceCreate>
export const ServiceUpdate = z.object({ enabled: z.nullish(z.boolean()), mapped_regions: z.nullish(Regions) })
export type ServiceUpdate = z.infer<typeof ServiceUpdate>

/** What one service tells of the host it runs on. */
export const Diagnostics = z
  .object({
    application: z.string(),
    packages: z.array(z.string()),
    os_info: z.array(z.string()),
    hostname: z.string(),
    ip_addresses: z.array(OpenObject),
    release_tag: z.string(),
  })
  .register(documented, { id: 'Diagnostics' })
export type Diagnostics = z.infer<typeof Diagnostics>
