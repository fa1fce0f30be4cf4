/** What the units need to know. */
export interface UnitSettings {
  /** Absolute path of instar-refresh. */
  readonly program: string
  /** Options of the run, as words. */
  readonly words: readonly string[]
  readonly calendar: string
  readonly watch: readonly string[]
  readonly stateDir: string
  /** Name of the subgroup that the service starts in, where systemd (254 and later) can do that; the run's groups then lie beside it. */
  readonly subgroup: string | undefined
  readonly environment: Readonly<Record<string, string>>
}

/** The unit that runs the phases; the others start it. */
export const SERVICE = 'instar-refresh.service'
export const TIMER = 'instar-refresh.timer'
export const PATH_UNIT = 'instar-refresh.path'
/** Goes on at boot with a run that waited for the reboot. */
export const CONTINUE = 'instar-refresh-continue.service'

/** The text of each unit, by its file name. */
export function renderUnits(settings: UnitSettings): ReadonlyMap<string, string> {
  return new Map([
    [SERVICE, service(settings)],
    [TIMER, timer(settings)],
    [PATH_UNIT, pathUnit(settings)],
    [CONTINUE, continueService(settings)],
  ])
}

function service(settings: UnitSettings): string {
  return `[Unit]
Description=Run the configuration phases of this host
After=network-online.target
Wants=network-online.target

${run(settings)}`
}

function continueService(settings: UnitSettings): string {
  return `[Unit]
Description=Go on with the configuration phases after a reboot
After=network-online.target
Wants=network-online.target
ConditionPathExists=${escape(`${settings.stateDir}/refresh/after-reboot`)}

${run(settings)}
[Install]
WantedBy=multi-user.target
`
}

/** What outlives a run are daemons that scripts started: only our own process is stopped, and it ends the running script itself. */
function run({ program, words, subgroup, environment }: UnitSettings): string {
  const variables = Object.entries(environment).map(([name, value]) => `Environment=${quote(`${name}=${value}`)}\n`)
  return `[Service]
Type=oneshot
ExecStart=${[program, ...words].map(quote).join(' ')}
${variables.join('')}KillMode=process
SuccessExitStatus=194
TimeoutStartSec=infinity
Delegate=yes
${subgroup === undefined ? '' : `DelegateSubgroup=${subgroup}\n`}`
}

function timer({ calendar }: UnitSettings): string {
  return `[Unit]
Description=Run the configuration phases of this host by the clock

[Timer]
OnCalendar=${calendar}
Persistent=true
RandomizedDelaySec=60
Unit=${SERVICE}

[Install]
WantedBy=timers.target
`
}

function pathUnit({ watch }: UnitSettings): string {
  return `[Unit]
Description=Run the configuration phases of this host when their files change

[Path]
${watch.map(path => `PathChanged=${escape(path)}\n`).join('')}Unit=${SERVICE}

[Install]
WantedBy=paths.target
`
}

/** A word of ExecStart= or Environment=: quoted, without specifiers and variables. */
function quote(word: string): string {
  const text = escape(word).replaceAll('$', '$$$$')
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

function escape(text: string): string {
  return text.replaceAll('%', '%%')
}
