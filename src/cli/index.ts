/**
 * The program `nearfar`: its commands, and what all of them have in common. Exit status: 0; 2 for
 * bad usage or input (one line that says what and where); 128 + n where signal n stopped it, 141
 * where the reader of its output is gone; 1 for a fault of nearfar itself.
 */

import { CommanderError, Command as Program } from 'commander';
import { isCopy, runCopy } from '../../bench/peers/copies.js';
import { wasmMemory } from '../core/kernels.js';
import { InputError, Interrupted } from '../terminal/errors.js';
import { errorText, MACHINE, removeEmptyFolders } from '../terminal/files.js';
import { version } from '../terminal/package-files.js';
import { Terminal } from '../terminal/progress.js';
import { columnsOf, printable, suggestion, wrap } from '../terminal/text.js';
import { startThreads, threadsOption } from '../terminal/threads.js';
import type { Command } from './command.js';
import { COMMANDS } from './commands/index.js';
import { reportFailure, threadRank } from './ranks/threads.js';

const BAD_USAGE = 2;
const OUR_FAULT = 1;
/** Exit status after each signal: 128 and its number, as shells count. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
/** Exit status where the reader of a pipe has gone: 128 and the number of SIGPIPE. */
const PIPE_CLOSED = 141;
/** Narrowest column of descriptions in the help; below it, lines are not broken. */
const MIN_HELP_COLUMN = 16;
let terminal = new Terminal(false);

function register(program: Program, command: Command): void {
  const { name, summary, options, examples = [] } = command;
  const entry = program.command(name).description(summary).summary(summary);
  for (const { notation, description } of command.arguments ?? []) {
    entry.argument(notation, description);
  }
  const described = process.argv.some((text) => ['help', '-h', '--help'].includes(text))
    ? (command.help?.() ?? options)
    : options;
  for (const option of [...described, threadsOption(command.threads)]) {
    entry.option(option.flags, option.description, option.default);
  }
  if (examples.length > 0) {
    entry.addHelpText('after', () => `\nExamples:\n${examples.map(formatExample).join('\n')}`);
  }
  entry.action(async () => {
    const values = entry.opts();
    terminal = new Terminal(values.json === true, threadRank() !== undefined);
    try {
      checkMemory();
      // Ranks that are threads share the cores.
      const sharers = values.nats === undefined ? Number(values.ranks ?? 1) : 1;
      await startThreads(values.threads, command.threads, Math.max(1, sharers || 1));
      await command.run({ positional: entry.args, options: values, terminal, onInterrupt });
    } catch (error) {
      if (error instanceof InputError) {
        const help = error.message.endsWith(' is needed') ? ` (see nearfar ${name} --help)` : '';
        error.message = `${name}: ${error.message}${help}`;
      }
      throw error;
    }
  });
}

/** @throws {InputError} if the process may not reserve WebAssembly memory, under `ulimit -v` */
function checkMemory(): void {
  try {
    wasmMemory();
  } catch (error) {
    throw new InputError((error as Error).message.replace(/^nearfar: /, ''));
  }
}

/** Breaks a command line that is wider than the window as a shell takes it. */
function formatExample(line: string): string {
  const room = columnsOf(process.stdout) - 8;
  return `  ${wrap(line, room).replaceAll('\n', ' \\\n      ')}`;
}

function createProgram(): Program {
  const program = new Program('nearfar')
    .description('Contrastive and self-supervised learning in WebAssembly.')
    .version(version(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`nearfar: ${printable(usageError(text))}\n`),
      getOutHelpWidth: () => columnsOf(process.stdout),
    })
    .configureHelp({ minWidthToWrap: MIN_HELP_COLUMN });
  for (const command of COMMANDS) register(program, command);
  program.addHelpText(
    'after',
    '\nStart with: nearfar demo experiment\nMore of a command: nearfar help train',
  );
  return program;
}

/** @throws {InputError} if help is asked for of a command that there is not */
function checkHelp(): void {
  const [, , first, name] = process.argv;
  const names = COMMANDS.map((command) => command.name);
  if (first !== 'help' || name === undefined || name.startsWith('-')) return;
  if (names.includes(name) || name === 'help') return;
  const hint = suggestion(name, names);
  throw new InputError(`help: unknown command ${JSON.stringify(name)}${hint}`);
}

/** Puts the lines of commander's error (the error, a suggestion) into one. */
function usageError(text: string): string {
  const line = oneLine(text.replace(/^error: /, ''));
  if (line.endsWith(')')) return line;
  const [, , name] = process.argv;
  const command = COMMANDS.find((one) => one.name === name);
  return `${line} (see nearfar ${command === undefined ? '' : `${command.name} `}--help)`;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

/** Describes an error of the machine, such as a full disk; nothing if it is not one. */
function machineError(error: unknown): string | undefined {
  const { code, path, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  const meaning = code === undefined ? undefined : MACHINE[code];
  if (meaning === undefined || syscall === undefined) return undefined;
  return `${path === undefined ? '' : `${path}: `}${meaning} (${code})`;
}

/** Says what went wrong and returns the exit status. */
function report(error: unknown): number {
  terminal.close();
  if (threadRank() !== undefined) {
    reportFailure(error instanceof Error ? error.message : String(error));
    return OUR_FAULT;
  }
  // At the end of the process, when locks are gone.
  process.once('exit', removeEmptyFolders);
  // Commander has said it already; asking for help or the version is not an error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_USAGE;
  const message = error instanceof InputError ? error.message : machineError(error);
  if (message !== undefined) {
    process.stderr.write(`nearfar: ${printable(oneLine(message))}\n`);
    return BAD_USAGE;
  }
  if (error instanceof Interrupted) {
    process.stderr.write(`nearfar: ${printable(oneLine(error.message))}\n`);
    return stoppedBy;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`nearfar: a fault in nearfar itself, please report it: ${stack}\n`);
  return OUR_FAULT;
}

/** Action at the first interrupt, if the command has one; at the second the program ends. */
let interruptible: (() => void) | undefined;
/** Exit status of an interrupted command. */
let stoppedBy: number = SIGNALS.SIGINT;

function onInterrupt(action: () => void): void {
  interruptible = action;
}

function interrupt(status: number): void {
  const action = interruptible;
  interruptible = undefined;
  stoppedBy = status;
  if (action !== undefined) action();
  else process.exit(report(new Interrupted('interrupted, nothing was written')));
}

for (const [signal, status] of Object.entries(SIGNALS)) {
  process.on(signal, () => interrupt(status));
}

// The reader of our output may have had enough of it: `nearfar … | head`. Work that can be saved
// is saved as at an interrupt; the status says that it was not done.
let outputEnded = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (outputEnded) return;
  outputEnded = true;
  if (error.code === 'EPIPE') {
    if (interruptible === undefined) process.exit(PIPE_CLOSED);
    interrupt(PIPE_CLOSED);
    return;
  }
  process.stderr.write(`nearfar: standard output: cannot write it (${errorText(error)})\n`);
  if (interruptible === undefined) process.exit(BAD_USAGE);
  interrupt(BAD_USAGE);
});
process.stderr.on('error', () => {});

try {
  const program = createProgram();
  checkHelp();
  if (isCopy) runCopy();
  else if (process.argv.length <= 2) program.help();
  else await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
