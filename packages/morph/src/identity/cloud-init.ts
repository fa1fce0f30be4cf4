import { findProgram, known } from '../detect/known.ts'
import type { Yaml } from '../network/yaml.ts'
import { parseYaml, YamlProblem } from '../network/yaml.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

/** What cloud-init is and was in a guest. */
export interface CloudInitState {
  readonly isInstalled: boolean
  /** Why it does not run at boot; absent when it may. */
  readonly disabledBy?: string
  /** The instance whose set-up is done; absent when it never ran. */
  readonly instanceId?: string
  /** As cloud-init wrote it: "DataSourceEc2Local". */
  readonly datasource?: string
  /** Its data lies in the guest's own files, and comes along. */
  readonly isLocal: boolean
  /** Work that it does at every boot, in words; absent when there is none. */
  readonly everyBoot?: string
  readonly isNetworkDisabled: boolean
}

const DATA = '/var/lib/cloud'
const LOADER_TEXTS = [
  '/boot/grub/grub.cfg',
  '/boot/grub2/grub.cfg',
  '/boot/extlinux.conf',
  '/boot/extlinux/extlinux.conf',
  '/etc/kernel/cmdline',
]

export function readCloudInit(tree: GuestTree): CloudInitState {
  const instanceId = known(() => tree.read(`${DATA}/data/instance-id`))?.trim()
  const datasource = readDatasource(tree)
  const everyBoot = readEveryBoot(tree)
  const disabledBy = readDisabled(tree)
  return {
    isInstalled: findProgram(tree, 'cloud-init') !== undefined,
    ...(disabledBy === undefined ? {} : { disabledBy }),
    ...(instanceId === undefined || instanceId === '' ? {} : { instanceId }),
    ...(datasource === undefined ? {} : { datasource: datasource.slice(0, 120) }),
    isLocal: isLocal(datasource),
    ...(everyBoot === undefined ? {} : { everyBoot }),
    isNetworkDisabled: isNetworkDisabled(tree),
  }
}

/** By a file, a masked service, or the kernel's command line. */
function readDisabled(tree: GuestTree): string | undefined {
  if (known(() => tree.exists('/etc/cloud/cloud-init.disabled')) === true) return '/etc/cloud/cloud-init.disabled'
  for (const unit of ['cloud-init.service', 'cloud-init-local.service', 'cloud-init-main.service', 'cloud-init.target']) {
    if (known(() => tree.lstat(`/etc/systemd/system/${unit}`))?.target === '/dev/null') return `${unit} is masked`
  }
  const entries = known(() => tree.glob('/boot/loader/entries/*.conf')) ?? []
  const text = [...LOADER_TEXTS, ...entries].find(path => /(?:^|\s)cloud-init=disabled\b/.test(known(() => tree.read(path)) ?? ''))
  return text === undefined ? undefined : `cloud-init=disabled in ${text}`
}

/** "DataSourceNoCloud: DataSourceNoCloud [seed=/dev/sr0][dsmode=net]" */
function readDatasource(tree: GuestTree): string | undefined {
  const text = [`${DATA}/instance/datasource`, `${DATA}/data/previous-datasource`].map(path => known(() => tree.read(path))).find(Boolean)
  return text?.trim().split('\n')[0]
}

/** None is the installer's own; NoCloud counts where its seed is a folder of the guest and not a CD or the firmware. */
function isLocal(datasource: string | undefined): boolean {
  if (datasource === undefined) return false
  if (/DataSourceNone\b/.test(datasource)) return true
  return /DataSourceNoCloud/.test(datasource) && /seed=(?:\/var\/lib\/cloud\/seed|\/etc\/cloud)/.test(datasource)
}

function readEveryBoot(tree: GuestTree): string | undefined {
  if ((known(() => tree.glob(`${DATA}/scripts/per-boot/*`)) ?? []).length > 0) return `scripts in ${DATA}/scripts/per-boot`
  const data = ['user-data.txt', 'vendor-data.txt'].map(name => `${DATA}/instance/${name}`)
  return data.find(path => /^bootcmd:/m.test(known(() => tree.read(path)) ?? '')) === undefined ? undefined : 'commands under bootcmd'
}

/** `network: {config: disabled}` in the configuration, where the last file that says something wins. */
function isNetworkDisabled(tree: GuestTree): boolean {
  const files = ['/etc/cloud/cloud.cfg', ...(known(() => tree.glob('/etc/cloud/cloud.cfg.d/*.cfg')) ?? [])]
  const said = files.map(path => networkOf(known(() => tree.read(path)) ?? '')).filter(value => value !== undefined)
  return said.at(-1) === 'disabled'
}

function networkOf(text: string): Yaml | undefined {
  try {
    const config = parseYaml(text)
    const network = config instanceof Map ? config.get('network') : undefined
    return network instanceof Map ? (network.get('config') ?? 'other') : undefined
  } catch (error) {
    if (error instanceof YamlProblem) return undefined
    throw error
  }
}
