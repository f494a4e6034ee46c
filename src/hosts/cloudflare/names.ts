import { z } from 'zod'
import { toProfile } from '../../auth/profile.ts'
import { createMysqlDirectory, type MysqlDirectory } from '../../db/mysql-directory.ts'
import { DIRECTORY_SETTINGS } from '../../settings/directory.ts'
import { OutsideType } from '../../settings/issuer.ts'

/** Users of one question, as many as the service asks for at once. */
const MOST = 100

interface NamesBindings {
  readonly MYSQL: Hyperdrive
}

const Settings = z.object({
  DIRECTORY_TOKEN: DIRECTORY_SETTINGS.DIRECTORY_TOKEN.unwrap(),
  MYSQL_TABLES: DIRECTORY_SETTINGS.MYSQL_TABLES,
  MYSQL_PUSH_TABLE: DIRECTORY_SETTINGS.MYSQL_PUSH_TABLE,
})

const User = z.object({ issuer: z.string(), subject: z.string() })
const Question = z.union([
  z.object({ wants: z.undefined().optional(), users: z.array(User.extend({ type: OutsideType })).max(MOST) }),
  z.object({ wants: z.literal('pushTokens'), users: z.array(User).max(MOST) }),
])

/**
 * A deployment of its own, `wrangler.names.toml`, that reads names and devices out of a legacy MySQL through Hyperdrive
 * and answers the service's DIRECTORY_URL: the driver is larger than the whole service, and here nothing waits for it.
 */
export default {
  async fetch(request, bindings): Promise<Response> {
    const {
      DIRECTORY_TOKEN: token,
      MYSQL_TABLES: tables,
      MYSQL_PUSH_TABLE: pushTable,
    } = Settings.parse(bindings)
    if (!(await isSame(request.headers.get('Authorization') ?? '', `Bearer ${token}`))) return refuse(401)
    const question = Question.safeParse(await request.json().catch(() => undefined))
    if (request.method !== 'POST' || !question.success) return refuse(400)
    const { host, port, database, user, password } = bindings.MYSQL
    const directory = createMysqlDirectory({ host, port, database, user, password, tables, pushTable })
    try {
      return Response.json({ users: await answer(directory, question.data) })
    } catch {
      return refuse(503)
    } finally {
      await directory.close()
    }
  },
} satisfies ExportedHandler<NamesBindings>

function answer(directory: MysqlDirectory, question: z.infer<typeof Question>) {
  if (question.wants === 'pushTokens') {
    return Promise.all(question.users.map(async (user) => ({ pushTokens: await directory.listTokens(user) })))
  }
  return Promise.all(
    question.users.map(async (wanted) => {
      const entry = await directory.find(wanted)
      return toProfile(entry?.name, entry?.picture) ?? null
    }),
  )
}

/** In a time that does not tell how much of it is right. */
async function isSame(given: string, right: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return crypto.subtle.timingSafeEqual(await digest(given), await digest(right))
}

function refuse(status: 400 | 401 | 503): Response {
  return new Response(null, { status })
}
