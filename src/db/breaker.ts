import pg from 'pg'
import type { Clock } from '../rooms/ports.ts'
import { steadyClock } from './steady-clock.ts'

/** Milliseconds that one which tries whether the database is back keeps the others from trying, at most. */
const TRIAL = 1_800
/** Failures in a row, without any answer in between, after which the database counts as away. */
const MOST_FAILURES = 3
/** Milliseconds until one statement may try whether it is back. */
const PAUSE = 250

/** DatabaseAwayError says that the database does not answer. What was asked may have been done. */
export class DatabaseAwayError extends Error {
  override readonly name = 'DatabaseAwayError'
}

/** Breaker keeps everybody from waiting for a database that is away, one after another. */
export interface Breaker {
  /** Rejects with a DatabaseAwayError at once while the database is away, else as the query does. */
  run<T>(query: () => Promise<T>): Promise<T>
}

/**
 * createBreaker lets everything through until nothing is answered any more. Then all fail at once but one every
 * quarter of a second, until that is answered. Whatever fails while others are answered fails alone. `isReply` tells
 * which errors are the database's own word.
 */
export function createBreaker(
  clock: Pick<Clock, 'now'> = steadyClock,
  isReply: (error: unknown) => boolean = isAnswer,
): Breaker {
  let answers = 0
  let failures = 0
  let shutUntil = 0

  /** The database has said something, were it an error. */
  function answered(): void {
    answers += 1
    failures = 0
  }

  function failed(answersBefore: number): void {
    if (answers !== answersBefore) return
    failures += 1
    if (failures >= MOST_FAILURES) shutUntil = clock.now() + PAUSE
  }

  function admit(): void {
    if (failures < MOST_FAILURES) return
    const now = clock.now()
    if (now < shutUntil) throw new DatabaseAwayError('The database is away')
    // For as long as this one may take, nobody else tries.
    shutUntil = now + TRIAL
  }

  return {
    async run(query) {
      admit()
      const before = answers
      try {
        const result = await query()
        answered()
        return result
      } catch (error) {
        if (isReply(error)) answered()
        else failed(before)
        throw error
      }
    },
  }
}

/** within gives an answer up that does not come in so many milliseconds: it rejects with a DatabaseAwayError. */
export function within<T>(
  milliseconds: number,
  asked: Promise<T>,
  clock: Pick<Clock, 'after'> = steadyClock,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(milliseconds, () =>
      reject(new DatabaseAwayError(`The database did not answer within ${milliseconds} ms`)),
    )
    asked.then(resolve, reject).finally(cancel)
  })
}

/** isAnswer tells whether Postgres refused the statement. With FATAL it refuses the connection, as while it starts or stops. */
export function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR'
}
