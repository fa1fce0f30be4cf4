import type { FuzzTarget } from '../target.ts'
import { bootTargets } from './boot.ts'
import { channelTargets } from './channel.ts'
import { commandLineTargets } from './command-line.ts'
import { fileTargets } from './files.ts'
import { guestTargets } from './guest.ts'
import { imageTargets } from './images.ts'
import { storageTargets } from './storage.ts'

/** A morph's whole work on a guest's files stands for many parsers and takes several places, so that it gets that many more cases. */
const GUEST_PLACES = 12

/** Every parser of ours that reads what others wrote, or the one of that name. Cases go round this list. */
export function chooseTargets(name?: string): readonly FuzzTarget[] {
  const targets = allTargets()
  const chosen = name === undefined ? targets : targets.filter(target => target.name === name)
  if (chosen.length > 0) return chosen
  throw new Error(`there is no target "${name}"; there are ${[...new Set(targets.map(target => target.name))].join(', ')}`)
}

function allTargets(): FuzzTarget[] {
  return [
    ...imageTargets,
    ...channelTargets,
    ...storageTargets,
    ...bootTargets(),
    ...fileTargets,
    ...commandLineTargets,
    ...Array.from({ length: GUEST_PLACES }, () => guestTargets).flat(),
  ]
}
