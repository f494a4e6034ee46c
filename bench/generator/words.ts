/** Random makes numbers in [0, 1) that a seed repeats (mulberry32). */
export type Random = () => number

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Different words that the texts are made of: enough that a text index has work to do. */
const VOCABULARY = 5_000
const TEXTS = 1_000
const SYLLABLES =
  'ba be bo da de do fa fi ga go ka ki la le lo ma me mi na no pa pe ra re ri sa se so ta te ti to va vi'
const LEAST_WORDS = 4
const MOST_WORDS = 24

/** createTexts makes chat messages of 4 to 24 words, common words more often than rare ones. */
export function createTexts(random: Random): string[] {
  const syllables = SYLLABLES.split(' ')
  const pick = <T>(from: readonly T[], share: number) => from[Math.floor(share * from.length)]
  const word = () =>
    Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick(syllables, random())).join('')
  const vocabulary = Array.from({ length: VOCABULARY }, word)
  return Array.from({ length: TEXTS }, () => {
    const length = LEAST_WORDS + Math.floor(random() * (MOST_WORDS - LEAST_WORDS + 1))
    return Array.from({ length }, () => pick(vocabulary, random() ** 3)).join(' ')
  })
}
