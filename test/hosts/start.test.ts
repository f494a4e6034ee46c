import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lockFolder } from '../../src/hosts/node/folder-lock.ts'
import { runCommand } from './command.ts'

test('a port that is taken is told in a line, with what to do', async () => {
  const other = createServer()
  onTestFinished(() => void other.close())
  const port = await new Promise<number>((resolve) =>
    other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
  )
  const { ended, lines } = runCommand(['start'], { HOST: '127.0.0.1', PORT: String(port) })
  expect(await ended).toBe(2)
  expect(lines).toEqual([`PORT: another process listens on 127.0.0.1:${port}. End it, or set another PORT`])
})

test('a folder that another service uses is told in a line, with what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-start-'))
  const giveBack = lockFolder(folder)
  onTestFinished(() => {
    giveBack()
    rmSync(folder, { recursive: true })
  })
  const { ended, lines } = runCommand(['start'], { PORT: '0', DATA_DIR: folder })
  expect(await ended).toBe(2)
  expect(lines.slice(1)).toEqual([
    `${folder} is in use by process ${process.pid}: stop it first, or choose another DATA_DIR`,
  ])
})

test('an address of another machine is told in a line, with what to do', async () => {
  // RFC 5737: nobody has it.
  const { ended, lines } = runCommand(['start'], { HOST: '192.0.2.1', PORT: '0' })
  expect(await ended).toBe(2)
  expect(lines).toEqual(['HOST: 192.0.2.1:0 is no address of this machine. Set HOST to one that is'])
})
