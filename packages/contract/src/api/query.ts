import * as z from 'zod/mini'
import { EXECUTION_STATUSES } from './statuses.ts'
import { LIMITS } from './wire.ts'

const TRUE = ['1', 't', 'true', 'on', 'y', 'yes']
const FALSE = ['0', 'f', 'false', 'off', 'n', 'no']
const scalar = z.union([z.string().check(z.maxLength(8192)), z.number(), z.boolean()])

/** A flag of a query: what is neither yes nor no is ignored, as in Coriolis. */
export const Flag = z.optional(
  z.pipe(
    scalar,
    z.transform(value => readFlag(String(value))),
  ),
)

/** A flag of a query where nonsense is refused. */
export const StrictFlag = z.optional(
  z.pipe(
    scalar,
    z.transform((value, context) => {
      const flag = readFlag(String(value))
      if (flag === undefined) context.issues.push({ code: 'custom', message: `"${value}" is neither true nor false`, input: value })
      return flag
    }),
  ),
)

function readFlag(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  return TRUE.includes(lower) ? true : FALSE.includes(lower) ? false : undefined
}

/** A whole number from 0 on. */
export const Count = z.optional(
  z.pipe(
    scalar,
    z.transform((value, context) => {
      const text = String(value).trim()
      if (/^\d{1,9}$/.test(text)) return Number(text)
      context.issues.push({ code: 'custom', message: `"${text}" is no whole number from 0 on`, input: value })
      return z.NEVER
    }),
  ),
)

export const TextParameter = z.optional(z.string().check(z.maxLength(LIMITS.textChars)))

const repeated = z.optional(
  z.pipe(
    z.union([z.string(), z.array(z.string())]),
    z.transform(value => (typeof value === 'string' ? value.split(',') : value)),
  ),
)

/** Paging, order and filters of the lists of transfers, deployments and executions. */
export const ListQuery = z.object({
  limit: Count,
  marker: TextParameter,
  sort_key: repeated,
  sort_keys: repeated,
  sort_dir: repeated,
  sort_dirs: repeated,
  status: z.optional(z.enum(EXECUTION_STATUSES)),
  show_deleted: Flag,
  include_task_info: Flag,
})
export type ListQuery = z.infer<typeof ListQuery>
