import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LiveHost, table } from './live-host.fixture.ts'

const say = (text: string) => `#!/bin/sh\necho ${text}\n`

describe('dib-run-parts', () => {
  it('runs what fits in the order of numbers, and tells of each', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'd/10-b': say('b'), 'd/9-a': say('a; echo oops >&2'), 'd/20-c.sh': say('no') })

    const ended = await host.run('dib-run-parts d')

    const lines = ['Running d/9-a', 'oops', '9-a completed', 'Running d/10-b', '10-b completed']
    assert.deepEqual(ended, {
      code: 0,
      signal: null,
      stdout: 'a\nb\n',
      stderr: lines.map(line => (line === 'oops' ? 'oops\n' : `DRP ${line}\n`)).join('') + table('d', '9-a', '10-b'),
    })
  })

  it('ends with the code of the script that fails, and starts no other', async () => {
    for (const [text, code] of [
      ['exit 7', 7],
      ['kill -KILL $$', 137],
      ['exec /bin/false', 1],
    ] as const) {
      using host = new LiveHost(process.env)
      host.plant({ 'd/10-a': `#!/bin/sh\n${text}\n`, 'd/20-b': say('b') })

      const ended = await host.run('dib-run-parts d')

      assert.deepEqual([ended.code, ended.stdout], [code, ''], text)
      assert.match(ended.stderr, code === 137 ? /^DRP Running d\/10-a\n(Killed\n)?$/ : /^DRP Running d\/10-a\n$/, text)
    }
  })

  it('tells what cannot be started: 127 and 126, and runs a file without an interpreter line by bash', async () => {
    for (const [text, code, stderr] of [
      ['#!/no/such/program\n', 127, /no\/such\/program|required file not found/],
      ['#!/bin/sh\r\n', 127, /\r|required file not found/],
      ['\x7fELFgarbage\n', 126, /Exec format error/],
      ['[[ a == a ]] && [ $# = 0 ] && exit 5', 5, /^DRP Running d\/10-a\n$/],
      ['', 0, /10-a completed/],
    ] as const) {
      using host = new LiveHost(process.env)
      host.plant({ 'd/10-a': text })

      const ended = await host.run('dib-run-parts d')

      assert.equal(ended.code, code, JSON.stringify(text))
      assert.match(ended.stderr, stderr)
    }
  })

  it('runs the scripts whatever words an environment file makes functions of, or has made readonly', async () => {
    for (const text of ['echo() { builtin echo "x$*"; }', 'readonly SHLVL', 'exec() { builtin exec "$@"; }']) {
      using host = new LiveHost(process.env)
      host.plant({ 'environment.d/10': `${text}\n`, 'd/10-a': say('a') })

      const ended = await host.run('dib-run-parts d')

      assert.deepEqual([ended.code, ended.stdout], [0, 'a\n'], `${text}: ${ended.stderr}`)
    }
  })

  it('knows no environment.d in a link that leads to itself', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'environment.d': 'link:environment.d', 'd/10-a': say('a') })

    const ended = await host.run('dib-run-parts d')

    assert.deepEqual([ended.code, ended.stdout], [0, 'a\n'], ended.stderr)
  })

  it('lists, gives help, and refuses what is no directory', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'd/10-a': say('a'), l: 'link:d', 'a b/10-a': say('blank'), '-z/10-a': say('dash') })

    assert.equal(
      (await host.run('for d in d d/ l l/ l// "a b" -z; do dib-run-parts --list "$d"; done; dib-run-parts d --list')).stdout,
      'd/10-a\nd//10-a\nl/10-a\nl//10-a\nl///10-a\na b/10-a\n-z/10-a\nd/10-a\n',
    )
    assert.equal((await host.run('dib-run-parts l; dib-run-parts "a b"; dib-run-parts -z')).stdout, 'a\nblank\ndash\n')
    const help = await host.run('dib-run-parts --help')
    assert.deepEqual([help.code, help.stderr], [0, ''])
    assert.match(help.stdout, /^Usage: dib-run-parts \[OPTION\] scripts_directory\n/)
    const refused = await host.run('dib-run-parts nope')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /^DRP Scripts directory \[nope\] must exist and be a directory\nUsage: dib-run-parts /)
    assert.match((await host.run('dib-run-parts')).stderr, /^Usage: /)
  })

  it('hands the environment on byte by byte', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'd/10-a': '#!/bin/bash\nprintf "%s" "$RAW" | od -An -tx1; printf "%s\\n" "$TEXT" "$SHLVL"; env | grep "^odd-"\n' })

    // One level for the driver, one for the script's own bash.
    const ended = await host.run(`env odd-name=x RAW="$(printf "a'\\377\\303b")" TEXT='é
it"s' SHLVL=5 dib-run-parts d`)

    assert.equal(ended.stdout, ' 61 27 ff c3 62\né\nit"s\n7\nodd-name=x\n')
  })

  it('skips a script that an earlier one removed, with a notice', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'd/10-a': '#!/bin/sh\nrm d/20-b\n', 'd/20-b': say('b'), 'd/30-c': say('c') })

    const ended = await host.run('dib-run-parts d')

    assert.deepEqual([ended.code, ended.stdout], [0, 'c\n'])
    assert.match(ended.stderr, /^DRP Skipping d\/20-b: it was removed meanwhile$/m)
    assert.ok(ended.stderr.endsWith(table('d', '10-a', '30-c')))
  })

  it('hands the environment files on and nothing else of them', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'environment.d/02-first': 'export A=1\nB=plain\nset +e\ncd /\nfalse\numask 027\nf() { echo f; }\nexport -f f\nexport targets=t\n',
      'environment.d/10': 'export C="$A$B"\nunset GONE\n',
      'environment.d/.10.swp': 'exit 9\n',
      'environment.d/10~': 'exit 9\n',
      'd/10-a': '#!/bin/bash\necho "$A ${B-none} $C ${GONE-none} $(umask) $targets"; [ "$PWD" = "$W" ] && f; exit 4\n',
      'd/20-b': say('b'),
    })

    const ended = await host.run('GONE=x dib-run-parts d')

    assert.deepEqual([ended.code, ended.stdout], [4, '1 none 1plain none 0027 t\nf\n'])
    assert.match(
      ended.stderr,
      /^DRP Sourcing environment file d\/..\/environment.d\/02-first\n\+ source d\/..\/environment.d\/02-first\n\+\+ export A=1\n\+\+ A=1\n/,
    )
    assert.match(ended.stderr, /\n\+ set \+o xtrace\nDRP Sourcing environment file d\/..\/environment.d\/10\n/)
  })

  it('runs nothing after an environment file that ends the shell, also by exit 0', async () => {
    for (const [text, code] of [
      ['exit 0', 1],
      ['exit 3', 3],
      ['return 4', 4],
      ['echo $NOT_SET', 1],
      ['if', 2],
      ['set -o noexec\necho no', 2],
    ] as const) {
      using host = new LiveHost(process.env)
      host.plant({ 'environment.d/10': `${text}\n`, 'd/10-a': say('a') })

      const ended = await host.run('dib-run-parts d')

      assert.deepEqual([ended.code, ended.stdout], [code, ''], text)
      assert.doesNotMatch(ended.stderr, /Running|PROFILING/)
      if (text === 'exit 0') assert.match(ended.stderr, /DRP Environment file d\/..\/environment.d\/10 ended the shell with exit 0/)
    }
  })

  it('does what an environment file wants at the end, and hands on the stdin that it has chosen', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'environment.d/10': 'exec <in\n',
      'environment.d/20': 'read -r LINE; export LINE; exec() { exit 9; }; trap "echo bye; echo late >&2" EXIT\n',
      in: 'first\nsecond\nthird\n',
      'd/10-a': '#!/bin/sh\nread -r x; echo "$LINE $x"\n',
      'd/20-b': '#!/bin/sh\ncat\n',
    })

    const ended = await host.run('dib-run-parts d')

    assert.deepEqual([ended.code, ended.stdout], [0, 'first second\nthird\nbye\n'], ended.stderr)
    assert.match(ended.stderr, /^late$/m)
  })

  it('runs text by bash also where PATH does not lead to it', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'd/10-a': 'echo "${BASH_VERSION:+bash}"\n',
      'environment.d/1': 'export PATH=/nowhere\n',
      'e/d/10-a': 'echo "${BASH_VERSION:+bash}"\n',
    })

    const ended = await host.run('node=$(command -v node); dib-run-parts d; PATH=/nowhere "$node" bin/dib-run-parts e/d')

    assert.deepEqual([ended.code, ended.stdout], [0, 'bash\nbash\n'], ended.stderr)
  })

  it('needs no stderr, and leaves closed streams closed', async () => {
    using host = new LiveHost(process.env)
    host.plant({
      'd/10-a': '#!/bin/sh\necho ran >>ran\n',
      'c/10-a': '#!/bin/sh\necho x || exit 21\n',
      'i/10-a': '#!/bin/sh\nread x; echo "rc=$?"\n',
    })

    const ended = await host.run(
      'dib-run-parts d 2>/dev/full; echo $?; dib-run-parts d 2>&-; echo $?; dib-run-parts d 2>&1 >/dev/null | true; cat ran',
    )
    assert.equal(ended.stdout, '0\n0\nran\nran\nran\n')
    assert.equal((await host.run('dib-run-parts c >&- 2>/dev/null')).code, 21)
    assert.match((await host.run('dib-run-parts i <&-')).stdout, /^rc=[12]$/m)
  })

  it("passes TERM and HUP on to the script and ends by them; INT and QUIT are the script's affair", async () => {
    for (const [signal, code, first] of [
      ['TERM', 143, 'gone'],
      ['HUP', 129, 'gone'],
      ['USR1', 138, 'gone'],
      ['INT', 0, 'ended'],
      ['QUIT', 0, 'ended'],
    ] as const) {
      using host = new LiveHost(process.env)
      host.plant({ 'd/10-a': '#!/bin/sh\necho $$ >pid; sleep 0.6; echo ended >first\n', 'd/20-b': '#!/bin/sh\n: >second\n' })

      // `exec` in a subshell: $! is the program, which has the default dispositions again.
      const ended = await host.run(`env --default-signal=INT,QUIT dib-run-parts d 2>/dev/null & p=$!
        await pid; kill -${signal} $p; wait $p; echo $?; [ -e first ] && cat first || echo gone; ls second 2>/dev/null`)

      assert.equal(ended.stdout, `${code}\n${first}\n${code === 0 ? 'second\n' : ''}`, signal)
    }
  })

  it('says so where the limit of open files leaves bash no room for its own', async () => {
    for (const limit of [100, 252]) {
      using host = new LiveHost(process.env)
      host.plant({ 'd/10-a': say('a'), 'environment.d/1': 'A=1\n' })

      const ended = await host.run(`ulimit -n ${limit}; dib-run-parts d`)

      assert.deepEqual([ended.code, ended.stdout], [1, ''])
      assert.match(ended.stderr, /Cannot start bash, which starts the scripts: the limit of open files \(ulimit -n\) is below 253\n$/)
    }
  })

  it('starts nothing more once it was killed', async () => {
    using host = new LiveHost(process.env)
    host.plant({ 'd/10-a': '#!/bin/sh\necho $$ >pid; sleep 0.3; : >first\n', 'd/20-b': '#!/bin/sh\n: >second\n' })

    const ended = await host.run(`dib-run-parts d 2>/dev/null & p=$!
      await pid; kill -KILL $p; while [ ! -e first ]; do sleep 0.02; done; sleep 0.3; ls first second 2>/dev/null`)

    assert.equal(ended.stdout, 'first\n')
  })
})
