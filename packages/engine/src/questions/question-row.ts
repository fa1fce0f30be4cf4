import type { ErrorCode } from '@instar/contract'
import type { Vault } from '@instar/store'

/** Tells workers of a question, and askers of an answer: the payload is the question's id. */
export const QUESTIONS_CHANNEL = 'instar_questions'
export const ANSWERS_CHANNEL = 'instar_answers'

export type SealedAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly hint?: string
      readonly details?: Readonly<Record<string, unknown>>
    }

export function sealAnswer(vault: Vault, id: string, answer: SealedAnswer): Buffer {
  return vault.seal(answer, `questions:${id}:answer`)
}

export function openAnswer(vault: Vault, id: string, sealed: Buffer): SealedAnswer {
  return vault.open(sealed, `questions:${id}:answer`) as SealedAnswer
}
