import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readArchive } from '../../../src/hosts/node/replay/archive.ts'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-archive-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const good = (content: string) => JSON.stringify({ t: 1_600_000_000, u: 7, p: 'tea', c: content })

describe('readArchive', () => {
  test('reads the same from a packed file and a plain one, with a last line that has no end', async () => {
    const text = `${good('one')}\n${good('two')}`
    const plain = await readArchive(write('plain', text))
    const packed = await readArchive(write('packed', gzipSync(text)))
    expect(plain.lines).toEqual([
      { number: 1, at: 1_600_000_000_000, author: 7, topic: 'tea', content: 'one' },
      { number: 2, at: 1_600_000_000_000, author: 7, topic: 'tea', content: 'two' },
    ])
    expect(packed.lines).toEqual(plain.lines)
    expect(packed.digest).not.toBe(plain.digest)
  })

  test('reports every line that cannot be a message, by its number and reason', async () => {
    const lines = [
      ['{"t": 1', 'not JSON'],
      ['', 'not JSON'],
      [Buffer.from([0x22, 0xff, 0x22]), 'not UTF-8'],
      ['[]', 'must be a JSON object'],
      ['{"t": "now", "u": 1, "p": "tea", "c": "x"}', 't must be unix seconds'],
      ['{"t": 1, "u": 1.5, "p": "tea", "c": "x"}', 'u must be a whole number'],
      ['{"t": 1, "u": 1, "p": "", "c": "x"}', 'p must not be empty'],
      ['{"t": 1, "u": 1, "p": "tea"}', 'c must be text'],
      [good(' \n '), 'Message must not be empty unless it has an attachment'],
      [good('x'.repeat(10_001)), 'Message exceeds maximum length'],
      [good('a\0b'), 'Must not contain U+0000 or a lone surrogate'],
      ['{"t": 1, "u": 1, "p": "tea", "c": "\\ud800"}', 'Must not contain U+0000 or a lone surrogate'],
    ] as const
    const bytes = lines.map(([line]) => Buffer.concat([Buffer.from(line), Buffer.from('\n')]))
    const { lines: read, skipped } = await readArchive(write('wrong', Buffer.concat(bytes)))
    expect(read).toEqual([])
    expect(skipped).toEqual(lines.map(([, reason], index) => ({ number: index + 1, reason })))
  })

  test('takes 10,000 characters of any kind, and what other splitters take for the end of a line', async () => {
    const contents = ['🫖'.repeat(10_000), 'one\u2028two\u2029three\u0085four', '\u0001'.repeat(9_000)]
    const { lines, skipped } = await readArchive(write('odd', contents.map(good).join('\n')))
    expect(skipped).toEqual([])
    expect(lines.map(({ content }) => content)).toEqual(contents)
  })

  test('takes no more lines than the limit, wrong ones counted', async () => {
    const text = [good('one'), 'wrong', good('two'), good('three')].join('\n')
    const { lines, skipped } = await readArchive(write('limited', text), 3)
    expect(lines.map(({ number }) => number)).toEqual([1, 3])
    expect(skipped.map(({ number }) => number)).toEqual([2])
  })

  test('rejects a file that is not there or was cut off', async () => {
    await expect(readArchive(join(folder, 'nothing'))).rejects.toThrow('ENOENT')
    const packed = gzipSync(good('x'.repeat(5_000)))
    await expect(readArchive(write('cut', packed.subarray(0, 40)))).rejects.toThrow('unexpected end of file')
  })
})
