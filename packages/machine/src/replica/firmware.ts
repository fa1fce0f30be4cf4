import { access, copyFile, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'

export interface Firmware {
  readonly code: string
  /** Our own copy: the guest writes its boot entries there. */
  readonly variables: string
}

/** Debian's package ovmf: the 4 MiB build, which newer guests expect, then the old one. */
const BUILDS = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/OVMF/OVMF_CODE.fd', variables: '/usr/share/OVMF/OVMF_VARS.fd' },
]

/** The UEFI firmware of this host; `replica.no-firmware` where there is none. */
export async function findFirmware(): Promise<{ readonly code: string; readonly variables: string }> {
  for (const build of BUILDS) if ((await isThere(build.code)) && (await isThere(build.variables))) return build
  throw new InstarError('replica.no-firmware', `no UEFI firmware is installed: looked for ${BUILDS.map(build => build.code).join(', ')}`)
}

/** UEFI firmware with its variables in `folder`, as they are there from an earlier boot, or fresh. */
export async function openFirmware(folder: string): Promise<Firmware> {
  const build = await findFirmware()
  const variables = join(folder, 'uefi-variables.fd')
  if (!(await isThere(variables))) await copyFile(build.variables, variables, constants.COPYFILE_EXCL)
  return { code: build.code, variables }
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  )
}
