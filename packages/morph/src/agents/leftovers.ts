import { editTable, fieldValue } from '../references/edit-table.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { Platform } from './agent-table.ts'

interface LineRule {
  readonly globs: readonly string[]
  readonly line: RegExp
  readonly platforms: readonly Platform[]
  readonly why: string
}

/** Lines that fail without their platform; each becomes a comment. */
const LINES: readonly LineRule[] = [
  moduleLines(['vmware'], 'vmhgfs|vmblock|vmci|vmw_\\w+|vmxnet3?|pvscsi'),
  moduleLines(['hyperv', 'azure'], 'hv_\\w+|hyperv_\\w+|hid_hyperv'),
  moduleLines(['xen'], 'xen[-_]\\w+|xenfs|evtchn'),
  moduleLines(['virtualbox'], 'vboxguest|vboxsf|vboxvideo'),
  moduleLines(['parallels'], 'prl_\\w+'),
  {
    globs: ['/etc/chrony.conf', '/etc/chrony/chrony.conf', '/etc/chrony.d/*.conf', '/etc/chrony/conf.d/*.conf'],
    line: /^\s*refclock\s+PHC\s+\/dev\/ptp_hyperv\b/,
    platforms: ['hyperv', 'azure'],
    why: 'chronyd does not start without that clock of Hyper-V',
  },
]

function moduleLines(platforms: readonly Platform[], names: string): LineRule {
  return {
    globs: ['/etc/modules', '/etc/modules-load.d/*.conf'],
    line: new RegExp(`^\\s*(?:${names})(?:\\s|$)`),
    platforms,
    why: 'a module of the old platform that cannot be loaded here',
  }
}

/** Shared folders of the host: without `nofail` their mount would stop the boot. */
const SHARES: ReadonlyMap<string, Platform> = new Map([
  ['vmhgfs', 'vmware'],
  ['fuse.vmhgfs-fuse', 'vmware'],
  ['vboxsf', 'virtualbox'],
  ['prl_fs', 'parallels'],
])

interface ReportRule {
  readonly paths: readonly string[]
  readonly pattern: RegExp
  readonly platform: Platform
  readonly means: string
}

const CHRONY = ['/etc/chrony.conf', '/etc/chrony/chrony.conf']
const NO_CLOCK = 'a time source of the old cloud is not reachable here; check that another one is set'
const NO_EC2_KEYS = 'ssh logins wait for the EC2 metadata service (remove ec2-instance-connect)'

/** Things that hang or mislead without their platform, but that only their owner can change rightly. */
const REPORTS: readonly ReportRule[] = [
  {
    paths: ['/etc/nsswitch.conf', '/etc/pam.d/sshd'],
    pattern: /^(?!#).*\b(?:pam_)?oslogin\b/m,
    platform: 'gcp',
    means: 'OS Login asks Google about users: logins may hang here (google_oslogin_control deactivate)',
  },
  {
    paths: ['/etc/ssh/sshd_config', '/usr/lib/systemd/system/ssh.service.d/ec2-instance-connect.conf'],
    pattern: /^(?!#).*\beic_run_authorized_keys/m,
    platform: 'aws',
    means: NO_EC2_KEYS,
  },
  { paths: CHRONY, pattern: /^(?!#).*\b169\.254\.169\.123\b/m, platform: 'aws', means: NO_CLOCK },
  { paths: CHRONY, pattern: /^(?!#).*\bmetadata\.google\.internal\b/m, platform: 'gcp', means: NO_CLOCK },
]

/** Comments out what platforms other than `target` left in the configuration and would fail at boot, and reports the rest. */
export function dropLeftovers(tree: GuestTree, target: Platform, outcome: OutcomeDraft): void {
  for (const rule of LINES.filter(rule => !rule.platforms.includes(target))) {
    for (const path of rule.globs.flatMap(glob => tree.glob(glob))) commentLines(tree, path, rule, outcome)
  }
  commentShares(tree, target, outcome)
  for (const { paths, pattern, means } of REPORTS.filter(({ platform }) => platform !== target)) {
    for (const path of paths.filter(path => pattern.test(tree.read(path) ?? ''))) {
      outcome.warnings.push({ path, message: means, weight: 'degraded' })
    }
  }
}

function commentLines(tree: GuestTree, path: string, rule: LineRule, outcome: OutcomeDraft): void {
  const edited = (tree.read(path) ?? '').split('\n').map(line => {
    if (!rule.line.test(line)) return line
    outcome.changes.push(`${path}: "${line.trim()}" is a comment; ${rule.why}`)
    return `# instar: ${rule.why}\n# ${line}`
  })
  if (tree.lstat(path)?.kind === 'file') tree.write(path, edited.join('\n'))
}

function commentShares(tree: GuestTree, target: Platform, outcome: OutcomeDraft): void {
  const text = tree.read('/etc/fstab')
  if (text === undefined) return
  const edited = editTable(text, ({ fields: [, mountPoint = '', type = ''] }) => {
    const platform = SHARES.get(fieldValue(type))
    if (platform === undefined || platform === target) return undefined
    outcome.changes.push(`/etc/fstab: the shared folder on ${mountPoint} is a comment; it exists only on ${platform}`)
    return { kind: 'comment', note: `a shared folder of the old platform (${platform})` }
  })
  tree.write('/etc/fstab', edited)
}
