/**
 * Exact confidence limits of a rate that was counted: F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika
 * 28 (1936) 437–442. For k events the limits of the mean are half the chi-squared quantiles: lower χ²(α/2; 2k) / 2, upper
 * χ²(1 − α/2; 2k + 2) / 2. Half a chi-squared of 2a degrees is a gamma of shape a, which is how they are computed here.
 */

/** A rate with its limits, in events per unit of exposure. */
export type Rate = { readonly rate: number; readonly low: number; readonly high: number }

/** Limits of the mean of a Poisson count; `confidence` between 0 and 1, 0.95 as a rule. */
export function poissonLimits(count: number, confidence = 0.95): { readonly low: number; readonly high: number } {
  const tail = (1 - confidence) / 2
  if (count > MANY) return manyLimits(count, tail)
  return { low: count === 0 ? 0 : gammaQuantile(tail, count), high: gammaQuantile(1 - tail, count + 1) }
}

/** From here on the incomplete gamma function takes too long, and the cube root of a gamma is as good as normal. */
const MANY = 1_000_000

/**
 * The limits of a large count by E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", Proc. Natl. Acad. Sci. 17
 * (1931) 684–688: off by less than a ten-thousandth of the limits' distance here. The normal quantile is that of a gamma of one half.
 */
function manyLimits(count: number, tail: number): { readonly low: number; readonly high: number } {
  const z = Math.sqrt(2 * gammaQuantile(1 - 2 * tail, 0.5))
  const quantile = (shape: number, z: number): number => shape * (1 - 1 / (9 * shape) + z / (3 * Math.sqrt(shape))) ** 3
  return { low: quantile(count, -z), high: quantile(count + 1, z) }
}

/** The rate of `count` events in an exposure; null without exposure: nothing was watched, so nothing is known. */
export function rateOf(count: number, exposure: number, confidence = 0.95): Rate | null {
  if (!(exposure > 0)) return null
  const { low, high } = poissonLimits(count, confidence)
  return { rate: count / exposure, low: low / exposure, high: high / exposure }
}

/** The x at which a gamma of this shape (and rate 1) has the share `p` below it: by halves, since the function only rises. */
function gammaQuantile(p: number, shape: number): number {
  let low = 0
  // The mean and twelve standard deviations and a constant for small shapes: the tail above is far below 1e-12.
  let high = shape + 12 * Math.sqrt(shape) + 30
  for (let step = 0; step < 200; step += 1) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) break
    if (lowerGamma(shape, middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/**
 * The regularised lower incomplete gamma function P(a, x) for a > 0 (NIST Digital Library of Mathematical Functions, §8.2): the
 * series 8.11.4 below a + 1, the continued fraction 8.9.2 above it, by the modified method of Lentz.
 */
function lowerGamma(a: number, x: number): number {
  if (x <= 0) return 0
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-16 && n < 100_000; n += 1) {
      term *= x / (a + n)
      sum += term
    }
    return sum * scale
  }
  const tiny = 1e-300
  let b = x + 1 - a
  let c = 1 / tiny
  let d = 1 / b
  let fraction = d
  for (let n = 1; n < 100_000; n += 1) {
    const an = -n * (n - a)
    b += 2
    d = an * d + b
    if (Math.abs(d) < tiny) d = tiny
    c = b + an / c
    if (Math.abs(c) < tiny) c = tiny
    d = 1 / d
    const change = d * c
    fraction *= change
    if (Math.abs(change - 1) < 1e-16) break
  }
  return 1 - scale * fraction
}

/** log Γ(a) for a > 0: Stirling's series (DLMF 5.11.1) at a + 10 or above, and the recurrence back down. */
function logGamma(a: number): number {
  let shift = 0
  let z = a
  while (z < 10) {
    shift += Math.log(z)
    z += 1
  }
  const inverse = 1 / (z * z)
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188))))) / z
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - shift
}
