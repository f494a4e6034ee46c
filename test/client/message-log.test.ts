import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageLog } from '../../src/client/message-log.ts'
import { messageAt } from './chats.ts'

const seqs = (log: MessageLog) => [...log].map(({ seq }) => seq)

describe('a message log', () => {
  test('grows at its end without changing the log it grew from', () => {
    const first = MessageLog.of([messageAt(1)])
    const second = first.put(messageAt(2))
    const other = first.put(messageAt(3))
    expect([seqs(first), seqs(second), seqs(other)]).toEqual([[1], [1, 2], [1, 3]])
  })

  test('finds by seq, by id and by place', () => {
    const log = MessageLog.of([messageAt(2), messageAt(5), messageAt(9)])
    expect(log.find(5)?.seq).toBe(5)
    expect(log.find(6)).toBeUndefined()
    expect(log.findById(messageAt(9).id)?.seq).toBe(9)
    expect([log.at(0)?.seq, log.at(-1)?.seq, log.at(3)]).toEqual([2, 9, undefined])
    expect(log.after(2).map(({ seq }) => seq)).toEqual([5, 9])
  })

  test('behaves as a sorted array would, whatever is done to it', () => {
    const put = fc.record({ do: fc.constant('put' as const), seq: fc.integer({ min: 1, max: 60 }) })
    const keep = fc.record({ do: fc.constant('keep' as const), most: fc.integer({ min: 1, max: 30 }) })
    const next = fc.record({ do: fc.constant('next' as const) })
    fc.assert(
      fc.property(
        fc.array(fc.oneof(put, keep, { weight: 5, arbitrary: next }), { maxLength: 200 }),
        (steps) => {
          let log = MessageLog.of([])
          let model: number[] = []
          const history: [MessageLog, number[]][] = []
          for (const step of steps) {
            if (step.do === 'keep') {
              log = log.keep(step.most)
              model = model.slice(-step.most)
            } else {
              const seq = step.do === 'put' ? step.seq : (model.at(-1) ?? 0) + 1
              log = log.put(messageAt(seq))
              model = [...new Set([...model, seq])].sort((a, b) => a - b)
            }
            history.push([log, model])
          }
          for (const [then, expected] of history) expect(seqs(then)).toEqual(expected)
        },
      ),
    )
  })

  test('takes in older messages once', () => {
    const log = MessageLog.of([messageAt(5), messageAt(6)]).prepend([messageAt(5), messageAt(3)])
    expect(seqs(log)).toEqual([3, 5, 6])
  })
})
