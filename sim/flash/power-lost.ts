/** Thrown by simulated hardware when its power goes: nothing of the program that ran survives, only what is in flash. */
export class PowerLost extends Error {
  constructor(where: string) {
    super(`power lost ${where}`)
    this.name = 'PowerLost'
  }
}
