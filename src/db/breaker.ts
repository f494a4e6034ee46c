import pg from 'pg'
import type { Clock } from '../rooms/ports.ts'

/** Milliseconds in which a request's statement is answered, with its wait for a connection, or the request is not. */
const PATIENCE = 1_800
/** Failures in a row, without any answer in between, after which the database counts as away. */
const MOST_FAILURES = 3
/** Milliseconds until one statement may try whether it is back. */
const PAUSE = 500

/** DatabaseAwayError says that the database does not answer. What was asked may have been done. */
export class DatabaseAwayError extends Error {
  override readonly name = 'DatabaseAwayError'
}

/** Breaker bounds how long anybody waits for a database that is away. */
export interface Breaker {
  /** Rejects with a DatabaseAwayError at once while the database is away, and when it does not answer in time. */
  run<T>(query: () => Promise<T>): Promise<T>
}

/**
 * createBreaker lets everything through until nothing is answered any more. Then all but one statement fail at once,
 * every half second, until that one is answered. A statement that is slow among others that are answered fails alone,
 * and so do those that wait behind it.
 */
export function createBreaker(clock: Clock): Breaker {
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
    shutUntil = now + PATIENCE
  }

  return {
    async run(query) {
      admit()
      const before = answers
      try {
        const result = await within(clock, query())
        answered()
        return result
      } catch (error) {
        if (isAnswer(error)) answered()
        else failed(before)
        throw error
      }
    },
  }
}

function within<T>(clock: Clock, asked: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(PATIENCE, () =>
      reject(new DatabaseAwayError(`The database did not answer within ${PATIENCE} ms`)),
    )
    asked.then(resolve, reject).finally(cancel)
  })
}

/** Whether Postgres refused the statement. With FATAL it refuses the connection, as while it starts or stops. */
function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR'
}
