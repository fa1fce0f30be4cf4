import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, describe, it } from 'node:test'
import { childrenOf, descendantsOf, processesMarked } from './process-table.ts'

describe('the table of processes', () => {
  const parent = spawn('sh', ['-c', '(sleep 60; :) & echo $!; wait'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, INSTAR_TABLE_TEST: String(process.pid) },
  })
  after(() => {
    for (const pid of [...descendantsOf(parent.pid!), parent.pid!]) process.kill(pid, 'SIGKILL')
  })

  it('finds children, descendants and the bearers of a mark', async () => {
    const [text] = (await once(parent.stdout, 'data')) as [Buffer]
    const child = Number(text.toString())
    while (childrenOf(child).length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    const [grandchild] = childrenOf(child)

    assert.deepEqual(childrenOf(parent.pid!), [child])
    assert.deepEqual(descendantsOf(parent.pid!), [child, grandchild])
    assert.deepEqual(
      processesMarked('INSTAR_TABLE_TEST', String(process.pid)).sort((a, b) => a - b),
      [parent.pid!, child, grandchild!].sort((a, b) => a - b),
    )
    assert.deepEqual(processesMarked('INSTAR_TABLE_TEST', `${process.pid}0`), [])
  })
})
