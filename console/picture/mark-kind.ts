/** What a mark says, by a shape of its own: colour only repeats it (parts/mark.tsx draws them). */
export type MarkKind = 'good' | 'busy' | 'waiting' | 'unknown' | 'attention' | 'failed' | 'trust'
