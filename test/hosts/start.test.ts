import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
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

test('an address of another machine is told in a line, with what to do', async () => {
  // RFC 5737: nobody has it.
  const { ended, lines } = runCommand(['start'], { HOST: '192.0.2.1', PORT: '0' })
  expect(await ended).toBe(2)
  expect(lines).toEqual(['HOST: 192.0.2.1:0 is no address of this machine. Set HOST to one that is'])
})
