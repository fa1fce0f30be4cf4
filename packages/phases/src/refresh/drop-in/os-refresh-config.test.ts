import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LiveHost, table } from '../../run-parts/live-host.fixture.ts'

const say = (text: string) => `#!/bin/sh\necho ${text}\n`
const log = (level: string, text: string) => `[TS] (os-refresh-config) [${level}] ${text}\n`

describe('os-refresh-config', () => {
  it('runs the phases in their order and says so', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'b/migration.d/1-m': say('m'),
      'b/post-configure.d/1-post': say('post'),
      'b/configure.d/1-c': say('c'),
      'b/pre-configure.d/': '',
    })

    const ended = await host.run('os-refresh-config --lockfile lock --log-level DEBUG')

    assert.deepEqual([ended.code, ended.stdout], [0, 'c\npost\nm\n'])
    assert.ok(
      ended.stderr.startsWith(
        log('DEBUG', 'Checking W/b/pre-configure.d') +
          log('INFO', 'Starting phase pre-configure') +
          log('DEBUG', "Running ['dib-run-parts', 'W/b/pre-configure.d']") +
          table('pre-configure.d') +
          log('INFO', 'Completed phase pre-configure') +
          log('DEBUG', 'Checking W/b/configure.d'),
      ),
      ended.stderr,
    )
  })

  it('calls the error handlers, tells them what failed, and ends with 1', async () => {
    for (const [text, told] of [
      ['exit 5', 'configure 20-b 5 '],
      ['kill -KILL $$', 'configure 20-b  SIGKILL'],
    ] as const) {
      using host = new LiveHost(process.env)
      const tell = '"$OS_REFRESH_FAILED_PHASE $OS_REFRESH_FAILED_SCRIPT $OS_REFRESH_FAILED_EXIT_CODE $OS_REFRESH_FAILED_SIGNAL"'
      host.plant({
        'b/configure.d/10-a': say('a'),
        'b/configure.d/20-b': `#!/bin/sh\n${text}\n`,
        'b/migration.d/1-m': say('m'),
        'b/error.d/1-e': say(tell),
      })

      const ended = await host.run('os-refresh-config --lockfile lock')

      assert.deepEqual([ended.code, ended.stdout], [1, `a\n${told}\n`])
      const status = text === 'exit 5' ? 5 : 137
      assert.ok(
        ended.stderr.includes(
          `${log('ERROR', `during configure phase. [Command '['dib-run-parts', 'W/b/configure.d']' returned non-zero exit status ${status}.]`)}\n` +
            log('INFO', 'Calling error handlers.'),
        ),
        ended.stderr,
      )
      assert.ok(ended.stderr.endsWith(log('ERROR', 'Aborting...')))
    }
  })

  it('knows of what a script died where nobody reads its own lines, or late', async () => {
    for (const stderr of ['/dev/full', '>(exec true)', '>(sleep 1.5; cat >/dev/null)']) {
      using host = new LiveHost(process.env)
      host.plant({
        // The pipe is full then, so that the next line has to wait beyond its second.
        'b/configure.d/10-a': '#!/bin/sh\n[ ! -p /dev/stderr ] || timeout 0.3 cat /dev/zero >&2\nexit 0\n',
        'b/configure.d/20-b': '#!/bin/sh\nkill -9 $$\n',
        'b/error.d/1-e': say('"$OS_REFRESH_FAILED_EXIT_CODE $OS_REFRESH_FAILED_SIGNAL"'),
      })

      const ended = await host.run(`os-refresh-config --lockfile lock 2> ${stderr}`)

      assert.deepEqual([ended.code, ended.stdout], [1, ' SIGKILL\n'], stderr)
    }
  })

  it('holds the lock, names itself in it, and leaves it empty', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'b/configure.d/1-a':
        '#!/bin/sh\ngrep -c "^Locked by pid==" lock; os-refresh-config --lockfile lock; echo $?; (sleep 30 >/dev/null 2>&1 & echo $! >pid)\n',
    })

    const ended = await host.run(
      'os-refresh-config --lockfile lock; flock -n lock wc -c <lock; kill $(cat pid); flock lock os-refresh-config --lockfile lock',
    )

    assert.deepEqual([ended.code, ended.stdout], [11, '1\n11\n0\n'])
    assert.ok(ended.stderr.endsWith(log('ERROR', 'Could not lock lock. [Errno 11] Resource temporarily unavailable')))
  })

  it('says at any level why it cannot open the lock file', async () => {
    using host = new LiveHost(process.env)

    const ended = await host.run('os-refresh-config --lockfile no/lock --log-level CRITICAL')

    assert.equal(ended.code, 1)
    assert.equal(ended.stderr, log('CRITICAL', 'Could not open the lock file no/lock. [Errno 2] No such file or directory'))
  })

  it('kills at the time limit what left the tree as well, and gives the handlers a limit of their own', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'b/configure.d/1-a': '#!/bin/sh\n(setsid sh -c "echo \\$\\$ >pid; exec sleep 60" >/dev/null 2>&1 &); sleep 60\n',
      'b/error.d/1-e': '#!/bin/sh\necho "$OS_REFRESH_FAILED_SCRIPT $OS_REFRESH_FAILED_SIGNAL"; sleep 60\n',
      'b/error.d/2-e': say('no'),
    })

    const ended = await host.run('time -p os-refresh-config --lockfile lock --timeout 1; state pid; wc -c <lock')

    assert.equal(ended.stdout, '1-a SIGKILL\ngone\n0\n')
    assert.ok(
      ended.stderr.includes(
        log('ERROR', 'Timeout reached: 1s. Sending SIGKILL to all children') +
          `${log('ERROR', "during configure phase. [Command '['dib-run-parts', 'W/b/configure.d']' died with <Signals.SIGKILL: 9>.]")}\n`,
      ),
      ended.stderr,
    )
    assert.equal(ended.stderr.match(/Timeout reached/g)?.length, 2)
    assert.ok(Number(/real ([\d.]+)/.exec(ended.stderr)?.[1]) < 20)
  })

  it('leaves daemons alone when the run ends well in time', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'b/configure.d/1-a': '#!/bin/sh\n(setsid sh -c "echo \\$\\$ >pid; exec sleep 60" >/dev/null 2>&1 &)\n' })

    const ended = await host.run('os-refresh-config --lockfile lock --timeout 30; await pid; state pid; kill $(cat pid)')

    assert.equal(ended.stdout, 'alive\n')
  })

  it('a time limit that passes while it waits for a reader of its log still ends the run', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'b/configure.d/1-a': '#!/bin/sh\nhead -c 100000 /dev/zero | tr "\\0" x >&2\n', 'b/migration.d/1-m': say('m') })

    const ended = await host.run('{ os-refresh-config --lockfile lock --timeout 1; echo "code $?"; } 2> >(sleep 2; cat >/dev/null)')

    assert.equal(ended.stdout, 'code 1\n')
  })

  it('uses a foreign dib-run-parts that stands first in PATH', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'b/configure.d/1-a': say('a'),
      'fake/dib-run-parts': '#!/bin/sh\necho "foreign $# ${1##*/}"; kill -TERM $$\n',
      'b/error.d/': '',
    })

    const ended = await host.run('PATH=$W/fake:$PATH os-refresh-config --lockfile lock')

    assert.deepEqual([ended.code, ended.stdout], [1, 'foreign 1 configure.d\nforeign 1 error.d\n'])
    assert.match(ended.stderr, /died with <Signals.SIGTERM: 15>\.\]$/m)
  })

  it('knows of what a foreign runner died, also where the signal has no name', async () => {
    for (const [signal, told] of [
      [13, '<Signals.SIGPIPE: 13>'],
      [34, '<Signals.SIGRTMIN: 34>'],
      [37, 'unknown signal 37'],
    ] as const) {
      using host = new LiveHost(process.env)
      host.plant({ 'b/configure.d/': '', 'b/migration.d/': '', 'fake/dib-run-parts': `#!/bin/sh\necho "\${1##*/}"; kill -${signal} $$\n` })

      const ended = await host.run('PATH=$W/fake:$PATH os-refresh-config --lockfile lock')

      assert.deepEqual([ended.code, ended.stdout], [1, 'configure.d\n'])
      assert.ok(ended.stderr.includes(`died with ${told}.]`), ended.stderr)
    }
  })

  it('passes a signal on to a foreign runner and its script, and waits for both', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'b/configure.d/': '',
      'fake/dib-run-parts': '#!/bin/bash\n(./script; ./second); ./second\n',
      script:
        '#!/bin/bash\ntrap "sleep 0.5; : >cleaned; exit" TERM; (exec sleep 5) & echo $! >daemon; echo $$ >pid; while :; do sleep 0.05; done\n',
      second: '#!/bin/sh\n: >ran\n',
    })

    const ended = await host.run(`PATH=$W/fake:$PATH os-refresh-config --lockfile lock >/dev/null 2>&1 & p=$!
      await pid; kill -TERM $p; wait $p; echo $?; state pid; state daemon; ls cleaned; ls ran 2>/dev/null; wc -c <lock; kill $(cat daemon)`)

    assert.equal(ended.stdout, '143\ngone\nalive\ncleaned\n0\n')
  })

  it('ends by the signal that it gets, without error handlers, with the script', async () => {
    for (const [signal, code] of [
      ['TERM', 143],
      ['HUP', 129],
      ['INT', 130],
      ['QUIT', 131],
    ] as const) {
      for (const target of ['$p', '-- -$p']) {
        using host = new LiveHost(process.env)
        host.plant({
          'b/configure.d/1-a': '#!/bin/sh\necho $$ >pid; sleep 30 >/dev/null 2>&1\n',
          'b/configure.d/2-b': '#!/bin/sh\n: >second\n',
          'b/error.d/1-e': say('handler'),
        })

        const ended = await host.run(`setsid env --default-signal=INT,QUIT os-refresh-config --lockfile lock 2>/dev/null & p=$!
          await pid; kill -${signal} ${target}; wait $p; echo $?; state pid; ls second 2>/dev/null; wc -c <lock`)

        assert.equal(ended.stdout, `${code}\ngone\n0\n`, `${signal} to ${target}`)
      }
    }
  })

  it('a script that does not end after a signal is killed', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'b/configure.d/1-a': '#!/bin/bash\ntrap "" TERM; echo $$ >pid; while :; do sleep 1 >/dev/null 2>&1; done\n' })

    const ended = await host.run(`os-refresh-config --lockfile lock 2>/dev/null & p=$!
      await pid; kill $p; wait $p; echo $?; state pid`)

    assert.equal(ended.stdout, '143\ngone\n')
  })

  it('prints its base, for which an empty variable counts as unset, and its phases', async () => {
    using host = new LiveHost(process.env)

    const ended = await host.run(
      'os-refresh-config --print-phases; os-refresh-config --print-b; OS_REFRESH_CONFIG_BASE_DIR= os-refresh-config --print-base',
    )

    assert.deepEqual(ended.stdout.split('\n'), [
      'pre-configure\tconfigure\tpost-configure\tmigration',
      `${host.folder}/b`,
      '/usr/libexec/os-refresh-config',
      '',
    ])
  })

  it('hands no descriptor but the standard ones down, and a closed stdout stays so', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'b/configure.d/1-a':
        '#!/bin/bash\nfor fd in 7 20 200 251; do { : >&$fd; } 2>/dev/null && echo open >>seen || echo shut >>seen; done\n',
      'b/configure.d/2-b': '#!/bin/sh\nflock -n f true || echo held >>seen\n',
      'b/migration.d/1-m': '#!/bin/sh\n: >ran\n',
    })

    const ended = await host.run(
      'exec 200>f; flock 200; (exec os-refresh-config --lockfile lock 7>e 20>e 251>e 2>/dev/null >&-); echo $?; cat seen; ls ran',
    )

    assert.equal(ended.stdout, '0\nshut\nshut\nshut\nshut\nheld\nran\n')
  })
})
