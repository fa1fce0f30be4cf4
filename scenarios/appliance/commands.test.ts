import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import { type TestAppliance, openTestAppliance } from './open-test-appliance.ts'

const skip = requires(['qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const MIB = 1024 * 1024
/** The target is 20 MB/s, which `npm run bench` measures; a host with other work was seen at 9. */
const LEAST_MB_PER_S = 4

let appliance: TestAppliance

before(async () => {
  if (!skip) appliance = await openTestAppliance()
})
after(async () => {
  if (!skip) await appliance[Symbol.asyncDispose]()
})

test('keeps stdout and stderr apart and gives the exit code', { skip }, async () => {
  const result = await appliance.shell('echo out; echo err >&2; exit 3')

  assert.deepEqual(
    [result.stdout.toString(), result.stdoutTail, result.stderrTail, result.exitCode, result.signal],
    ['out\n', 'out\n', 'err\n', 3, null],
  )
})

test('passes arguments, variables, the folder and stdin as they are', { skip }, async () => {
  const { machine, signal } = appliance
  const odd = 'a b\n"$HOME" \u{1F980} \\'

  const result = await machine.run(['sh', '-c', 'printf "%s|%s|%s|" "$1" "$ODD" "$PWD"; cat', 'sh', odd], {
    signal,
    env: { ODD: `x=${odd}` },
    cwd: '/usr/lib',
    stdin: odd,
    captureBytes: MIB,
  })

  assert.equal(result.stdout.toString(), `${odd}|x=${odd}|/usr/lib|${odd}`)
})

test('a program that is not there is a result as in a shell', { skip }, async () => {
  const { machine, signal } = appliance

  const missing = await machine.run(['no-such-program'], { signal })
  const folder = await machine.run(['/usr'], { signal })
  const badCwd = await machine.run(['true'], { signal, cwd: '/nowhere' })

  assert.deepEqual([missing.exitCode, folder.exitCode, badCwd.exitCode], [127, 126, 126])
  assert.match(missing.stderrTail, /no-such-program: No such file/)
})

test('loses nothing of what a command wrote just before it ended', { skip }, async () => {
  const counts = new Set<number>()

  for (let run = 0; run < 20; run += 1) counts.add((await appliance.shell('seq 1 20000')).stdoutBytes)

  assert.deepEqual([...counts], [108_894])
})

test('runs commands at once, each with its own output', { skip }, async () => {
  const results = await Promise.all(Array.from({ length: 12 }, (_, index) => appliance.say(`sleep 1; echo ${index}`)))
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: 12 }, () => appliance.say('sleep 1')))

  assert.deepEqual(
    results,
    Array.from({ length: 12 }, (_, index) => String(index)),
  )
  assert.ok(performance.now() - startedAt < 9_000, 'one after the other they take 12 s')
})

test('output and input move fast enough and unchanged', { skip }, async context => {
  const { machine, signal } = appliance
  const sent = randomBytes(32 * MIB)
  const hash = createHash('sha256')
  const speed = (bytes: number, since: number) => bytes / 1e3 / (performance.now() - since)

  const inSince = performance.now()
  await machine.write('/tmp/big', sent, { signal })
  const inSpeed = speed(sent.length, inSince)
  const outSince = performance.now()
  await machine.run(['cat', '/tmp/big'], { signal, onStdout: piece => void hash.update(piece) })
  const outSpeed = speed(sent.length, outSince)
  await appliance.shell('rm /tmp/big')

  context.diagnostic(`to the appliance ${inSpeed.toFixed()} MB/s, from it ${outSpeed.toFixed()} MB/s`)
  assert.equal(hash.digest('hex'), createHash('sha256').update(sent).digest('hex'))
  assert.ok(inSpeed > LEAST_MB_PER_S && outSpeed > LEAST_MB_PER_S)
})

test('a gigabyte for a taker that takes nothing fills no memory and holds up nobody else', { skip }, async () => {
  const { machine, signal } = appliance
  const cancel = new AbortController()
  const stuck = Promise.withResolvers<void>()
  const agentKiB = async () => Number(await appliance.say("awk '/VmRSS/ { print $2 }' /proc/1/status"))
  const [hostBefore, agentBefore] = [process.memoryUsage().rss, await agentKiB()]

  const first = Promise.withResolvers<void>()
  const flood = machine.run(['head', '-c', '1G', '/dev/zero'], {
    signal: cancel.signal,
    onStdout: () => {
      first.resolve()
      return stuck.promise
    },
  })
  await first.promise
  await Promise.all(Array.from({ length: 5 }, () => appliance.shell('seq 1 50000')))
  const grownHost = process.memoryUsage().rss - hostBefore
  const grownAgent = (await agentKiB()) - agentBefore
  cancel.abort(new Error('seen enough'))

  await assert.rejects(flood, { message: 'seen enough' })
  assert.equal(signal.aborted, false)
  assert.ok(grownHost < 100 * MIB, `the host grew by ${grownHost} bytes`)
  assert.ok(grownAgent < 8 * 1024, `the agent grew by ${grownAgent} KiB`)
})

test('a slow taker gets all of a large output', { skip }, async () => {
  const { machine, signal } = appliance
  let bytes = 0
  let pieces = 0

  await machine.run(['head', '-c', '48M', '/dev/zero'], {
    signal,
    onStdout: async piece => {
      bytes += piece.length
      pieces += 1
      if (pieces % 50 === 0) await sleep(5)
    },
  })

  assert.equal(bytes, 48 * MIB)
})

test('a cancelled command is gone with all that it started, in other sessions too', { skip }, async () => {
  const { machine } = appliance
  const cancel = new AbortController()
  const started = Promise.withResolvers<void>()

  const command = machine.run(['sh', '-c', 'setsid sleep 4001 & (trap "" TERM; sleep 4001) & echo up; wait'], {
    signal: cancel.signal,
    onStdout: () => started.resolve(),
  })
  await started.promise
  cancel.abort(new Error('no longer needed'))

  await assert.rejects(command, { message: 'no longer needed' })
  assert.equal(await appliance.say('pgrep -f "sleep 400[1]" | wc -l'), '0')
})

test('at the time limit comes SIGTERM, and SIGKILL for who does not listen', { skip }, async () => {
  const { machine, signal } = appliance

  const polite = await machine.run(['sleep', '60'], { signal, timeoutMs: 300 })
  const handled = await machine.run(['sh', '-c', 'trap "echo bye; exit 7" TERM; echo up; sleep 60 & wait'], { signal, timeoutMs: 500 })
  const startedAt = performance.now()
  const deaf = await machine.run(['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'], { signal, timeoutMs: 300 })

  assert.deepEqual([polite.signal, polite.exitCode, polite.timedOut], ['SIGTERM', null, true])
  assert.deepEqual([handled.stdoutTail, handled.exitCode, handled.timedOut], ['up\nbye\n', 7, true])
  assert.deepEqual([deaf.signal, deaf.timedOut], ['SIGKILL', true])
  assert.ok(performance.now() - startedAt > 2_000, 'it has 2 s between the two')
})

test('what is left in the background is ended with the command and does not hold it up', { skip }, async () => {
  const startedAt = performance.now()

  const result = await appliance.shell('sleep 4002 & setsid sh -c "sleep 4002; echo late" & echo done')

  assert.equal(result.stdout.toString(), 'done\n')
  assert.ok(performance.now() - startedAt < 10_000)
  assert.ok(result.survivors.length >= 2)
  assert.equal(await appliance.say('pgrep -f "sleep 400[2]" | wc -l'), '0')
})

test('survivors can be kept, go on writing, and are ended when asked', { skip }, async () => {
  const { machine, signal } = appliance

  const result = await machine.run(['sh', '-c', 'while echo tick; do echo $((n += 1)) >/tmp/ticks; sleep 0.05; done & sleep 0.3'], {
    signal,
    survivors: 'keep',
  })
  const alive = await appliance.say('a=$(cat /tmp/ticks); sleep 1; b=$(cat /tmp/ticks); [ $b -gt $a ] && echo ticking')
  const ended = await machine.endSurvivors(signal)
  const dead = await appliance.say('a=$(cat /tmp/ticks); sleep 0.5; b=$(cat /tmp/ticks); [ $b = $a ] && echo still')

  assert.ok(result.survivors.some(({ command }) => command.includes('tick')))
  assert.deepEqual([alive, dead], ['ticking', 'still'])
  assert.ok(ended.some(({ pid }) => pid === result.survivors[0]!.pid))
  assert.deepEqual(await machine.endSurvivors(signal), [])
})

test('a command that closes its output early is waited for', { skip }, async () => {
  const result = await appliance.shell('echo first; exec >&- 2>&-; sleep 0.5; exit 5')

  assert.deepEqual([result.stdout.toString(), result.exitCode], ['first\n', 5])
})

test('a command that does not read its stdin does not hold up anything', { skip }, async () => {
  const { machine, signal } = appliance

  const unread = await machine.run(['sh', '-c', 'exec <&-; sleep 0.2'], { signal, stdin: Buffer.alloc(8 * MIB) })
  const ignored = await machine.run(['true'], { signal, stdin: Buffer.alloc(8 * MIB) })

  assert.deepEqual([unread.exitCode, ignored.exitCode], [0, 0])
})

test('files are written with their folders and mode, replaced whole, read and listed', { skip }, async () => {
  const { machine, signal } = appliance
  await machine.write('/tmp/a/b/file', 'old, and longer', { signal })
  await appliance.shell('ln -s /etc/passwd /tmp/a/link')

  await machine.write('/tmp/a/b/file', 'new', { signal, mode: 0o750 })
  await machine.write('/tmp/a/link', 'not passwd', { signal })

  assert.equal((await machine.read('/tmp/a/b/file', { signal }))?.toString(), 'new')
  assert.equal(
    await appliance.say('stat -c "%a %u %h" /tmp/a/b/file; stat -c %F /tmp/a/link; ls -A /tmp/a/b'),
    '750 0 1\nregular file\nfile',
  )
  assert.match((await machine.read('/etc/passwd', { signal }))!.toString(), /^root:/)
  assert.deepEqual(await machine.list('/tmp/a', signal), ['b', 'link'])
})

test('what is not there is undefined, what cannot be read is an error', { skip }, async () => {
  const { machine, signal } = appliance
  await appliance.shell('mkfifo /tmp/fifo; head -c 2000 /dev/zero >/tmp/file')

  assert.equal(await machine.read('/tmp/none', { signal }), undefined)
  assert.equal(await machine.list('/tmp/none', signal), undefined)
  await assert.rejects(machine.read('/tmp/fifo', { signal }), { code: 'machine.file', message: /no regular file/ })
  await assert.rejects(machine.read('/tmp/file', { signal, maxBytes: 1999 }), { code: 'machine.file-too-big' })
  await assert.rejects(machine.write('/proc/none', 'x', { signal }), { code: 'machine.file' })
})

test('a command finds what a Debian system has', { skip }, async () => {
  const programs =
    'bash dash perl python3 awk sed grep find xargs tar zstd xz gzip lz4 cpio cryptsetup dmsetup lvm vgs mdadm mkfs.ext4 e2fsck mkfs.xfs xfs_repair ' +
    'mkfs.btrfs btrfs mkntfs ntfs-3g ntfsfix mkfs.vfat fsck.fat lsblk blkid findmnt sfdisk parted mount losetup chroot unshare ip fuser ps modprobe getfattr setfacl'

  const missing = await appliance.say(`for p in ${programs}; do command -v $p >/dev/null || echo $p; done`)
  const system = await appliance.say('readlink /bin/sh; stat -f -c %T /tmp /run /sys/fs/cgroup; hostname; id -un; umask')

  assert.equal(missing, '')
  assert.equal(system, 'dash\ntmpfs\ntmpfs\ncgroup2fs\nappliance\nroot\n0022')
})
