import type { BootFacts } from '../boot/inspect-boot.ts'
import { checkGuest } from '../check/check-guest.ts'
import type { FilesystemFact, ReferenceFact } from '../check/check-input.ts'
import type { Verdict } from '../check/verdict.ts'
import type { MountedGuest } from '../mount/mount-guest.ts'
import type { OpenGuest } from '../morph.ts'
import type { StepWarning } from '../references/outcome.ts'
import type { FitWorld } from './fit-world.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { bootTarget } from './target.ts'

/** Will the guest boot on its target, as it is now? Reads only. */
export async function judgeBoot(
  session: FitWorld,
  open: OpenGuest,
  at: { tree: GuestTree; boot: BootFacts; warnings: readonly StepWarning[] },
): Promise<Verdict> {
  const { guest, facts } = open
  const { content, partition } = guest.root.device
  return checkGuest({
    tree: at.tree,
    target: bootTarget(session.request.target, facts),
    guest: facts,
    root: {
      ...(content?.uuid === undefined ? {} : { uuid: content.uuid }),
      ...(content?.label === undefined ? {} : { label: content.label }),
      ...(partition?.uuid === undefined ? {} : { partuuid: partition.uuid }),
    },
    boot: at.boot,
    filesystems: await readSpace(session, guest),
    references: [...mountReferences(guest), ...at.warnings.map(warning => ({ ...warning, isFixedByMorph: false }))],
  })
}

/** Free space and inodes of every mounted file system, in one command. */
async function readSpace({ machine, signal }: Pick<FitWorld, 'machine' | 'signal'>, guest: MountedGuest): Promise<FilesystemFact[]> {
  const paths = guest.mounts.map(({ path }) => path)
  const result = await machine.run(['stat', '-f', '-c', '%a %S %b %d %c', '--', ...paths], { signal, captureBytes: 65_536 })
  return result.stdout
    .toString()
    .split('\n')
    .flatMap((line, index) => {
      const [free, block, blocks, freeInodes, inodes] = line.split(' ').map(Number)
      const mount = guest.mounts[index]
      if (mount === undefined || free === undefined || block === undefined || blocks === undefined) return []
      const state = guest.states.find(({ device }) => device === mount.kernelPath)?.state
      return [
        {
          at: mount.mountPoint,
          type: mount.fsType,
          freeBytes: free * block,
          sizeBytes: blocks * block,
          ...(inodes === undefined || inodes === 0 || freeInodes === undefined ? {} : { freeInodes }),
          ...(state === undefined ? {} : { state }),
        },
      ]
    })
}

function mountReferences(guest: MountedGuest): ReferenceFact[] {
  return guest.fstab
    .filter(({ severity }) => severity === 'degraded')
    .map(({ line, reason }) => ({
      path: '/etc/fstab',
      message: `line ${line.number} (${line.text.trim()}): ${reason}`,
      weight: 'degraded' as const,
      isFixedByMorph: false,
    }))
}
