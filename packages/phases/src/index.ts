export type { MachinePhase } from '@instar/contract/phases'
export { envProgramOf, interpreterOf } from './first-boot/interpreter.ts'
export { CONSOLE_WORD, FIRST_BOOT_DIR, PORT_NAME, QUEUE_DIR, RUNNER_PATH, runDir, scriptDir } from './first-boot/layout.ts'
export { FIRST_BOOT_LIMITS, firstBootEntries } from './first-boot/manifest.ts'
export type { FirstBootEntry, FirstBootLimits, FirstBootRun } from './first-boot/manifest.ts'
export { parseFirstBootItem } from './first-boot/result.ts'
export type { FirstBootEnd, FirstBootItem, FirstBootResult, FirstBootRunRecord } from './first-boot/result.ts'
export { createFirstBootReader, parseFirstBootResults } from './first-boot/results.ts'
export type { FirstBootReader, FirstBootReport } from './first-boot/results.ts'
export { firstBootRunner } from './first-boot/runner.ts'
export {
  INIT_SCRIPT_PATH,
  OPENRC_LINK,
  OPENRC_SERVICE,
  RC_DIRS,
  RUNLEVELS,
  START_LINK_NAME,
  SYSTEMD_UNIT,
  SYSV_SERVICE,
  UNIT_LINK,
  UNIT_PATH,
} from './first-boot/units.ts'
