import { wipe } from "../../src/crypto/wipe.ts"
import type { Member } from "../../src/mls/member/group.ts"
import { PAST_EPOCHS_MAX } from "../../src/mls/member/state.ts"
import { type Random, refused } from "./delivery.ts"

/** Application messages of a simulated group, on their way and read. */

export interface Letter {
  readonly message: Uint8Array
  readonly text: string
  readonly sender: number
  readonly epoch: bigint
}

export interface LetterReader {
  member: Member
  /** The epoch into which it joined. */
  readonly joined: bigint
  /** What may still come, in any order. */
  inbox: Letter[]
}

/** Some letters arrive, in any order; some are lost; the rest waits, and so does what came too early. */
export function deliverLetters(reader: LetterReader, random: Random, tally: { late: number }): void {
  const waiting: Letter[] = []
  while (reader.inbox.length > 0) {
    const [letter] = reader.inbox.splice(random(reader.inbox.length), 1) as [Letter]
    const fate = random(8)
    if (fate < 2 || (fate > 2 && !read(reader, letter, tally))) waiting.push(letter)
  }
  reader.inbox = waiting
}

/** Reads what can be read; false if the letter came too early. */
function read(reader: LetterReader, letter: Letter, tally: { late: number }): boolean {
  const age = reader.member.context.epoch - letter.epoch
  if (age < 0n || age > BigInt(PAST_EPOCHS_MAX) || letter.epoch < reader.joined) {
    refused(() => reader.member.decrypt(letter.message), "a message of an epoch that is not known")
    return age >= 0n
  }
  const opened = reader.member.decrypt(letter.message)
  const right = new TextDecoder().decode(opened.plaintext) === letter.text
  if (!right || opened.sender !== letter.sender || opened.epoch !== letter.epoch) {
    throw new Error("a message was read wrongly")
  }
  wipe(...opened.consumed)
  reader.member = opened.next
  if (age > 0n) tally.late++
  refused(() => reader.member.decrypt(letter.message), "a message read twice")
  return true
}
