import { Copyable } from '../../parts/copyable.tsx'

/** What becomes of a passkey's public part that was saved as a file: it counts once the holders of the approval root have signed it in. */
export function ApproverKey({ account, file, onDone }: { account: string; file: string; onDone: () => void }) {
  return (
    <div class="me-next" role="status">
      <p>
        <strong class="mono">{file}</strong> is saved. It is the public part of the key, and no secret: it approves
        nothing before the holders of the approval root have signed it in. Give it to who prepares that ceremony, who
        compares its id with you. Passkeys make up all of the signatures that are needed but one.
      </p>
      <Copyable what="the commands of the ceremony" text={commandsFor(account, file)} />
      <button type="button" onClick={onDone}>
        Close
      </button>
    </div>
  )
}

const commandsFor = (account: string, file: string): string =>
  [
    `voltseal key passkey ${file}`,
    `voltseal ceremony start passkeys --repository approval --role targets --add-signer ${account}=${file}`,
    'voltseal ceremony sign passkeys --key KEY',
    'voltseal ceremony close passkeys',
    `voltseal account key ${account} --add ${file}`,
  ].join('\n')
