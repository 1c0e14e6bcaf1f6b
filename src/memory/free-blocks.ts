/**
 * What the runtime frees it does not overwrite. Native blocks are mimalloc's and small arrays the collector's own; both keep
 * free ones of a size together and hand them out again before they take new memory for that size. So blocks of every
 * size, made all at once and filled with zeros as new ones are, take the places of the free ones.
 */

const WORD_BYTES = 8
/** mimalloc's classes: four from one power of two to the next. Blocks of less than two pieces of a key hold none whole. */
const SMALLEST_WORDS = [4, 5, 6, 7, 8]
const LARGEST_BYTES = 1024 * 1024
/** Up to this size there are many free blocks: the runtime's own objects are among them, and copies of most requests. */
const SMALL_BYTES = 8 * 1024
/** At least so much of each size; of large ones at least two. */
const SMALL_BLOCKS_BYTES = 128 * 1024
const BLOCKS_BYTES = 32 * 1024

/** The collector's classes: multiples of 16 bytes at first, then 1.4 times each. Larger arrays are native blocks. */
const ARRAY_BYTES = [32, 48, 64, 80, 112, 160, 224, 304, 416, 592, 832, 1000]
const ARRAYS_BYTES = 256 * 1024

function blockSizes(): number[] {
  const words = [...SMALLEST_WORDS]
  for (let scale = 2; words.at(-1)! * WORD_BYTES < LARGEST_BYTES; scale *= 2)
    words.push(5 * scale, 6 * scale, 7 * scale, 8 * scale)
  return words.map((count) => count * WORD_BYTES)
}

const blocks = blockSizes().map((bytes) => {
  const wanted = bytes <= SMALL_BYTES ? SMALL_BLOCKS_BYTES : BLOCKS_BYTES
  return { bytes, count: Math.max(2, Math.ceil(wanted / bytes)) }
})

/** Fills what is free in the heap with zeros. What is garbage is not free yet: collect it before. */
export function overwriteFreeBlocks(): void {
  const held: (ArrayBuffer | Uint8Array)[] = []
  for (const { bytes, count } of blocks) for (let i = 0; i < count; i++) held.push(new ArrayBuffer(bytes))
  for (const bytes of ARRAY_BYTES)
    for (let made = 0; made < ARRAYS_BYTES; made += bytes) held.push(new Uint8Array(bytes))
}
