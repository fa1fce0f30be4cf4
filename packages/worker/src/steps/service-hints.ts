import { ERRORS, InstarError, type ErrorCode } from '@instar/contract'
import type { StepDefinition } from '@instar/engine'

/** Where the hint of an error is for who runs a command on images, and a user of the service can do something else. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  'image.no-space': 'Free space there and start it again; what is copied already is not copied twice.',
}

/** The step with hints for users of the service; one that a place gave because it knows better stays. */
export function withServiceHints(step: StepDefinition): StepDefinition {
  return {
    ...step,
    run: async context => {
      try {
        return await step.run(context)
      } catch (error) {
        throw hintForService(error)
      }
    },
  }
}

function hintForService(error: unknown): unknown {
  if (!(error instanceof InstarError) || error.hint !== ERRORS[error.code].hint) return error
  const { code, message, details, cause } = error
  const hint = HINTS[code]
  return hint === undefined ? error : new InstarError(code, message, { hint, details, cause })
}
