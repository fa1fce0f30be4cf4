import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { lacks, phonyRoot, SHELLS } from './phony-root.ts'
import { parseFirstBootResults } from './results.ts'

// Mostly waiting: several at once.
suite('outside', { concurrency: 4 }, () => {
  for (const shell of SHELLS) {
    test(`${shell}: tells consoles and port, each line whole`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      using root = phonyRoot({
        shell,
        scripts: [{ payload: 'echo a' }],
        files: {
          'proc/cmdline': 'root=/dev/vda1 console=tty1 console=ttyS1,115200n8 console=nowhere',
          'dev/ttyS1': '',
          'sys/class/virtio-ports/vport2p1/name': 'org.instar.firstboot\n',
          'sys/class/virtio-ports/vport2p2/name': 'org.qemu.guest_agent.0\n',
          'dev/vport2p1': '',
          'dev/vport2p2': '',
        },
      })

      await root.boot()

      const lines = root.read(root.inRun('results.jsonl'))
      const said = lines
        .trimEnd()
        .split('\n')
        .map(line => `\nINSTAR-FIRSTBOOT ${line}\n`)
        .join('')
      assert.deepEqual([root.read('dev/ttyS0'), root.read('dev/ttyS1')], [said, said])
      assert.equal(root.read('dev/vport2p1'), lines)
      assert.deepEqual([root.read('dev/vport2p2'), root.read('dev/console')], ['', ''])
      assert.equal(parseFirstBootResults(said).ends[0]?.state, 'complete')
    })

    test(
      `${shell}: takes the console where no serial one is, and the first UART in any case`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        using screen = phonyRoot({ shell, scripts: [{ payload: 'echo a' }], files: { 'sys/class/tty/console/active': 'tty0\n' } })
        using uart = phonyRoot({
          shell,
          scripts: [{ payload: 'echo a' }],
          files: { 'sys/class/tty/console/active': 'tty0\n', 'proc/tty/driver/serial': 'serinfo:1.0\n0: uart:16550A port:000003F8\n' },
        })

        await Promise.all([screen.boot(), uart.boot()])

        assert.match(screen.read('dev/console'), /"state":"complete"/)
        assert.equal(screen.read('dev/ttyS0'), '')
        assert.match(uart.read('dev/ttyS0'), /"state":"complete"/)
      },
    )

    test(`${shell}: leaves a console alone that takes nothing`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      using root = phonyRoot({ shell, scripts: [{ payload: 'echo a' }], files: { 'proc/cmdline': 'console=ttyS1' } })
      execFileSync('mkfifo', [join(root.path, 'dev/ttyS1')])

      const { log } = await root.boot()

      assert.match(root.read('dev/ttyS0'), /"state":"complete"/)
      assert.equal(log.match(/cannot write to \S*ttyS1/g)?.length, 1)
    })
  }
})
