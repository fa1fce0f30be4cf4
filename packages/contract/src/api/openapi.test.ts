import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiDocument } from './openapi.ts'
import { fullPath, type Route } from './route.ts'
import { ROUTES } from './route-table.ts'

const document = openApiDocument(ROUTES, { version: '1', serverUrl: 'http://localhost' }) as {
  paths: Record<string, Record<string, { operationId: string }>>
  components: { schemas: Record<string, unknown>; responses: Record<string, unknown> }
}

test('every route stands in the document under its own path, method and name', () => {
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    assert.equal(document.paths[fullPath(route)]?.[route.method.toLowerCase()]?.operationId, name)
  }
})

test('every reference leads to a component', () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)]
  assert.ok(refs.length > 50)
  for (const [text, kind, name] of refs) assert.ok(document.components[kind as 'schemas']?.[name!], text)
})

test('no two routes share method and path', () => {
  const all = Object.values<Route>(ROUTES).map(route => `${route.method} ${fullPath(route)}`)
  assert.deepEqual(
    all.filter((entry, at) => all.indexOf(entry) !== at),
    [],
  )
})
