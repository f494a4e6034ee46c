import { describe, expect, test } from 'vitest'
import { History } from '../../bench/generator/history.ts'
import { judge, type Stored } from '../../bench/generator/verdict.ts'

const CHAT_SIZE = 3

/** Two messages of user 0, acked at 1 and 2 and heard by users 1 and 2, in order. */
function wellRun(): { history: History; stored: Stored } {
  const history = new History()
  for (const order of [1, 2]) {
    const index = history.invoke(0, order)
    history.ack(index, order, order)
    for (const listener of [1, 2]) history.deliver(listener, index, order)
  }
  return { history, stored: storedAs([0, 1], [1, 2]) }
}

function storedAs(index: number[], order: number[]): Stored {
  return {
    index: Uint32Array.from(index),
    order: Float64Array.from(order),
    chat: new Uint32Array(index.length),
    heads: [2],
  }
}

function judgeRun({ history, stored }: ReturnType<typeof wellRun>) {
  return judge(history, stored, CHAT_SIZE)
}

describe('the verdict of a run', () => {
  test('finds nothing in a run where all is well', () => {
    expect(judgeRun(wellRun())).toEqual({
      ...{ sent: 2, acked: 2, failed: 0, unknown: 0 },
      ...{ notStored: 0, storedTwice: 0, lost: 0, doubled: 0, outOfOrder: 0 },
    })
  })

  test('counts an acked message that is not stored, or at another place', () => {
    expect(judgeRun({ ...wellRun(), stored: storedAs([0], [1]) }).notStored).toBe(1)
    expect(judgeRun({ ...wellRun(), stored: storedAs([0, 1], [1, 3]) }).notStored).toBe(1)
  })

  test('counts a message that is stored twice', () => {
    expect(judgeRun({ ...wellRun(), stored: storedAs([0, 1, 1], [1, 2, 2]) }).storedTwice).toBe(1)
  })

  test('counts each other in the chat who never heard an acked message', () => {
    const run = wellRun()
    const index = run.history.invoke(1, 3)
    run.history.ack(index, 3, 3)
    run.history.deliver(0, index, 3)
    expect(judgeRun(run).lost).toBe(1)
  })

  test('counts what a client heard twice, and what it had no business to hear', () => {
    const run = wellRun()
    run.history.deliver(1, 0, 1)
    run.history.deliver(CHAT_SIZE, 1, 2)
    expect(judgeRun(run).doubled).toBe(2)
  })

  test('counts what was heard after a message that is stored behind it', () => {
    const history = new History()
    for (const order of [1, 2]) history.ack(history.invoke(0, order), order, order)
    for (const listener of [1, 2]) {
      history.deliver(listener, 1, 2)
      history.deliver(listener, 0, 1)
    }
    expect(judgeRun({ history, stored: storedAs([0, 1], [1, 2]) }).outOfOrder).toBe(2)
  })

  test('counts a send without an answer as unknown, never as lost', () => {
    const run = wellRun()
    run.history.invoke(2, 3)
    expect(judgeRun(run)).toMatchObject({ unknown: 1, lost: 0 })
  })
})
