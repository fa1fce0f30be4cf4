import type { Manager } from './manager.ts'
import { parseTabbed } from './manager.ts'

/** Where the pins that keep kernels out lie: in the memory file system over /run, not in the guest. */
export const APT_PINS = '/run/instar/apt-preferences'

const OPTIONS = [
  '-q',
  '-o=Dpkg::Options::=--force-confdef',
  '-o=Dpkg::Options::=--force-confold',
  '-o=DPkg::Use-Pty=0',
  // The user _apt may be unable to reach the resolver or the archive folder in a chroot.
  '-o=APT::Sandbox::User=root',
  '-o=APT::Keep-Downloaded-Packages=false',
  '-o=Acquire::Languages=none',
  '-o=Acquire::Retries=2',
  '-o=Acquire::http::Timeout=20',
  '-o=Acquire::https::Timeout=20',
]

export const apt: Manager = {
  env: {
    DEBIAN_FRONTEND: 'noninteractive',
    DEBIAN_PRIORITY: 'critical',
    DEBCONF_NONINTERACTIVE_SEEN: 'true',
    NEEDRESTART_SUSPEND: '1',
    NEEDRESTART_MODE: 'l',
    APT_LISTCHANGES_FRONTEND: 'none',
    APT_LISTBUGS_FRONTEND: 'none',
    UCF_FORCE_CONFFOLD: '1',
  },
  list: ['dpkg-query', '-W', '-f', '${db:Status-Status}\\t${Package}\\t${Version}\\n'],
  parseList: text => parseTabbed(text.replace(/^(?!installed\t).*$/gm, '').replace(/^installed\t/gm, '')),
  repair: ['dpkg', '--configure', '-a', '--force-confdef', '--force-confold'],
  refresh: ['apt-get', ...OPTIONS, 'update'],
  install: (names, { keepKernels }) => [
    'apt-get',
    ...OPTIONS,
    '-y',
    '--no-install-recommends',
    '--no-remove',
    ...(keepKernels ? [`-o=Dir::Etc::preferences=${APT_PINS}`] : []),
    'install',
    ...names,
  ],
  remove: names => ['apt-get', ...OPTIONS, '-y', 'remove', ...names],
  okExitCodes: [],
  unknownName: /Unable to locate package|has no installation candidate/,
  deadRepository:
    /Failed to fetch|Err:\d|failure resolving|Could not (?:resolve|connect)|have a Release file|is not signed|couldn't be verified|Release file .* (?:expired|not valid)/,
}

/** The guest's own preferences with pins that hold kernels back. */
export function aptPins(own: string): string {
  const pin = 'Package: linux-image-* linux-headers-* linux-modules-* linux-generic* linux-virtual*\nPin: release *\nPin-Priority: -1\n'
  return own === '' ? pin : `${own.trimEnd()}\n\n${pin}`
}
