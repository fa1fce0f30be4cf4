export type { ImageFormat, Machine, MachineDisk, RunOptions, RunResult, Survivor } from './machine.ts'
