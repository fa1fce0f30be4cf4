import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { testProvider } from '../suite/provider-suite.ts'
import { makeDiskImages } from './disk-images.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'instar-disk-images-'))
after(() => rm(folder, { recursive: true }))

// Its pools are appliances that run: scenarios/service/warm-appliances.test.ts.
testProvider(makeDiskImages(folder, { cacheDir: join(folder, 'none'), runtimeDir: join(folder, 'none') }))
