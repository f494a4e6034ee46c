import type { Command } from 'commander'
import manifest from '../../../../package.json' with { type: 'json' }
import { type Config, ConfigError, parseConfig } from '../../../config.ts'
import { createLogger } from '../logger.ts'
import { type Running, start } from '../start.ts'

export function addStart(program: Command): void {
  program
    .command('start')
    .description('start the service; settings come from the environment, see .env.example')
    .option('--pretty', 'log for a human to read')
    .action(async ({ pretty = false }: { pretty?: boolean }) => {
      const config = configOrExit()
      const logger = createLogger(config, pretty ? (await import('pino-pretty')).default() : undefined)
      const running = await start(config, logger).catch(exitIfSetting)
      say(`Parley listens on ${running.url}`)
      stopOnSignal(running)
      await running.ready.catch(exitIfSetting)
      say(whereToGo(running.url, config))
      throw await running.failed
    })
}

/** Settings that are wrong end the command with one line for each. */
export function configOrExit(): Config {
  try {
    const { env } = process
    return parseConfig({ ...env, APP_VERSION: env.APP_VERSION || manifest.version })
  } catch (error) {
    return exitIfSetting(error)
  }
}

function exitIfSetting(error: unknown): never {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}

function stopOnSignal(running: Running): void {
  let isStopping = false
  const stop = () => {
    // The second one is from somebody who will not wait.
    if (isStopping) process.exit(130)
    isStopping = true
    say('Saying goodbye to every connection; once more ends at once')
    running.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
  // A process that was forked ends with the one that wanted it.
  process.once('disconnect', stop)
}

function whereToGo(url: string, { DATABASE_URL, DATA_DIR }: Config): string {
  const store = DATABASE_URL === undefined ? `the embedded database in ${DATA_DIR}` : 'Postgres'
  return [
    `Ready, on ${store}.`,
    `  Reference   ${url}/docs`,
    `  Health      ${url}/health`,
    '  Two people chatting: npx parley demo',
  ].join('\n')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
