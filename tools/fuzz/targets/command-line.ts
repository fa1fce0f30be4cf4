import { parsePhase, Run, ScriptRun } from '@instar/contract'
import { parseGlobalFlag, parseInstanceFlag, parseScriptFlag, parseSecretFlag, readFolderScript } from '@instar/contract/scripts'
import { parseFirstBootResults } from '@instar/phases'
import { decodeText } from '../../../packages/cli/src/scripts/decode-text.ts'
import { createLineSplitter, printable } from '@instar/phases/text'
import { type FuzzTarget, textTarget } from '../target.ts'

const RUN = {
  version: 1,
  id: '0123456789abcdef',
  run_id: 'run-1',
  phase: 'replica_first_boot',
  source: 'dir',
  name: '10-hello',
  order: 1,
  attempt: 1,
  started_at: '2026-01-01T00:00:00Z',
  ended_at: '2026-01-01T00:00:01Z',
  exit_code: 0,
  signal: null,
  timed_out: false,
  interrupted: false,
  stdout_bytes: 5,
  stderr_bytes: 0,
  payload_sha256: 'a'.repeat(64),
  left_running: [],
  output_base64: Buffer.from('hello').toString('base64'),
  notes: [],
}
const END = { version: 1, run_id: 'run-1', state: 'complete', reason: '', succeeded: 1, failed: 0, skipped: 0, boots: 1 }
const CONSOLE = `login: \u001b[0mINSTAR-FIRST-BOOT ${JSON.stringify(RUN).slice(0, 80)}[    5.123456] usb 1-1: new\n${JSON.stringify(RUN).slice(80)}\r\nINSTAR-FIRST-BOOT ${JSON.stringify(END)}\n${JSON.stringify(RUN)}\n`

export const commandLineTargets: readonly FuzzTarget[] = [
  {
    name: 'first-boot-results',
    samples: [Buffer.from(CONSOLE), Buffer.from(`${JSON.stringify(RUN)}\n`)],
    run: input => parseFirstBootResults(input),
  },
  textTarget('script-flag', ['a.sh,phase=osmorphing_pre_os_mount,timeout=5,retries=2,on-failure=continue,env.K=V\\,W'], text =>
    parseScriptFlag(text),
  ),
  textTarget('global-flag', ['linux=/a\\=b.sh,phase=osmorphing-post-os-mount'], text => parseGlobalFlag(text, { mayUnregister: true })),
  textTarget('instance-flag', ['web-1=/a.sh,phase=replica_first_boot'], text =>
    parseInstanceFlag(text, { mayUnregister: false, knownInstances: ['web-1'] }),
  ),
  textTarget('secret-flag', ['token=@/run/secret'], text => parseSecretFlag(text)),
  textTarget('phase', ['osmorphing_pre_os_mount', 'replica-first-boot'], text => parsePhase(text)),
  textTarget('folder-script', ['10-hello.linux', '5-x.sh~'], text => readFolderScript('osmorphing_pre_os_mount', text)),
  {
    name: 'script-text',
    samples: [Buffer.from('#!/bin/sh\r\necho \u00e4\n'), Buffer.from('\ufeffx')],
    run: input => decodeText(input, '/a.sh'),
  },
  textTarget('record', [JSON.stringify(RUN)], text => {
    const value = attempt(() => JSON.parse(text) as unknown)
    return [ScriptRun.safeParse(value), Run.safeParse(value)]
  }),
  textTarget('terminal', [CONSOLE], (text, { random }) => {
    const splitter = createLineSplitter()
    for (let at = 0; at < text.length;) {
      const piece = text.slice(at, at + 1 + random.below(65_536))
      splitter.take(piece).map(printable)
      at += piece.length
    }
    return splitter.end()
  }),
]

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
