import * as z from 'zod/mini'
import { SCHEMA_KEYS } from '../capabilities.ts'
import { Diagnostics, Region, RegionCreate, RegionUpdate, Service, ServiceCreate, ServiceUpdate } from '../region.ts'
import { routes } from '../route.ts'
import { OpenObject } from '../wire.ts'

const region = z.object({ region: Region })
const service = z.object({ service: Service })
const schemaShape = Object.fromEntries(Object.values(SCHEMA_KEYS).map(key => [key, z.optional(OpenObject)]))

/** Platforms, regions, services: what runs where. */
export const PLACE_ROUTES = routes({
  'providers.list': {
    surface: 'v1',
    method: 'GET',
    path: '/providers',
    role: 'reader',
    summary: 'Platforms of the live workers, with what each can do',
    answer: z.object({ providers: z.record(z.string(), z.object({ types: z.array(z.int()) })) }),
    status: 200,
  },
  'providers.schemas': {
    surface: 'v1',
    method: 'GET',
    path: '/providers/{platform}/schemas/{type}',
    role: 'reader',
    summary: 'The JSON Schema of a platform for one capability number',
    answer: z.object({ schemas: z.object(schemaShape) }),
    status: 200,
  },
  'regions.list': {
    surface: 'v1',
    method: 'GET',
    path: '/regions',
    role: 'reader',
    summary: 'All regions',
    answer: z.object({ regions: z.array(Region) }),
    status: 200,
  },
  'regions.create': {
    surface: 'v1',
    method: 'POST',
    path: '/regions',
    role: 'admin',
    summary: 'Make a region',
    body: z.object({ region: RegionCreate }),
    answer: region,
    status: 200,
  },
  'regions.show': {
    surface: 'v1',
    method: 'GET',
    path: '/regions/{region_id}',
    role: 'reader',
    summary: 'One region',
    answer: region,
    status: 200,
  },
  'regions.update': {
    surface: 'v1',
    method: 'PUT',
    path: '/regions/{region_id}',
    role: 'admin',
    summary: 'Change a region',
    body: z.object({ region: RegionUpdate }),
    answer: region,
    status: 200,
  },
  'regions.delete': {
    surface: 'v1',
    method: 'DELETE',
    path: '/regions/{region_id}',
    role: 'admin',
    summary: 'Delete a region',
    status: 204,
  },
  'services.list': {
    surface: 'v1',
    method: 'GET',
    path: '/services',
    role: 'reader',
    summary: 'All services, which are the workers',
    answer: z.object({ services: z.array(Service) }),
    status: 200,
  },
  'services.create': {
    surface: 'v1',
    method: 'POST',
    path: '/services',
    role: 'admin',
    summary: 'Register a worker by hand; workers do it themselves',
    body: z.object({ service: ServiceCreate }),
    answer: service,
    status: 200,
  },
  'services.show': {
    surface: 'v1',
    method: 'GET',
    path: '/services/{service_id}',
    role: 'reader',
    summary: 'One service',
    answer: service,
    status: 200,
  },
  'services.update': {
    surface: 'v1',
    method: 'PUT',
    path: '/services/{service_id}',
    role: 'admin',
    summary: 'Enable or disable a worker, or tie it to regions',
    body: z.object({ service: ServiceUpdate }),
    answer: service,
    status: 200,
  },
  'services.delete': {
    surface: 'v1',
    method: 'DELETE',
    path: '/services/{service_id}',
    role: 'admin',
    summary: 'Forget a worker',
    status: 204,
  },
  'diagnostics.show': {
    surface: 'v1',
    method: 'GET',
    path: '/diagnostics',
    role: 'admin',
    summary: 'What each service tells of its host',
    answer: z.object({ diagnostics: z.array(Diagnostics) }),
    status: 200,
  },
})
