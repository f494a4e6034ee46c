import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BatchOptions, createBatch } from '../../src/db/batch.ts'
import { settled } from '../support/builders.ts'

/** A reader whose statements are answered by hand: what each was asked, and how to end it. */
function createStage(options: Partial<BatchOptions<string>> = {}) {
  const statements: { readonly asked: string; end(error?: Error): Promise<void> }[] = []
  const ask = createBatch<string, string>(
    (questions) => {
      const { promise, resolve, reject } = Promise.withResolvers<string[]>()
      statements.push({
        asked: questions.join(' '),
        end: (error) => {
          if (error) reject(error)
          else resolve(questions.map((question) => question.toUpperCase()))
          return settled()
        },
      })
      return promise
    },
    { atOnce: 1, most: 4, ...options },
  )
  return { ask, statements, asked: () => statements.map((it) => it.asked) }
}

test('who asks while nothing is under way is asked for at once; the others go together, in their order', async () => {
  const { ask, statements, asked } = createStage()
  const answers = ['a', 'b', 'c'].map(ask)
  expect(asked()).toEqual(['a'])
  await statements[0]?.end()
  expect(asked()).toEqual(['a', 'b c'])
  await statements[1]?.end()
  expect(await Promise.all(answers)).toEqual(['A', 'B', 'C'])
})

test('a statement carries no more than it may, and what weighs more goes alone', async () => {
  const { ask, statements, asked } = createStage({ weigh: ({ length }) => length })
  const answers = ['a', 'bb', 'cc', 'd', 'eeeeeeeee', 'f'].map(ask)
  for (let at = 0; at < 5; at += 1) await statements[at]?.end()
  expect(asked()).toEqual(['a', 'bb cc', 'd', 'eeeeeeeee', 'f'])
  expect(await Promise.all(answers)).toEqual(['A', 'BB', 'CC', 'D', 'EEEEEEEEE', 'F'])
})

test('so many statements are under way at once, and no more', async () => {
  const { ask, statements, asked } = createStage({ atOnce: 2 })
  for (const question of ['a', 'b', 'c', 'd']) void ask(question)
  expect(asked()).toEqual(['a', 'b'])
  await statements[1]?.end()
  expect(asked()).toEqual(['a', 'b', 'c d'])
})

test('who asks again and again gets no more than who asks once', async () => {
  const { ask, statements, asked } = createStage({ most: 1 })
  void ask('greedy1').then(() => ask('greedy2'))
  void ask('modest')
  await statements[0]?.end()
  await statements[1]?.end()
  expect(asked()).toEqual(['greedy1', 'modest', 'greedy2'])
})

test('a statement that fails fails for those whose it was, and the next goes on', async () => {
  const { ask, statements } = createStage()
  const answers = ['a', 'b', 'c'].map(ask)
  const first = expect(answers[0]).rejects.toThrow('away')
  await statements[0]?.end(new Error('away'))
  await first
  await statements[1]?.end()
  expect(await Promise.all(answers.slice(1))).toEqual(['B', 'C'])
})

test('whatever is asked and when, everybody gets the own answer', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ question: fc.string(), wait: fc.nat(3) }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      async (all, most) => {
        const ask = createBatch<string, string>(async (questions) => questions.map((it) => `${it}!`), {
          atOnce: 2,
          most,
          weigh: ({ length }) => length,
        })
        const answers = await Promise.all(
          all.map(async ({ question, wait }) => {
            for (let turn = 0; turn < wait; turn += 1) await Promise.resolve()
            return ask(question)
          }),
        )
        expect(answers).toEqual(all.map(({ question }) => `${question}!`))
      },
    ),
  )
})
