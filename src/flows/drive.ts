import type { FileAnswer, FileRequest } from '../core/trust/refresh.ts'

/**
 * Carries a client workflow out: answers what it asks for, one file after another, until it ends. `answer` gives a file's
 * bytes, null where there is none of that name, or why it could not be asked for.
 */
export async function drive<T>(
  workflow: Generator<FileRequest, T, FileAnswer>,
  answer: (wanted: FileRequest) => Promise<FileAnswer>,
): Promise<T> {
  let step = workflow.next()
  while (!step.done) step = workflow.next(await answer(step.value))
  return step.value
}
