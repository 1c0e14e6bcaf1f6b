import { Database } from "bun:sqlite"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { ChainWriter, FRAGMENT_BYTES } from "../src/crypto/chain.ts"
import { EAR_OVERHEAD_BYTES } from "../src/crypto/ear.ts"
import { open, seal } from "../src/crypto/hpke.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { deriveIssuerKey } from "../src/privacypass/keys.ts"
import { TOKEN_INPUT_BYTES } from "../src/privacypass/token.ts"
import { nobleVoprf } from "../src/privacypass/voprf.ts"
import { median, type Options, timeSteps } from "./harness.ts"
import { temporaryDirectory } from "./homeserver.ts"
import { openPool, POOL_ROWS } from "./pool.ts"
import { measurePush } from "./push-model.ts"
import { sealedHead } from "./sealed-head.ts"
import { cpuOfCall, threadTime } from "./thread-clock.ts"

/**
 * The unavoidable work: primitives and rows that no implementation of the protocol can do without, each measured in the
 * process that measures the whole. It knows no HTTP, no decoding, no scrubbing of the log and no queue records.
 */
export interface Model {
  /** Opening, or sealing, a record of so many padded bytes, in microseconds. */
  ear(ciphertextBytes: number): { readonly open: number; readonly seal: number }
  /** One Ed25519 verification. */
  readonly verify: number
  /** Opening one HPKE ciphertext, and sealing one. */
  readonly hpkeOpen: number
  readonly hpkeSeal: number
  /** Opening one ticket. */
  readonly ticketOpen: number
  /** Tag, keys and sealing of one entry, and the next chain key. */
  readonly chainSeal: number
  /** A durable transaction of so many rows of one entry each, into a pool of {@link POOL_ROWS}. */
  rows(count: number): number
  /** Its processor time alone, without the wait for the disk. */
  rowsCpu(count: number): number
  /** Processor time of sending one frame with an entry to a WebSocket, by Bun alone. */
  readonly push: number
  /** Redeeming one token. */
  readonly redeem: number
  /** Copying so many bytes (memcpy). */
  copy(bytes: number): number
  /** The same for 1 000 rows and other sizes of the pool. */
  readonly poolGrowth: readonly (readonly [poolRows: number, microseconds: number])[]
}

const RECORD_SIZES = [4096, 65_536, 524_288, 2_097_152, 16_777_216]
const ROW_COUNTS = [1, 10, 100, 1000]
const LARGER_POOLS = [50_000, 100_000, 200_000]
const TICKET_BYTES = 20
/** Until the code is compiled, each takes several times as long. */
const REDEMPTIONS_BEFORE = 400
const voprf = nobleVoprf(crypto.random)

/** Entries of a queue message that carries an MLSMessage of so many bytes. */
export function entriesFor(messageBytes: number): number {
  const header = 24
  return Math.ceil((messageBytes + header) / FRAGMENT_BYTES)
}

/** What all recipients of a message cost: tickets, entries, and one transaction of them. */
export function deliveryModel(model: Model, recipients: number, entriesEach: number): number {
  const sealing = recipients * (model.ticketOpen + entriesEach * model.chainSeal)
  return sealing + model.rows(recipients * entriesEach)
}

export async function measureModel(options: Options): Promise<Model> {
  const ears = new Map<number, { open: number; seal: number }>()
  for (const bytes of RECORD_SIZES) ears.set(bytes, measureEar(bytes, options))
  const { rows, rowsCpu, poolGrowth } = await measureRows(options)
  const copies: [number, number][] = []
  for (const bytes of RECORD_SIZES) copies.push([bytes, measureCopy(bytes, options)])
  return {
    ear: (ciphertextBytes) => {
      const at = (side: "open" | "seal") =>
        interpolated(
          [...ears].map(([bytes, cost]) => [bytes, cost[side]] as const),
          ciphertextBytes - EAR_OVERHEAD_BYTES,
        )
      return { open: at("open"), seal: at("seal") }
    },
    rows: (count) => interpolated(rows, count),
    rowsCpu: (count) => interpolated(rowsCpu, count),
    copy: (bytes) => interpolated(copies, bytes),
    push: await measurePush(options),
    poolGrowth,
    ...measurePrimitives(options),
  }
}

function measurePrimitives(options: Options) {
  const seed = crypto.random(32)
  const message = crypto.random(800)
  const publicKey = crypto.ed25519Public(seed)
  const signature = crypto.ed25519Sign(seed, message)
  const key = crypto.random(32)
  const nonce = crypto.random(12)
  const ticket = crypto.aesGcmSeal(key, nonce, nonce, crypto.random(TICKET_BYTES))
  const issuer = deriveIssuerKey(crypto, voprf, crypto.random(32))
  const redeem = () => voprf.evaluate(issuer.secretKey, message.subarray(0, TOKEN_INPUT_BYTES))
  for (let i = 0; i < REDEMPTIONS_BEFORE; i++) redeem()
  const secretKey = crypto.random(32)
  const receiver = crypto.x25519Public(secretKey)
  const sealed = seal(crypto, receiver, nonce, nonce, crypto.random(32))
  const chain = ChainWriter.create(crypto)
  const content = crypto.random(600)
  return {
    verify: cpuOfCall(() => crypto.ed25519Verify(publicKey, message, signature), options),
    ticketOpen: cpuOfCall(() => crypto.aesGcmOpen(key, nonce, nonce, ticket), options),
    hpkeOpen: cpuOfCall(() => open(crypto, secretKey, nonce, nonce, sealed), options),
    hpkeSeal: cpuOfCall(() => seal(crypto, receiver, nonce, nonce, key), options),
    chainSeal: cpuOfCall(() => chain.seal(content), options),
    redeem: cpuOfCall(redeem, options),
  }
}

function measureCopy(bytes: number, options: Options): number {
  const [state, target] = [crypto.random(bytes), new Uint8Array(bytes)]
  return cpuOfCall(() => target.set(state), options)
}

function measureEar(bytes: number, options: Options): { open: number; seal: number } {
  const head = sealedHead(bytes)
  const [key, nonce, groupId, state] = [
    crypto.random(32),
    crypto.random(12),
    crypto.random(16),
    head.ciphertext.slice(),
  ]
  return {
    open: cpuOfCall(() => head.open(), options),
    seal: cpuOfCall(() => crypto.aesGcmSealInPlace(key, nonce, groupId, state), options),
  }
}

type Points = readonly (readonly [x: number, microseconds: number])[]

/** Transactions into a table like the pool's, with the same settings; the log is copied back outside the measured time. */
async function measureRows({
  short,
}: Options): Promise<{ rows: Points; rowsCpu: Points; poolGrowth: Points }> {
  const directory = temporaryDirectory()
  const database = new Database(join(directory, "model.sqlite"))
  const pool = openPool(database)
  try {
    const time = async (count: number) => {
      const times: number[] = []
      const cpu: number[] = []
      for (let i = 0; i < (short ? 7 : 15); i++) {
        database.run("PRAGMA wal_checkpoint(RESTART)")
        const before = threadTime()
        times.push(...(await timeSteps(1, async () => pool.transact(count))))
        cpu.push(threadTime() - before)
      }
      return { wall: [count, median(times)], cpu: [count, median(cpu)] } as const
    }
    pool.grow(POOL_ROWS)
    const measured = []
    for (const count of ROW_COUNTS) measured.push(await time(count))
    const poolGrowth = []
    for (const size of short ? [] : LARGER_POOLS) {
      pool.grow(size)
      poolGrowth.push([size, (await time(1000)).wall[1]] as const)
    }
    return { rows: measured.map(({ wall }) => wall), rowsCpu: measured.map(({ cpu }) => cpu), poolGrowth }
  } finally {
    pool.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Linear between measured points, and beyond the outer two. */
function interpolated(points: readonly (readonly [x: number, y: number])[], x: number): number {
  const after = Math.min(
    Math.max(
      1,
      points.findIndex(([at]) => at >= x),
    ),
    points.length - 1,
  )
  const beyond = x > (points.at(-1)?.[0] ?? 0) ? points.length - 1 : after
  const [x0, y0] = points[beyond - 1] as readonly [number, number]
  const [x1, y1] = points[beyond] as readonly [number, number]
  return Math.max(0, y0 + ((x - x0) * (y1 - y0)) / (x1 - x0))
}

/** The model's parts, for the report. */
export function modelResults(model: Model) {
  const ear = [65_556, 2_097_172].flatMap((size) => [
    { name: "EAR open", size, microseconds: model.ear(size).open },
    { name: "EAR seal", size, microseconds: model.ear(size).seal },
  ])
  return [
    ...ear,
    { name: "Ed25519 verify", size: 800, microseconds: model.verify },
    { name: "HPKE open", size: 32, microseconds: model.hpkeOpen },
    { name: "ticket open", size: TICKET_BYTES, microseconds: model.ticketOpen },
    { name: "chain seal", size: 1, microseconds: model.chainSeal },
    { name: "redeem", size: 1, microseconds: model.redeem },
    { name: "push of a frame, CPU", size: 1, microseconds: model.push },
    { name: "copy of a state", size: 2_097_152, microseconds: model.copy(2_097_152) },
    ...ROW_COUNTS.map((size) => ({ name: "durable rows", size, microseconds: model.rows(size) })),
    ...ROW_COUNTS.map((size) => ({ name: "durable rows, CPU", size, microseconds: model.rowsCpu(size) })),
    ...model.poolGrowth.map(([size, microseconds]) => {
      return { name: "1 000 durable rows, pool of", size, microseconds }
    }),
  ]
}
