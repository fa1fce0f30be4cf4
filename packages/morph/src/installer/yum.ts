import type { Manager } from './manager.ts'
import { rpm } from './rpm.ts'

const OPTIONS = ['-y', '--setopt=timeout=20', '--setopt=retries=2', '--setopt=*.skip_if_unavailable=1']

/** yum 3 (Red Hat family up to 7, Amazon Linux 2). */
export const yum: Manager = {
  ...rpm,
  refresh: ['yum', ...OPTIONS, 'makecache'],
  install: (names, { keepKernels }) => [
    'yum',
    ...OPTIONS,
    // Without both yum ends well when one of several names is missing.
    '--setopt=strict=1',
    '--setopt=skip_missing_names_on_install=0',
    '--setopt=tsflags=nodocs',
    ...(keepKernels ? ['--exclude=kernel*'] : []),
    'install',
    ...names,
  ],
  // The subscription is tied to the old machine and needs no asking to remove something.
  remove: names => ['yum', '-y', '--disableplugin=subscription-manager', '--setopt=clean_requirements_on_remove=0', 'remove', ...names],
  okExitCodes: [],
  unknownName: /No package .* available|No Match for argument/i,
  deadRepository:
    /Cannot find a valid baseurl|Could not retrieve mirrorlist|Could not resolve host|No more mirrors to try|Cannot retrieve repository metadata|no enabled repos|is not signed|GPG key retrieval failed/i,
}
