/** Random numbers from 0 to 1 that a seed repeats. */
export type Random = () => number

export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

/** Runs a test on a seed of its own; on failure it says which, and `CINDER_SEED` repeats it. */
export async function seeded(run: (random: Random) => Promise<void>): Promise<void> {
  const seed = Number(process.env["CINDER_SEED"] ?? Math.floor(Math.random() * 2 ** 32))
  try {
    await run(randomFrom(seed))
  } catch (error) {
    console.error(`failed with CINDER_SEED=${seed}`)
    throw error
  }
}
