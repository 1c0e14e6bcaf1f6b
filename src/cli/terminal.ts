import { styleText } from "node:util"

/** Colour is for terminals. */
export function paint(colour: "green" | "red" | "yellow" | "bold" | "dim", words: string): string {
  return process.stdout.isTTY ? styleText(colour, words, { validateStream: false }) : words
}

/** Breaks a text into lines of at most so many characters, unless a word is longer. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}
