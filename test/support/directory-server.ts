import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

const TOKEN = 'directory-token-0123456789abcdefgh'

/** DirectoryServer is a directory of one's own: everybody has a name and one phone there. */
export interface DirectoryServer {
  /** The settings by which a service asks it. */
  readonly settings: Readonly<Record<string, string>>
  /** What it answers every question with; well when left out. */
  status: number
  close(): Promise<void>
}

export async function startDirectoryServer(): Promise<DirectoryServer> {
  const server = createServer(async (request, response) => {
    const { users } = (await json(request)) as { users: { subject: string }[] }
    const found = users.map(({ subject }) => ({
      displayName: `Name of ${subject}`,
      pushTokens: [`phone-of-${subject}`],
    }))
    response.writeHead(it.status).end(JSON.stringify({ users: found }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const it: DirectoryServer = {
    settings: {
      DIRECTORY_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/names`,
      DIRECTORY_TOKEN: TOKEN,
    },
    status: 200,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return it
}
