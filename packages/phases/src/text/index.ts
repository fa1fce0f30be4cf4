export { formatDuration } from './duration.ts'
export { exitCodeOf, findKnown, formatError, reportError } from './error.ts'
export { createLineSplitter, printable } from './printable.ts'
export { formatTable } from './table.ts'
