/**
 * The program `nearfar`: the table of its commands, and what all of them have in common. It ends
 * with status 0, with 2 for bad usage or input (one line that says what and where), with 130 at an
 * interrupt, or with 1 for a fault of ours.
 */

import { CommanderError, Command as Program } from 'commander';
import { isCopy, runCopy } from '../../bench/peers/copies.js';
import { InputError, Interrupted } from '../terminal/errors.js';
import { version } from '../terminal/package-files.js';
import { Terminal } from '../terminal/progress.js';
import { startThreads, threadsOption } from '../terminal/threads.js';
import type { Command } from './command.js';
import { COMMANDS } from './commands/index.js';

const BAD_USAGE = 2;
const OUR_FAULT = 1;
/** 128 and the number of the signal, as shells count. */
const INTERRUPTED = 130;

let terminal = new Terminal(false);

function register(program: Program, command: Command): void {
  const { name, summary, options } = command;
  const entry = program.command(name).description(summary).summary(summary);
  for (const { notation, description } of command.arguments ?? []) {
    entry.argument(notation, description);
  }
  for (const option of [...options, threadsOption(command.threads)]) {
    entry.option(option.flags, option.description, option.default);
  }
  entry.action(async () => {
    const values = entry.opts();
    terminal = new Terminal(values.json === true);
    try {
      await startThreads(values.threads, command.threads);
      await command.run({ positional: entry.args, options: values, terminal, onInterrupt });
    } catch (error) {
      if (error instanceof InputError) error.message = `${name}: ${error.message}`;
      throw error;
    }
  });
}

function createProgram(): Program {
  const program = new Program('nearfar')
    .description('Contrastive and self-supervised learning in WebAssembly.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`nearfar: ${usageError(text)}\n`),
    });
  for (const command of COMMANDS) register(program, command);
  return program;
}

/** Commander's several lines (what is wrong, and what may have been meant) as one. */
function usageError(text: string): string {
  const line = oneLine(text.replace(/^error: /, ''));
  return line.endsWith(')') ? line : `${line} (see nearfar --help)`;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

/** Says what went wrong and returns the status to end with. */
function report(error: unknown): number {
  terminal.close();
  // Commander has said it already; asking for help or the version is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_USAGE;
  if (error instanceof InputError) {
    process.stderr.write(`nearfar: ${oneLine(error.message)}\n`);
    return BAD_USAGE;
  }
  if (error instanceof Interrupted) {
    process.stderr.write(`nearfar: ${error.message}\n`);
    return INTERRUPTED;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`nearfar: a fault in nearfar itself, please report it: ${stack}\n`);
  return OUR_FAULT;
}

/** What a command does at the first interrupt; at the second the program ends. */
let interruptible: (() => void) | undefined;
function onInterrupt(action: () => void): void {
  interruptible = action;
}

process.on('SIGINT', () => {
  const action = interruptible;
  interruptible = undefined;
  if (action !== undefined) {
    action();
    return;
  }
  process.exit(report(new Interrupted('interrupted, nothing was written')));
});

// Whoever reads our output may have had enough of it: `nearfar … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : OUR_FAULT);
});

try {
  const program = createProgram();
  if (isCopy) runCopy();
  else if (process.argv.length <= 2) program.help();
  else await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
