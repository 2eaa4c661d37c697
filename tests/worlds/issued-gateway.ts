/** What an enrolment gives a gateway, in words that nothing is verified by. */
export const ISSUED = {
  site: 'quay',
  fleet: { url: 'https://127.0.0.1:8443', ca: 'PEM' },
  siteCa: 'PEM',
  gateway: { cert: 'PEM', serverCert: 'PEM' },
  controllers: { 'bms-1': { cert: 'PEM', reportKey: 'AAAA' } },
  roots: { image: 'AAAA', approval: 'AAAA', director: 'AAAA' },
  anchors: [],
  log: 'fleet+00000000+AAAA',
}
