import { existsSync } from 'node:fs'

/** bash as the originals find it, whatever PATH says; where it lies elsewhere, that of PATH. */
export const BASH = ['/bin/bash', '/usr/bin/bash'].find(existsSync) ?? 'bash'
