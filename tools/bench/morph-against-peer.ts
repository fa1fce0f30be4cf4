import { chmodSync, copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { measure, median, type Measured } from './measure.ts'
import type { Row } from './report.ts'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')
const PEER = '/usr/bin/virt-customize'
const SCRIPT = '#!/bin/sh\nset -eu\necho "a line" >>"${1:-}/root/bench"\n'

/** The same three scripts on copies of one image, by Instar and by virt-customize in turns. */
export async function benchMorph(place: { work: string; image: string; runs: number; stateDir: string }): Promise<Row[]> {
  const script = join(place.work, 'script.sh')
  writeFileSync(script, SCRIPT)
  chmodSync(script, 0o755)
  const copy = join(place.work, 'copy.qcow2')
  const ours: Measured[] = []
  const peers: Measured[] = []
  for (let run = 0; run < place.runs; run += 1) {
    copyFileSync(place.image, copy)
    ours.push(await measure(instarCommand(copy, script), { INSTAR_STATE_DIR: place.stateDir }))
    if (!existsSync(PEER)) continue
    copyFileSync(place.image, copy)
    peers.push(await measure(peerCommand(copy, script), { LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' }))
  }
  const name = 'morph: two scripts and one for the first boot'
  const own = seconds(ours, 'wallMs')
  const row: Row = {
    name: `${name}, wall`,
    value: `${own.toFixed(1)} s`,
    ...(peers.length === 0
      ? { peer: 'virt-customize is not installed' }
      : { peer: `virt-customize ${seconds(peers, 'wallMs').toFixed(1)} s`, ratio: (own / seconds(peers, 'wallMs')).toFixed(2) }),
  }
  const cpu: Row = {
    name: `${name}, CPU`,
    value: `${seconds(ours, 'cpuMs').toFixed(1)} s`,
    ...(peers.length === 0
      ? {}
      : { peer: `${seconds(peers, 'cpuMs').toFixed(1)} s`, ratio: (seconds(ours, 'cpuMs') / seconds(peers, 'cpuMs')).toFixed(2) }),
  }
  const peak: Row = {
    name: 'morph: greatest memory of one process (QEMU or ours)',
    value: `${Math.round(median(ours.map(({ peakMiB }) => peakMiB)))} MiB`,
  }
  return [row, cpu, peak]
}

function instarCommand(image: string, script: string): string[] {
  const flags = ['--script', script, '--script', `${script},name=second`, '--script', `${script},phase=replica_first_boot`]
  return [process.execPath, '--disable-warning=ExperimentalWarning', MAIN, 'morph', image, ...flags]
}

function peerCommand(image: string, script: string): string[] {
  return [PEER, '--no-network', '-a', image, '--run', script, '--run', script, '--firstboot', script]
}

function seconds(list: readonly Measured[], field: 'wallMs' | 'cpuMs'): number {
  return median(list.map(one => one[field])) / 1000
}
