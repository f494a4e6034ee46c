import { claim, Skipped, same } from '../claims.ts'
import type { Context } from '../context.ts'
import type { RestAnswer } from '../rest.ts'
import type { ProtocolRule } from '../rule.ts'

/** More than any sensible limit lets through at once. */
const MANY = 120
const FAILURES = 10

/** Rate limits: they have to be exceeded to be seen. */
export const limits: ProtocolRule[] = [
  {
    number: '13.1',
    title: 'over the message rate a frame is refused, and not done',
    needs: 'limits',
    async run(context) {
      const stranger = await context.stranger()
      const chatId = await context.group([stranger])
      const socket = await stranger.connect()
      const ids = Array.from({ length: MANY }, (_, index) =>
        socket.send('message:send', { chatId, content: `Number ${index}` }),
      )
      const replies = await Promise.all(ids.map((id) => socket.reply(id)))
      const refused = replies.filter((reply) => reply.type === 'error')
      if (refused.length === 0) throw new Skipped('The message rate of this deployment is not limited')
      for (const { error } of refused) same(error.code, 'RATE_LIMIT_EXCEEDED', 'The error')
      const done = replies.length - refused.length
      claim(done >= 10, `Only ${done} messages of a burst were let through`)
      same((await stranger.history(chatId)).length, done, 'The messages that were stored')
    },
  },
  {
    number: '13.2',
    title: 'the messages of one user count together, and other users go on',
    needs: 'limits',
    async run(context) {
      const { ann } = await context.cast()
      const stranger = await context.stranger()
      const chatId = await context.group([ann, stranger])
      const [one, two, other] = [await stranger.connect(), await stranger.connect(), await ann.connect()]
      const ids = Array.from({ length: MANY / 2 }, (_, index) => ({
        one: one.send('message:send', { chatId, content: `One ${index}` }),
        two: two.send('message:send', { chatId, content: `Two ${index}` }),
      }))
      const replies = await Promise.all(ids.flatMap((id) => [one.reply(id.one), two.reply(id.two)]))
      const done = replies.filter(({ type }) => type === 'ack').length
      if (done === MANY) throw new Skipped('The message rate of this deployment is not limited')
      await other.ask('message:send', { chatId, content: 'Another user' })
      const byRest = await context.rest.send('POST /api/chats/:id/messages', {
        params: { id: chatId },
        body: { content: 'By REST' },
        token: await stranger.token(),
        isImpatient: true,
      })
      claim(byRest.status === 429 || byRest.status === 201, `A message by REST answered ${byRest.status}`)
      const stored = (await ann.history(chatId)).filter(({ senderId }) => senderId === stranger.id).length
      same(stored, done + (byRest.status === 201 ? 1 : 0), 'The messages that were stored')
    },
  },
  {
    number: '13.3',
    title: 'failed logins count per account, and a right password then waits too',
    needs: 'limits',
    async run(context) {
      const stranger = await context.stranger()
      const wrong = { ...stranger.credentials, password: 'Wrong-password-1' }
      const answers: RestAnswer[] = []
      for (let count = 0; count < FAILURES; count += 1) answers.push(await logIn(context, wrong))
      const over = answers.find(({ status }) => status === 429)
      if (!over) throw new Skipped('Failed logins are not limited by this deployment')
      isTold(over)
      claim(answers.filter(({ status }) => status === 401).length >= 1, 'No failure was let through')
      isTold(await logIn(context, stranger.credentials))
    },
  },
  {
    number: '13.4',
    title: 'requests over a rate are refused, with when to come again',
    needs: 'limits',
    async run(context) {
      const stranger = await context.stranger()
      const token = await stranger.token()
      const reads = Array.from({ length: MANY }, () =>
        context.rest.send('GET /api/users/me', { token, isImpatient: true }),
      )
      const over = (await Promise.all(reads)).filter(({ status }) => status === 429)
      if (over.length === 0) throw new Skipped('The request rate of this deployment is not limited')
      for (const answer of over) isTold(answer)
    },
  },
]

function logIn(context: Context, body: object): Promise<RestAnswer> {
  return context.rest.send('POST /api/auth/login', { body, isImpatient: true })
}

/** A refusal by a limit says when to come again. */
function isTold({ status, headers, text }: RestAnswer): void {
  same(status, 429, 'The status')
  claim(text.includes('RATE_LIMIT_EXCEEDED'), `The body is ${text}`)
  claim(Number(headers.get('Retry-After')) > 0, `Retry-After is ${headers.get('Retry-After')}`)
}
