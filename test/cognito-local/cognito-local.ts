import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'

const VERSION = '5.3.0'
/** Installed beside the project and not in it, as it is larger than all the rest: 128 MB. */
const FOLDER = join(tmpdir(), `parley-cognito-local-${VERSION}`)
const START = join(FOLDER, 'node_modules/cognito-local/lib/bin/start.js')
const PASSWORD = 'Correct-horse-1'

interface Tokens {
  readonly AccessToken: string
  readonly IdToken: string
}

/** CognitoLocal is the stand-in of Amazon Cognito that people develop against, with one pool and one app client. */
export interface CognitoLocal {
  readonly url: string
  readonly poolId: string
  readonly clientId: string
  /** Logs a user in with the password, as a mobile app does; the user is made where it is new. */
  logIn(email: string): Promise<Tokens>
  close(): Promise<void>
}

export async function startCognitoLocal(): Promise<CognitoLocal> {
  install()
  const folder = mkdtempSync(join(tmpdir(), 'parley-cognito-'))
  const port = await findPort()
  const url = `http://127.0.0.1:${port}`
  mkdirSync(join(folder, '.cognito'))
  const config = { TokenConfig: { IssuerDomain: url } }
  writeFileSync(join(folder, '.cognito/config.json'), JSON.stringify(config))
  const env = { ...process.env, HOST: '127.0.0.1', PORT: String(port) }
  const child = spawn(process.execPath, [START], { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => /running on/.test(String(chunk)) && resolve())
    child.once('exit', () => reject(new Error('cognito-local ended')))
  })

  async function call<T>(action: string, body: object): Promise<T> {
    const headers = {
      'X-Amz-Target': `AWSCognitoIdentityProviderService.${action}`,
      'Content-Type': 'application/x-amz-json-1.1',
    }
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${action}: ${await response.text()}`)
    return (await response.json()) as T
  }

  const { UserPool } = await call<{ UserPool: { Id: string } }>('CreateUserPool', { PoolName: 'customers' })
  const UserPoolId = UserPool.Id
  const ExplicitAuthFlows = ['ALLOW_USER_PASSWORD_AUTH']
  const { UserPoolClient } = await call<{ UserPoolClient: { ClientId: string } }>('CreateUserPoolClient', {
    ...{ UserPoolId, ClientName: 'app', ExplicitAuthFlows },
  })
  const { ClientId } = UserPoolClient
  const known = new Set<string>()

  return {
    url,
    poolId: UserPoolId,
    clientId: ClientId,
    async logIn(Username) {
      if (!known.has(Username)) {
        known.add(Username)
        const UserAttributes = [{ Name: 'email', Value: Username }]
        await call('AdminCreateUser', { UserPoolId, Username, UserAttributes, MessageAction: 'SUPPRESS' })
        await call('AdminSetUserPassword', { UserPoolId, Username, Password: PASSWORD, Permanent: true })
      }
      const AuthParameters = { USERNAME: Username, PASSWORD }
      const login = { ClientId, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters }
      return (await call<{ AuthenticationResult: Tokens }>('InitiateAuth', login)).AuthenticationResult
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      end()
      await ended
      process.off('exit', end)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function install(): void {
  if (existsSync(START)) return
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, 'package.json'), '{"private":true}')
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', ['install', ...quiet, `cognito-local@${VERSION}`], { cwd: FOLDER })
}
