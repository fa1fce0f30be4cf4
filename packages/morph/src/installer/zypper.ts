import type { Manager } from './manager.ts'
import { rpm } from './rpm.ts'

export const zypper: Manager = {
  ...rpm,
  env: { ZYPP_LOCK_TIMEOUT: '60' },
  refresh: ['zypper', '--non-interactive', 'refresh'],
  install: names => ['zypper', '--non-interactive', 'install', '--no-recommends', '--auto-agree-with-licenses', ...names],
  remove: names => ['zypper', '--non-interactive', 'remove', '--no-clean-deps', ...names],
  // Updates, security updates, a reboot or a restart of zypper advised; some repositories skipped (zypper(8), EXIT CODES).
  okExitCodes: [100, 101, 102, 103, 106],
  unknownName: /not found in package names|No provider of|No matching items/,
  deadRepository:
    /Valid metadata not found|Repository .* is invalid|Download \(curl\) error|Could not resolve host|Signature verification failed|No repositories defined|no enabled repositories/i,
}
