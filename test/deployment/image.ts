import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { basename, delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type Copy, parseCommand, parseCopy, readDockerfile, readIncluded, type Step } from './dockerfile.ts'

const run = promisify(execFile)

/** Image is what the steps of a Dockerfile make, in a folder instead of a container. */
export interface Image {
  /** The working folder of the last stage, where its command runs. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly user: string
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
}

/** Account is an ordinary user of this machine; the one who runs the tests where that is one already. */
export type Account = { readonly uid: number; readonly gid: number } | undefined

interface Stage {
  readonly root: string
  readonly env: Record<string, string>
  folder: string
  user: string
  command: readonly string[]
  healthcheck: readonly string[]
}

interface Build {
  readonly project: string
  readonly account: Account
  readonly stages: ReadonlyMap<string, Stage>
}

/**
 * buildImage does what the project's Dockerfile says, in `folder`, as an engine would: each stage in a root of its
 * own, nothing from the project but what `.dockerignore` lets through. Commands run as an ordinary user, and the
 * last stage's files are root's, where the tests are, but for those that `--chown` gives away.
 */
export async function buildImage(project: string, folder: string, account: Account): Promise<Image> {
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined
  for (const step of readDockerfile(project)) {
    if (step.name === 'FROM') {
      const name = step.rest.split(/\s+as\s+/i)[1] ?? 'image'
      stage = createStage(join(folder, name), folder)
      stages.set(name, stage)
    } else if (stage) {
      await apply(step, stage, { project, account, stages })
    }
  }
  if (!stage) throw new Error('The Dockerfile has no stage')
  return stage
}

/** ordinaryAccount is `nobody` for root, who would be let do anything. */
export function ordinaryAccount(): Account {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** The image's node is the one that runs the tests, copied to where an ordinary user may run it. */
function createStage(root: string, folder: string): Stage {
  const programs = join(folder, 'programs')
  mkdirSync(programs, { recursive: true })
  copyFileSync(process.execPath, join(programs, basename(process.execPath)))
  mkdirSync(root)
  const env = { PATH: [programs, process.env.PATH].join(delimiter), HOME: join(folder, 'home') }
  return { root, env, folder: root, user: 'root', command: [], healthcheck: [] }
}

async function apply({ name, rest }: Step, stage: Stage, build: Build): Promise<void> {
  switch (name) {
    case 'WORKDIR':
      stage.folder = join(stage.root, rest)
      mkdirSync(stage.folder, { recursive: true })
      return
    case 'ENV': {
      const [key = '', value = ''] = rest.split('=')
      stage.env[key] = value
      return
    }
    case 'COPY':
      return copy(parseCopy(rest), stage, build)
    case 'RUN':
      return runAs(rest, stage, build.account)
    case 'USER':
      stage.user = rest
      return
    case 'HEALTHCHECK':
      stage.healthcheck = parseCommand(rest)
      return
    case 'CMD':
      stage.command = parseCommand(rest)
      return
    case 'EXPOSE':
      return
    default:
      throw new Error(
        `The test does not know ${name}: teach it, so that it goes on doing what an engine does`,
      )
  }
}

async function copy(
  { from, owner, sources, target }: Copy,
  stage: Stage,
  { project, account, stages }: Build,
): Promise<void> {
  const origin = from === undefined ? project : stages.get(from)?.root
  if (origin === undefined) throw new Error(`There is no stage ${from}`)
  const included = readIncluded(project)
  for (const source of sources) {
    if (from === undefined && !included.includes(source)) {
      throw new Error(`.dockerignore leaves ${source} out, and a COPY wants it`)
    }
    const isInto = target.endsWith('/')
    const path = join(resolve(stage.folder, target), isInto ? basename(source) : '')
    cpSync(join(origin, source), path, { recursive: true, verbatimSymlinks: true })
    if (account && owner) await own(path, account)
  }
}

async function runAs(command: string, { root, folder, env }: Stage, account: Account): Promise<void> {
  const home = env.HOME ?? root
  mkdirSync(home, { recursive: true })
  if (account) for (const path of [root, home]) await own(path, account)
  await run('sh', ['-c', command], { cwd: folder, env: { ...outside(), ...env }, ...account })
}

/** The machine's own settings, such as its certificates, without what npm tells its scripts of this project. */
function outside(): NodeJS.ProcessEnv {
  const isOfScript = (name: string) => /^(npm_|INIT_CWD$|NODE_(ENV|OPTIONS|PATH)$)/i.test(name)
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOfScript(name)))
}

async function own(path: string, { uid, gid }: NonNullable<Account>): Promise<void> {
  await run('chown', ['-R', `${uid}:${gid}`, path])
}
