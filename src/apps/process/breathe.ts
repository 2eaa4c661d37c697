/**
 * Lets everybody else have their turn. The store answers at once: who reads page after page of it waits for nothing, and
 * until they are through nobody else is served.
 */
export const breathe = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
