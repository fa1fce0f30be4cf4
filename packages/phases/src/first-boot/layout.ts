/** Where everything of the first boot lies in the guest. Only /etc and /var: /usr may be read-only. */
export const FIRST_BOOT_DIR = '/var/lib/instar/firstboot'
export const RUNNER_PATH = `${FIRST_BOOT_DIR}/runner.sh`

/** One empty file for each run that waits, `001-<run id>`: the runner takes them in this order and removes the folder when all are done. */
export const QUEUE_DIR = `${FIRST_BOOT_DIR}/queue`

/** The word before each result on a console. */
export const CONSOLE_WORD = 'INSTAR-FIRSTBOOT'

/** Name of the virtio-serial port that gets the results, one JSON object a line. */
export const PORT_NAME = 'org.instar.firstboot'

export function runDir(runId: string): string {
  return `${FIRST_BOOT_DIR}/${runId}`
}

/** Folder of the script with this place in the phase, from 1. */
export function scriptDir(runId: string, order: number): string {
  return `${runDir(runId)}/scripts/${String(order).padStart(3, '0')}`
}
