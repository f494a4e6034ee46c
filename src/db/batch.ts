export interface BatchOptions<Question> {
  /** Statements under way at once. */
  readonly atOnce: number
  /** Questions of one statement, each counted by its weight; one that weighs more goes alone. */
  readonly most: number
  readonly weigh?: (question: Question) => number
}

interface Waiting<Question, Answer> {
  readonly question: Question
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * createBatch asks what many want to know in few statements, in the order in which they came. Whoever asks while
 * nothing is under way is asked for at once; the others go together in the next statement, which begins after they
 * came. So a storm of questions takes a bounded share of the database, and everybody is answered, only later.
 * `read` gives an answer to each question, in their order; when it rejects, all of its questions do.
 */
export function createBatch<Question, Answer>(
  read: (questions: readonly Question[]) => Promise<readonly Answer[]>,
  { atOnce, most, weigh = () => 1 }: BatchOptions<Question>,
): (question: Question) => Promise<Answer> {
  const waiting: Waiting<Question, Answer>[] = []
  let underWay = 0

  function take(): Waiting<Question, Answer>[] {
    let weight = 0
    const end = waiting.findIndex(({ question }, index) => {
      weight += weigh(question)
      return index > 0 && weight > most
    })
    return waiting.splice(0, end === -1 ? waiting.length : end)
  }

  async function ask(): Promise<void> {
    const batch = take()
    underWay += 1
    try {
      const answers = await read(batch.map(({ question }) => question))
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
    underWay -= 1
    askNext()
  }

  function askNext(): void {
    while (underWay < atOnce && waiting.length > 0) void ask()
  }

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject })
      askNext()
    })
}
