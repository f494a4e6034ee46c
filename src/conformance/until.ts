const PAUSE = 100

/** until asks again and again until the answer is right or the time is over, and gives the last one. */
export async function until<T>(
  ask: () => Promise<T>,
  isRight: (answer: T) => boolean,
  milliseconds: number,
): Promise<T> {
  const deadline = Date.now() + milliseconds
  for (;;) {
    const answer = await ask()
    if (isRight(answer) || Date.now() > deadline) return answer
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}
