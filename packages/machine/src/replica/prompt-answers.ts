import type { ConsoleText } from './console-text.ts'

/** Something to type at the guest's console. */
export interface PromptAnswer {
  /** Part of the prompt's text. */
  readonly prompt: string
  /** With its line end. */
  readonly send: string
}

/** A wrong answer is asked for again; a guest must not have us typing for ever. */
const MAX_ANSWERS = 20

/** Finds the prompts that came since the last look, and what is to be typed. */
export class PromptAnswers {
  readonly #answers: readonly PromptAnswer[]
  #place = 0
  #given = 0

  constructor(answers: readonly PromptAnswer[]) {
    this.#answers = answers
  }

  next(console: ConsoleText): string[] {
    const typed: string[] = []
    while (this.#given < MAX_ANSWERS) {
      const fresh = console.since(this.#place)
      const [found] = this.#answers
        .map(answer => ({ answer, at: fresh.indexOf(answer.prompt) }))
        .filter(match => match.at >= 0)
        .sort((a, b) => a.at - b.at)
      if (found === undefined) return typed
      this.#place = console.total - fresh.length + found.at + found.answer.prompt.length
      this.#given += 1
      typed.push(found.answer.send)
    }
    return typed
  }
}
