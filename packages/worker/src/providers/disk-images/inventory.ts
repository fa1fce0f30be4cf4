import { errorChain, InstarError } from '@instar/contract'
import type { DescribedMachine } from './machine-file.ts'
import { describeMachine, listMachines, problemOf } from './machines.ts'
import { runningPid } from './power.ts'

const HEAD = ['name', 'os_type', 'num_cpu', 'memory_mb', 'disks', 'disk_bytes', 'running', 'described_in', 'problem']

/** A row for each machine, and for what should be one: its last field says why it cannot be used. */
export async function listInventory(folder: string, signal: AbortSignal): Promise<string[][]> {
  const { machines, bad } = await listMachines(folder)
  const rows = [HEAD]
  for (const machine of machines) rows.push(await rowOf(folder, machine, signal))
  for (const one of bad) rows.push([one.name, '', '', '', '', '', '', one.file, problemOf(one)])
  return rows
}

async function rowOf(folder: string, machine: DescribedMachine, signal: AbortSignal): Promise<string[]> {
  const { os_type, num_cpu, memory_mb } = machine.described
  const { bytes, problem } = await lookAtDisks(folder, machine, signal)
  const running = (await runningPid(machine.folder)) === undefined ? 'no' : 'yes'
  return [machine.name, os_type, num_cpu, memory_mb, machine.disks.length, bytes, running, machine.file, problem].map(String)
}

/** One machine whose image is missing or damaged hides no other. */
async function lookAtDisks(
  folder: string,
  machine: DescribedMachine,
  signal: AbortSignal,
): Promise<{ bytes: number | ''; problem: string }> {
  try {
    const { disks } = (await describeMachine(folder, machine, signal)).devices
    return { bytes: disks.reduce((sum, disk) => sum + disk.size_bytes, 0), problem: '' }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof InstarError)) throw error
    return { bytes: '', problem: errorChain(error).join(': ') }
  }
}
