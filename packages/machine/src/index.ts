export type { ImageFormat, Machine, MachineDisk, RunOptions, RunResult, Survivor } from './machine.ts'
export { identityOf, isAlive, thisProcess } from './process-identity.ts'
export { openSshMachine } from './ssh/ssh-machine.ts'
