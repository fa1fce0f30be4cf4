import * as z from 'zod/mini'
import { settings } from '../settings.ts'

const Fault = z.strictObject({
  task: z.string().register(settings, { title: 'Task', description: 'A task type, as REPLICATE_DISKS, or a question, as instances.' }),
  instance: z.optional(z.string()).register(settings, { title: 'Machine', description: 'Only for this machine.' }),
  kind: z.enum(['fail', 'transient', 'hang', 'deaf', 'kill']).register(settings, {
    title: 'Kind',
    description:
      'fail: an error that stays; transient: one that is tried again; hang: waits for a cancel; deaf: does not hear it; kill: ends the worker process with SIGKILL.',
  }),
  when: z._default(z.enum(['before', 'after']), 'before').register(settings, {
    title: 'When',
    description: 'Before anything was done, or after everything was done and before it was told.',
  }),
  times: z._default(z.int().check(z.minimum(0)), 0).register(settings, {
    title: 'Times',
    description: 'How often in the life of the folder; 0 = always.',
  }),
})
export type Fault = z.infer<typeof Fault>

const trouble = {
  latency_ms: z._default(z.int().check(z.minimum(0)), 0).register(settings, { title: 'Latency of every task in ms' }),
  latencies_ms: z._default(z.record(z.string(), z.int().check(z.minimum(0))), {}).register(settings, {
    title: 'Latency by task',
    description: 'In the place of the latency of every task.',
  }),
  faults: z._default(z.array(Fault), []).register(settings, { title: 'Faults' }),
}
export interface Trouble {
  readonly latency_ms: number
  readonly latencies_ms: Readonly<Record<string, number>>
  readonly faults: readonly Fault[]
}

export const SimulatorConnection = z.strictObject({
  folder: z.string().check(z.startsWith('/')).register(settings, {
    title: 'Folder',
    description: 'Where the simulated platform keeps its state. Workers on several hosts need one that they share.',
  }),
  machines: z._default(z.int().check(z.minimum(0), z.maximum(100_000)), 10).register(settings, { title: 'Number of machines' }),
  prefix: z._default(z.string(), 'vm-').register(settings, { title: 'What their names begin with' }),
  disks_per_machine: z._default(z.int().check(z.minimum(1), z.maximum(16)), 1).register(settings, { title: 'Disks of a machine' }),
  shared_disks: z._default(z.int().check(z.minimum(0), z.maximum(4)), 0).register(settings, { title: 'Disks that all machines share' }),
  disk_mib: z._default(z.int().check(z.minimum(1)), 1024).register(settings, { title: 'Size of a disk in MiB' }),
  password: z.optional(z.string()).register(settings, { title: 'Password', description: 'Not needed for anything; "wrong" is refused.' }),
  ...trouble,
})
export type SimulatorConnection = z.infer<typeof SimulatorConnection>

export const SimulatorSource = z.strictObject({
  content: z._default(z.enum(['none', 'sparse-files']), 'none').register(settings, {
    title: 'What disks hold',
    description: 'Nothing, for a destination that copies nothing either; or sparse files with a little data, for a real one.',
  }),
  ...trouble,
})
export type SimulatorSource = z.infer<typeof SimulatorSource>

export const SimulatorDestination = z.strictObject({
  flavor: z.optional(z.string()).register(settings, { title: 'Flavor' }),
  copy_mib_per_s: z
    ._default(z.number().check(z.minimum(0)), 0)
    .register(settings, { title: 'Speed of a copy in MiB/s', description: '0 = at once.' }),
  ...trouble,
})
export type SimulatorDestination = z.infer<typeof SimulatorDestination>

export const SimulatorPool = z.strictObject({
  flavor: z._default(z.string(), 'small').register(settings, { title: 'Flavor' }),
  ...trouble,
})
export type SimulatorPool = z.infer<typeof SimulatorPool>
