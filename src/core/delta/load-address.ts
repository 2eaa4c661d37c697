/** Words, and beginnings of functions, that are looked at, at most. */
const MOST_POINTERS = 32_768
const MOST_BEGINS = 4096
/** An image begins at a multiple of so much: no vector table of a Cortex-M is aligned to less (Arm v7-M ARM, B3.2.5). */
const ALIGNMENT = 0x80
/** Functions that must be where their pointers say, at least. */
const ENOUGH = 8

/** How the functions of an architecture begin: by a halfword, which stands so many bytes behind the first one; and the lowest bit of a pointer to one. */
export type Functions = {
  readonly isBegin: (halfword: number) => boolean
  readonly behind: 0 | 2
  readonly lowest: 0 | 1
}

/** Of a Cortex-M: they save registers (`PUSH` with `LR`), and pointers to them are odd. */
export const THUMB: Functions = {
  isBegin: halfword => halfword >> 8 === 0xb5 || halfword === 0xe92d,
  behind: 0,
  lowest: 1,
}
/** Of RISC-V: they take room on the stack (`C.ADDI16SP`, and `C.ADDI` to `sp`, of less than nothing). */
export const RISCV: Functions = {
  isBegin: halfword => (halfword & 0xff83) === 0x7101 || (halfword & 0xff83) === 0x1101,
  behind: 0,
  lowest: 0,
}
/** Of 32-bit Arm code: they save registers (`PUSH`). */
export const ARM: Functions = { isBegin: halfword => halfword === 0xe92d, behind: 2, lowest: 0 }

/**
 * Where an image is run from, by its own words: the address from which most words that could point to a function point to the beginning of
 * one. Null where none stands out: it is no such image, or it is compressed or encrypted.
 */
export function loadAddress(image: Uint8Array, { isBegin, behind, lowest }: Functions = THUMB): number | null {
  const view = new DataView(image.buffer, image.byteOffset, image.length)
  // By where they stand between two multiples of the alignment: only those that stand as a pointer does can be what it points to.
  const begins = Array.from({ length: ALIGNMENT }, (): number[] => [])
  for (let at = 0, count = 0; at + 2 <= image.length && count < MOST_BEGINS; at += 2) {
    const halfword = view.getUint16(at, true)
    if (!isBegin(halfword)) continue
    const begin = at - behind
    begins[begin & (ALIGNMENT - 1)]!.push(begin)
    count += 1
  }
  const pointers = new Set<number>()
  for (let at = 0; at + 4 <= image.length && pointers.size < MOST_POINTERS; at += 4) {
    const word = view.getUint32(at, true)
    if (word % 2 === lowest && word < 0xe000_0000) pointers.add(word - lowest)
  }
  const votes = new Map<number, number>()
  for (const pointer of pointers) {
    for (const begin of begins[pointer % ALIGNMENT]!) {
      const load = pointer - begin
      if (load < 0) continue
      votes.set(load, (votes.get(load) ?? 0) + 1)
    }
  }
  let [best, most, second] = [0, 0, 0]
  for (const [load, count] of votes) {
    if (count > most) {
      second = most
      most = count
      best = load
    } else if (count > second) second = count
  }
  return most >= ENOUGH && most >= 3 * second ? best : null
}
