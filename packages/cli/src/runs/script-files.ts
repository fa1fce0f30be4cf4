import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ScriptRun } from '@instar/contract'
import { namingFile, writeDurably } from '@instar/machine'
import type { ScriptLog, ScriptRecorder } from '@instar/morph'
import { BoundedFile } from './bounded-file.ts'

/** Keeps records and output of scripts as files of a run's folder. */
export function createScriptFiles(runFolder: string): ScriptRecorder {
  const folder = join(runFolder, 'scripts')
  return {
    open: async (run: ScriptRun, payload: string): Promise<ScriptLog> => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const base = join(folder, run.id)
      await namingFile(`${base}.payload`, () => writeFile(`${base}.payload`, payload, { mode: 0o600 }))
      await writeDurably(`${base}.json`, `${JSON.stringify(run)}\n`)
      const files = { stdout: await BoundedFile.create(`${base}.stdout`), stderr: await BoundedFile.create(`${base}.stderr`) }
      return {
        place: `${base}.stdout and ${base}.stderr`,
        write: (stream, piece) => files[stream].write(piece),
        close: async done => {
          await files.stdout.close()
          await files.stderr.close()
          await writeDurably(`${base}.json`, `${JSON.stringify(done)}\n`)
        },
      }
    },
  }
}
