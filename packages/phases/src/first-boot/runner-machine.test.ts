import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { phonyRoot } from './phony-root.ts'
import type { PhonyRoot } from './phony-root.ts'

const outputs = (root: PhonyRoot): string[] =>
  root
    .results()
    .slice(0, -1)
    .map(each => Buffer.from(String(each.output_base64), 'base64').toString().trim())
const secrets = [{ name: 'token', value: Buffer.from('s3cret\0\n') }]

suite('the machine around the runner', { concurrency: 4 }, () => {
  test('names the boot disk first, found below LVM and LUKS', async () => {
    using root = phonyRoot({
      shell: 'dash',
      scripts: [{ payload: 'echo "$INSTAR_DISKS"' }],
      files: {
        'proc/self/mountinfo': '21 1 254:1 / / rw - ext4 /dev/mapper/vg-root rw\n22 21 0:5 / /dev rw - devtmpfs x rw\n',
        'sys/devices/vda/size': '8',
        'sys/devices/vdb/size': '8',
        'sys/devices/vdb/vdb3/partition': '3',
        'sys/devices/dm-0/size': '8',
        'sys/devices/dm-1/size': '8',
        'sys/devices/sr0/size': '8',
      },
      links: {
        'sys/block/vda': '../devices/vda',
        'sys/block/vdb': '../devices/vdb',
        'sys/block/dm-0': '../devices/dm-0',
        'sys/block/sr0': '../devices/sr0',
        'sys/dev/block/254:1': '../../devices/dm-1',
        'sys/devices/dm-1/slaves/dm-0': '../../dm-0',
        'sys/devices/dm-0/slaves/vdb3': '../../vdb/vdb3',
      },
    })

    await root.boot()

    assert.deepEqual(outputs(root), ['/dev/vdb\n/dev/vda'])
  })

  test('secrets are files of mode 0400 in a folder of mode 0700, with their very bytes', async () => {
    using root = phonyRoot({ shell: 'dash', secrets, scripts: [{ payload: 'cd "$INSTAR_SECRETS_DIR"; stat -c %a . token; wc -c <token' }] })

    await root.boot()

    assert.deepEqual(outputs(root), ['700\n400\n8'])
  })

  test('secrets leave the disk before the last attempt of the last script, not earlier', async () => {
    const payload =
      'ls "${INSTAR_FIRSTBOOT_TEST_ROOT}/var/lib/instar/firstboot/$INSTAR_RUN_ID" | grep -c secrets; cat "$INSTAR_SECRETS_DIR/token" >/dev/null && [ "$INSTAR_ATTEMPT" = 2 ]'
    using root = phonyRoot({
      shell: 'dash',
      secrets,
      scripts: [
        { payload, retries: 1 },
        { payload, retries: 1 },
      ],
    })

    await root.boot()

    assert.deepEqual(outputs(root), ['1', '1', '1', '0'])
  })

  test('secrets are there again after a reboot', async () => {
    using root = phonyRoot({
      shell: 'dash',
      secrets,
      scripts: [{ payload: 'exit 194' }, { payload: 'wc -c <"$INSTAR_SECRETS_DIR/token"' }],
    })

    await root.bootUntil(() => false)
    await root.boot()

    assert.deepEqual(outputs(root), ['', '8'])
  })

  test('says so where secrets cannot be in memory, and still removes them', async () => {
    using root = phonyRoot({
      shell: 'dash',
      secrets,
      scripts: [{ payload: 'wc -c <"$INSTAR_SECRETS_DIR/token"' }],
      files: { 'proc/mounts': '/dev/vda1 / ext4 rw 0 0\n' },
    })

    await root.boot()

    assert.deepEqual(outputs(root), ['8'])
    assert.deepEqual(root.results()[0]?.notes, ['secrets directory is on a disk: no tmpfs'])
    assert.ok(!root.exists('run/instar/firstboot/secrets') && !root.exists(root.inRun('secrets')))
  })

  test('takes the runs of a queue one after the other', async () => {
    using root = phonyRoot({ shell: 'dash', scripts: [{ payload: 'echo a' }] })
    const again = 'var/lib/instar/firstboot/other'
    root.write(`${again}/run`, 'version=1\nrun_id=other\ncount=0\nmax_boots=10\nmax_total_s=7200\nend=1\n')
    root.write('var/lib/instar/firstboot/queue/002-other', '')

    await root.boot()

    assert.match(root.read(`${again}/finished`), /"run_id":"other","state":"complete"/)
    assert.ok(root.exists(root.inRun('finished')))
    assert.ok(root.read('dev/ttyS0').indexOf(root.runId) < root.read('dev/ttyS0').indexOf('"other"'))
  })

  for (const [what, text] of [
    ['of another version', 'version=2\ncount=1\nend=1\n'],
    ['damaged', 'version=1\ncount=1\n'],
  ] as const) {
    test(`runs nothing of a run that is ${what}`, async () => {
      using root = phonyRoot({ shell: 'dash', scripts: [{ payload: 'touch "$INSTAR_FIRSTBOOT_TEST_ROOT/started"' }] })
      root.write(root.inRun('run'), text)

      const { code } = await root.boot()

      assert.equal(code, 1)
      assert.ok(!root.exists('started'))
      assert.match(root.read('dev/ttyS0'), /"state":"aborted","reason":"run \S+ is /)
    })
  }
})
