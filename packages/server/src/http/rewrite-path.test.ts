import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rewritePath } from './rewrite-path.ts'

const rows: [string, string][] = [
  ['/v1/p/transfers?limit=1', '/v1/p/transfers?limit=1'],
  ['/v1/p/endpoints.json', '/v1/p/endpoints'],
  ['/v1/p/endpoints/', '/v1/p/endpoints/'],
  ['/coriolis/p/transfers?x=/', '/v1/p/transfers?x=/'],
  ['/identity/auth/tokens', '/identity/v3/auth/tokens'],
  ['/identity/v3/auth/tokens', '/identity/v3/auth/tokens'],
  ['/identity/v3/', '/identity/v3'],
  ['/identity', '/identity'],
  ['/logs', '/logger/v1/logs'],
  ['/logs/instar-api?auth_type=keystone', '/logger/v1/logs/instar-api?auth_type=keystone'],
  ['/logger/v1/logs/instar-api/?start_date=1', '/logger/v1/logs/instar-api?start_date=1'],
  ['/logistics', '/logistics'],
]
for (const [given, wanted] of rows) test(`${given} is ${wanted}`, () => assert.equal(rewritePath(given), wanted))
