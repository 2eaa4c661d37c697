import type { CodeTable } from './code.ts'

/** Codes of the Linux agent: the board on files, the two stages, the application, the probes. */
export const agentCodes = {
  'board-missing': {
    exit: 66,
    status: 404,
    action: 'refuse',
    title: 'no board was made in this folder',
    fix: 'Check the path. "voltseal agent init" makes a board; one that was cut off half-way is removed and made again.',
  },
  'board-in-use': {
    exit: 75,
    status: 409,
    action: 'retry',
    title: 'another process owns the board',
    fix: 'A board has one owner. Stop the agent that runs on it (systemctl stop voltseal-agent), or talk to it instead.',
  },
  'board-area-missing': {
    exit: 66,
    status: 500,
    action: 'halt',
    title: 'an area of the board’s flash cannot be opened',
    fix: 'Check that the file or the block device is there and that this user may read and write it.',
  },
  'board-area-short': {
    exit: 74,
    status: 500,
    action: 'halt',
    title: 'an area of the board’s flash is shorter than the board was made with',
    fix: 'Check that it is the right file or partition. Nothing was written. If it was cut, make the board again.',
  },
  'element-unreadable': {
    exit: 74,
    status: 500,
    action: 'halt',
    title: 'the keys and the security counter of the device cannot be read',
    fix: 'Nothing runs without them. Check the permissions of the file; if it is lost, make the board again and enrol it anew.',
  },
  'watchdog-device-unusable': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'the watchdog of the machine cannot be used',
    fix: 'Check watchdogDevice in agent.yaml, and that no other program holds it (systemd does with RuntimeWatchdogSec).',
  },
  'runtime-unusable': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'what is to run cannot be put into the runtime folder',
    fix: 'Check runtime in agent.yaml: its parent must be there, this user must own it, and its file system may not be mounted noexec.',
  },
  'agent-not-running': {
    exit: 69,
    status: 503,
    action: 'retry',
    title: 'no agent answers for this board',
    fix: 'Start it (voltseal agent run, or systemctl start voltseal-agent), and ask as the user that it runs as.',
  },
  'account-unknown': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'the account that the application shall run as is not on this machine',
    fix: 'Make the account, or correct user and group in agent.yaml. A number is taken as it is.',
  },
  'probe-missing': {
    exit: 78,
    status: 409,
    action: 'refuse',
    title: 'a probe that the trial asks for is not in agent.yaml',
    fix: 'It would fail its trial for want of a judge. Add the probe to agent.yaml, then do the same again: no restart is needed.',
  },
  'turn-over': {
    exit: 75,
    status: 409,
    action: 'retry',
    title: 'the turn to restart was over before the controller could begin',
    fix: 'Nothing: the controller asks for another turn. If it happens again and again, see what takes long: its probes, or somebody who stages on the spot.',
  },
  'baseline-missing': {
    exit: 75,
    status: 409,
    action: 'retry',
    title: 'the figures from before the update cannot be read',
    fix: 'The controller does not restart before it has them. Check the command of the probe in agent.yaml by hand.',
  },
} as const satisfies CodeTable
