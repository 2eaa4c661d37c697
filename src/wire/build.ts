/** When this release of Voltseal was made, in milliseconds since 1970: no clock that is right shows an earlier time. */
export const BUILT_AT = Date.UTC(2026, 10, 20)
